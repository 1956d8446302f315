// The tokens of an answer, coloured by probability; the one pointed at shows what else was likely.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { TokenInfo } from '../api/answer';
import type { Message } from './conversation';

interface TokenViewProps {
  message: Message;
  onChoose: ((prefix: string) => void) | null; // go on from this text
}

const CARD_WIDTH = 380;
const ROW_HEIGHT = 30;

export function TokenView({ message, onChoose }: TokenViewProps) {
  const tokens = message.tokens!;
  const [at, setAt] = useState<number | null>(null);
  const [focus, setFocus] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const place = usePlace(box, at, (tokens[at ?? 0]?.top.length ?? 0) + 1);
  const show = (index: number) => {
    setAt(index);
    setFocus(index);
  };
  const onKey = (event: KeyboardEvent) => {
    const last = tokens.length - 1;
    const targets: Record<string, number> = { ArrowRight: focus + 1, ArrowDown: focus + 1, ArrowLeft: focus - 1, ArrowUp: focus - 1, Home: 0, End: last, Enter: focus, ' ': focus };
    if (event.key === 'Escape' && at !== null) {
      setAt(null);
      event.stopPropagation();
    } else if (event.key in targets && (event.target as HTMLElement).classList.contains('token')) {
      event.preventDefault();
      const next = Math.min(last, Math.max(0, targets[event.key]!));
      show(next);
      box.current?.querySelectorAll<HTMLElement>('.token')[next]?.focus();
    }
  };
  const shown = at === null ? null : tokens[at];
  const before = () => (message.prefix ?? '') + tokens.slice(0, at ?? 0).map((t) => t.text).join('');
  return (
    <div class="token-view">
      <p class="hint">Probability of each token: {LEGEND.map((text, index) => <span key={index} class={`token p${index}`}>{text}</span>)}</p>
      <div class="tokens" ref={box} role="group" aria-label="Tokens" onKeyDown={onKey} onMouseLeave={() => setAt(null)}>
        {message.prefix && <span class="prefix">{message.prefix}</span>}
        {tokens.map((token, index) => (
          <span
            key={index} role="button" class={`token ${index === at ? 'chosen' : ''} p${bucket(token.logprob)}`} tabIndex={index === focus ? 0 : -1}
            aria-label={`${visible(token.token)}, ${percent(token.logprob)}`} aria-expanded={index === at}
            onMouseEnter={() => setAt(index)} onFocus={() => show(index)} onClick={() => show(index)}
          >{token.text}</span>
        ))}
        {shown && (
          <div class="alternatives" role="group" aria-label="What was likely here" style={{ left: `${place.left}px`, top: `${place.top}px`, width: `${place.width}px` }}>
            <Alternatives token={shown} onChoose={onChoose && ((text) => onChoose(before() + text))} />
          </div>
        )}
      </div>
    </div>
  );
}

// Just below the token, or above it where there is no room; within the box.
function usePlace(box: { current: HTMLDivElement | null }, at: number | null, rows: number) {
  const [place, setPlace] = useState({ left: 0, top: 0, width: CARD_WIDTH });
  useLayoutEffect(() => {
    const element = at === null ? null : box.current?.querySelectorAll<HTMLElement>('.token')[at];
    if (!element || !box.current) return;
    const frame = box.current.getBoundingClientRect();
    const rect = element.getClientRects()[0] ?? element.getBoundingClientRect();
    const width = Math.min(CARD_WIDTH, frame.width);
    const height = rows * ROW_HEIGHT + 20;
    const end = box.current.closest('.thread')?.getBoundingClientRect().bottom ?? innerHeight;
    const below = rect.bottom + height < end || rect.top < height;
    const top = below ? rect.bottom + 3 : rect.top - height + ROW_HEIGHT - 3;
    setPlace({ left: Math.max(0, Math.min(rect.left - frame.left, frame.width - width)), top: top - frame.top, width });
  }, [at]);
  return place;
}

function Alternatives({ token, onChoose }: { token: TokenInfo; onChoose: ((text: string) => void) | null }) {
  const listed = token.top.some((t) => t.token === token.token) ? token.top : [{ token: token.token, logprob: token.logprob }, ...token.top];
  const rows = [...listed].sort((a, b) => b.logprob - a.logprob);
  return (
    <ul>
      {rows.map((row, index) => {
        const taken = row.token === token.token;
        const usable = onChoose && !taken && !row.token.includes('\\x') && !row.token.startsWith('<|');
        return (
          <li key={index} class={taken ? 'taken' : ''}>
            <code>{visible(row.token)}</code>
            <meter min={0} max={1} value={Math.exp(row.logprob)} aria-label={`Probability of ${visible(row.token)}`} />
            <span class="number">{percent(row.logprob)}</span>
            {taken ? <span class="mark">taken</span> : usable ? <button type="button" class="small" aria-label={`Go on with ${visible(row.token)}`} onClick={() => onChoose(row.token)}>Go on</button> : <span />}
          </li>
        );
      })}
    </ul>
  );
}

const LEGEND = ['below 10 %', '10 %', '30 %', '60 %', 'from 90 %'];

function bucket(logprob: number): number {
  const p = Math.exp(logprob);
  return p >= 0.9 ? 4 : p >= 0.6 ? 3 : p >= 0.3 ? 2 : p >= 0.1 ? 1 : 0;
}

function percent(logprob: number): string {
  const p = Math.exp(logprob) * 100;
  return p >= 99.95 ? '100 %' : p >= 10 ? `${p.toFixed(1)} %` : p >= 0.01 ? `${p.toFixed(2)} %` : '< 0.01 %';
}

function visible(token: string): string {
  return token.replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/ /g, '␣') || '(empty)';
}
