#!/usr/bin/env python3
"""Time of one decoding step over the context, with the machine's limit drawn in: docs/benchmarks/context.svg.

One sequence, one new token: all weights and the whole cache are read once, so the limit is
(weights + cache of the context) / the read rate that `trivet bench limits` measures before and after.

For models whose layers all see the whole context.

usage: context.py [--contexts 128,2048,8192,16384,32000] [--types bf16,int8] [--threads 2]
                  [--out docs/benchmarks/context] MODEL.gguf

writes OUT.json (measurements) and OUT.svg; with --draw only the second, from the first.
"""
import argparse
import json
import math
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRIVET = ROOT / "build" / "release" / "trivet"
COLOURS = ["#1f6feb", "#d1742f", "#2da44e"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 64, 24, 48, 56


def trivet(*arguments) -> dict:
    command = [str(TRIVET), *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def read_rate(threads: int) -> float:
    return trivet("bench", "limits", "--threads", threads)["read_bytes_per_second"]


def measure(options) -> dict:
    longest = max(options.contexts) + 64
    common = ["--threads", options.threads, "--max-num-seqs", 1, "--max-model-len", longest]
    rates, series = [read_rate(options.threads)], []
    for dtype in options.types:
        plan = trivet("plan", options.model, *common, "--kv-dtype", dtype)
        points = []
        for context in options.contexts:
            result = trivet("bench", options.model, *common, "--kv-dtype", dtype, "--batches", 1, "--depth", context,
                            "--generate", 16, "--repeats", 3)
            device = result["device"]
            rate = next(r for r in result["results"] if r["test"].startswith("batch 1"))["tokens_per_second"]
            points.append({"context": context, "step_ms": 1000 / rate})
            print(f"{dtype:5} {context:6} {1000 / rate:8.2f} ms", flush=True)
        series.append({"type": dtype, "weight_bytes": plan["parts"]["packed weights"],
                       "cache_bytes_per_token": plan["block_bytes"] / plan["block_tokens"],
                       "points": points})
    rates.append(read_rate(options.threads))
    return {"model": pathlib.Path(options.model).stem, "device": device, "threads": options.threads,
            "read_bytes_per_second": rates, "series": series}


def limit_ms(data: dict, series: dict, context: float) -> float:
    size = series["weight_bytes"] + context * series["cache_bytes_per_token"]
    return 1000 * size / max(data["read_bytes_per_second"])


def step_of(span: float) -> float:
    """A round distance of grid lines: 1, 2 or 5 times a power of ten."""
    rough = span / 6
    power = 10 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough)


class Plot:
    def __init__(self, most_x: float, most_y: float):
        self.most_x, self.most_y, self.parts = most_x, most_y, []

    def at(self, x: float, y: float) -> tuple[float, float]:
        return (LEFT + (WIDTH - LEFT - RIGHT) * x / self.most_x,
                HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / self.most_y)

    def text(self, x: float, y: float, text: str, anchor: str = "middle", size: int = 12, colour: str = "#57606a"):
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{text}</text>')

    def line(self, points: list[tuple[float, float]], colour: str, dashes: str = "", width: float = 2):
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (self.at(*p) for p in points))
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}"/>')

    def dot(self, x: float, y: float, colour: str):
        a, b = self.at(x, y)
        self.parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>')

    def axes(self):
        for k in range(int(self.most_y / step_of(self.most_y)) + 1):
            y = k * step_of(self.most_y)
            self.line([(0, y), (self.most_x, y)], "#d0d7de", width=1)
            self.text(LEFT - 8, self.at(0, y)[1] + 4, f"{y:g}", "end")
        for k in range(int(self.most_x / 4096) + 1):
            self.text(self.at(4096 * k, 0)[0], HEIGHT - BOTTOM + 18, f"{4 * k}k")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "tokens of context")

    def svg(self) -> str:
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


def draw(data: dict) -> str:
    points = [p for s in data["series"] for p in s["points"]]
    plot = Plot(max(p["context"] for p in points), 1.1 * max(p["step_ms"] for p in points))
    plot.axes()
    plot.text(LEFT, 20, f'{data["model"]}: one decoding step, milliseconds', "start", 14, "#1f2328")
    plot.text(LEFT, 38, f'{data["device"]}, {data["threads"]} threads; dashed: all bytes at '
              f'{max(data["read_bytes_per_second"]) / 1e9:.0f} GB/s', "start", 11)
    for k, series in enumerate(data["series"]):
        colour = COLOURS[k % len(COLOURS)]
        line = [(p["context"], p["step_ms"]) for p in series["points"]]
        plot.line(line, colour)
        plot.line([(x, limit_ms(data, series, x)) for x in (0, plot.most_x)], colour, "6 4", 1.5)
        for point in line:
            plot.dot(*point, colour)
        last = series["points"][-1]
        share = 100 * limit_ms(data, series, last["context"]) / last["step_ms"]
        plot.text(LEFT + 12, TOP + 18 + 18 * k, f'{series["type"]}: {share:.0f} % of the limit at {last["context"]} tokens',
                  "start", 12, colour)
    return plot.svg()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--contexts", type=lambda s: [int(x) for x in s.split(",")], default=[128, 2048, 8192, 16384, 32000])
    parser.add_argument("--types", type=lambda s: s.split(","), default=["bf16", "int8"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks" / "context")
    parser.add_argument("--draw", action="store_true", help="draw again what was measured")
    options = parser.parse_args()
    measured = options.out.with_suffix(".json")
    if not options.draw:
        if not options.model:
            parser.error("MODEL.gguf is missing")
        measured.parent.mkdir(parents=True, exist_ok=True)
        measured.write_text(json.dumps(measure(options), indent=2) + "\n")
    options.out.with_suffix(".svg").write_text(draw(json.loads(measured.read_text())))


if __name__ == "__main__":
    main()
