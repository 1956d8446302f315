// One chart over time. The canvas is a picture to screen readers, with its last values as text.
import uPlot from 'uplot';
import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../store/preferences';
import { useMedia } from '../parts/media';

export interface Line {
  label: string;
  color: string; // name of a CSS variable
  values: (number | null)[];
  fill?: boolean;
  dash?: boolean;
}

interface ChartProps {
  title: string;
  times: number[];
  lines: Line[];
  format: (value: number | null) => string;
  max?: number; // of the axis, where it is fixed
}

const HEIGHT = 190;
const LEAST_SPAN_SECONDS = 60;

export function Chart({ title, times, lines, format, max }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  const look = theme.value === 'system' ? (systemDark ? 'dark' : 'light') : theme.value;
  const shape = lines.map((l) => l.label).join();
  useEffect(() => {
    const element = box.current!;
    const made = new uPlot(options(element, lines, format, max), [times, ...lines.map((l) => l.values)], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [look, shape]);
  useEffect(() => plot.current?.setData([times, ...lines.map((l) => l.values)]), [times]);
  const last = lines.map((l) => `${l.label} ${format(l.values[l.values.length - 1] ?? null)}`).join(', ');
  return (
    <section class="card chart" aria-label={title}>
      <h2>{title}</h2>
      <p class="legend" aria-hidden="true">
        {lines.map((l) => <span key={l.label}><i class={`swatch ${l.color}`} />{l.label} <b>{format(l.values[l.values.length - 1] ?? null)}</b></span>)}
      </p>
      <div ref={box} class="plot" role="img" aria-label={`${title}, last ten minutes. Now: ${last}.`} />
    </section>
  );
}

function options(element: HTMLElement, lines: Line[], format: (v: number | null) => string, max: number | undefined): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const grid = { stroke: color('line'), width: 1 };
  const font = `11px ${style.fontFamily}`;
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 30, 0, 0],
    scales: { x: { range: (_u, low, high) => [Math.min(low ?? 0, (high ?? 0) - LEAST_SPAN_SECONDS), high ?? 0] }, y: { range: (_u, _low, high) => [0, max ?? Math.max(high * 1.1, 1)] } },
    axes: [
      { stroke: color('soft'), grid: { show: false }, ticks: { show: false }, font, size: 26, space: 70, values: (_u, ticks) => ticks.map((t) => new Date(t * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })) },
      { stroke: color('soft'), grid, ticks: { show: false }, font, size: 62, values: (_u, ticks) => ticks.map((t) => format(t)) },
    ],
    series: [
      {},
      ...lines.map((l): uPlot.Series => ({
        label: l.label, stroke: color(l.color), width: 2, spanGaps: false, points: { show: false }, dash: l.dash ? [5, 4] : undefined,
        fill: l.fill ? `color-mix(in srgb, ${color(l.color)} 16%, transparent)` : undefined,
      })),
    ],
  };
}
