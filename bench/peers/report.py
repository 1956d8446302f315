"""From samples to one table for people (Markdown with plots) and one file for programs (JSON)."""
import json
import pathlib
import statistics

from plots import bar_chart
from rounds import LIMIT_KEYS, disturbances

FEWEST_CLEAN = 3  # undisturbed samples that are enough to leave the disturbed ones out


def quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    at = part * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def limit_rate(test: str, weights: dict, limits: dict) -> float | None:
    """Tokens per second that the machine's limits allow: int8 for all multiplications, one read of all weights and
    caches a step. Everything else counts as free."""
    words = test.split()
    operations = 2.0 * weights["body_parameters"]
    if words[0] == "prompt":
        return limits["int8_ops_per_second"] / operations
    if words[0] == "batch":
        sequences = int(words[1])
        operations += 2.0 * weights["head_parameters"]
        read = weights["body_bytes"] + weights["head_bytes"] + sequences * weights["cache_bytes_per_sequence"]
        seconds = max(read / limits["read_bytes_per_second"], sequences * operations / limits["int8_ops_per_second"])
        return sequences / seconds
    return None


def summarise(rows: list[dict]) -> dict:
    """The whole run as one JSON value."""
    samples = [r for r in rows if r["kind"] == "sample"]
    probes = [s[when] for s in samples for when in ("before", "after")]
    limits = {key: statistics.median(p[key] for p in probes if key in p) for key in (probes[0] if probes else {})}
    spread = {key: [quantile([p[key] for p in probes], part) for part in (0.1, 0.9)] for key in LIMIT_KEYS if probes}
    models = {}
    for model in dict.fromkeys(r["model"] for r in rows if "model" in r):
        mine = [s for s in samples if s["model"] == model]
        weights = next((r for r in reversed(rows) if r["kind"] == "weights" and r["model"] == model), None)
        tests = {}
        for test in dict.fromkeys(t for s in mine for t in s["values"]):
            tests[test] = summarise_test(test, [s for s in mine if test in s["values"]], weights, limits)
        models[model] = {"weights": weights, "tests": tests,
                         "refused": [{k: r[k] for k in ("peer", "work", "reason")} for r in rows
                                     if r["kind"] == "refused" and r["model"] == model]}
    about = [r for r in rows if r["kind"] == "run"]
    return {"runs": about, "limits": limits, "limits_p10_p90": spread, "models": models}


def summarise_test(test: str, samples: list[dict], weights: dict | None, limits: dict) -> dict:
    peers = {}
    for peer in dict.fromkeys(s["peer"] for s in samples):
        all_of_peer = [s for s in samples if s["peer"] == peer]
        clean = [s for s in all_of_peer if not disturbances(s, limits)]
        counted = clean if len(clean) >= min(FEWEST_CLEAN, len(all_of_peer)) else all_of_peer
        peers[peer] = figures([s["values"][test] for s in counted]) | {
            "samples": len(all_of_peer), "clean": len(clean), "disturbed_counted": counted is not clean,
            "disturbances": [d for s in all_of_peer if (d := disturbances(s, limits))]}
    result = {"peers": peers}
    rivals = {name: p["median"] for name, p in peers.items() if name != "trivet"}
    if "trivet" in peers and rivals:
        best = max(rivals, key=rivals.get)
        result |= {"best_peer": best, "ratio": peers["trivet"]["median"] / rivals[best]}
    if weights and (limit := limit_rate(test, weights, limits)):
        result["limit"] = limit
        for peer in peers.values():
            peer["of_limit"] = peer["median"] / limit
    return result


def figures(values: list) -> dict:
    """Rates, or for servers the output rate with the latencies beside it."""
    rates = [v["output_tokens_per_second"] if isinstance(v, dict) else v for v in values]
    found = {"median": statistics.median(rates), "p10": quantile(rates, 0.1), "p90": quantile(rates, 0.9), "values": rates}
    if isinstance(values[0], dict):
        for key, part in (("ttft_ms", "p50"), ("ttft_ms", "p95"), ("tpot_ms", "p50"), ("tpot_ms", "p95")):
            found[f"{key[:4]}_{part}_ms"] = statistics.median(v[key][part] for v in values)
        found["cached_share"] = statistics.median(v["cached_tokens"] / max(v["prompt_tokens"], 1) for v in values)
    return found


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def cell(peer: dict | None) -> str:
    if peer is None:
        return "–"
    mark = " \\*" if peer["disturbed_counted"] else ""
    of_limit = f", {peer['of_limit']:.0%}" if "of_limit" in peer else ""
    return f"{number(peer['median'])}{mark} <sub>{number(peer['p10'])}–{number(peer['p90'])}{of_limit}</sub>"


def markdown(summary: dict, plots: dict[str, str]) -> str:
    names = list(dict.fromkeys(p for m in summary["models"].values() for t in m["tests"].values() for p in t["peers"]))
    last = summary["runs"][-1] if summary["runs"] else {}
    lines = ["# Trivet and its peers", "",
             "Written by `bench/peers/run`; do not edit. Tokens per second: median, below it p10–p90 of the rounds and the share of what the",
             "machine's limits allow (weights and cache read once a step, or int8 for every multiplication, whichever is slower).",
             f"The last column is Trivet's median over the best peer's. {last.get('rounds', '?')} rounds in the order A B B A, "
             f"{last.get('threads', '?')} threads.",
             "A sample counts as disturbed when other processes or the host took more than 2 % of the processors, or a limit probed beside it is",
             "more than 10 % off the run's median; those are left out where at least three others are left, and else the cell has a star.", ""]
    lines += machine_lines(summary, last)
    for model, found in summary["models"].items():
        lines += ["", f"## {model}", ""]
        rates = {t: r for t, r in found["tests"].items() if not t.startswith("server")}
        loads = {t: r for t, r in found["tests"].items() if t.startswith("server")}
        if rates:
            lines += ["| test | limit | " + " | ".join(names) + " | ratio |", "|---|---:|" + "---:|" * (len(names) + 1)]
            lines += [f"| {t} | {number(r['limit']) if 'limit' in r else '–'} | " + " | ".join(cell(r["peers"].get(n)) for n in names) +
                      f" | {ratio_text(r)} |" for t, r in rates.items()]
        lines += load_lines(loads)
        lines += ["", f"![{model}]({plots[model]})"] if model in plots else []
        refused = dict.fromkeys((r["peer"], r["work"], r["reason"]) for r in found["refused"])
        lines += [""] if refused else []
        lines += [f"- {peer} ({work}): {' '.join(reason.split())}" for peer, work, reason in refused]
    return "\n".join(lines) + "\n"


def ratio_text(result: dict) -> str:
    return f"**{result['ratio']:.2f}** ({result['best_peer']})" if "ratio" in result else "–"


def machine_lines(summary: dict, last: dict) -> list[str]:
    lines = []
    if machine := last.get("machine"):
        lines.append(f"Machine: {machine['processor']} (family/model {machine['family_model']}), {machine['processors']} processors, "
                     f"{' '.join(machine['flags'])}.")
    if summary["limits"]:
        l, s = summary["limits"], summary["limits_p10_p90"]
        int8, read = s["int8_ops_per_second"], s["read_bytes_per_second"]
        lines.append(f"Limits, median (p10–p90) over the run: int8 {l['int8_ops_per_second'] / 1e9:.0f} ({int8[0] / 1e9:.0f}–{int8[1] / 1e9:.0f}) "
                     f"GOPS, memory read {l['read_bytes_per_second'] / 1e9:.1f} ({read[0] / 1e9:.1f}–{read[1] / 1e9:.1f}) GB/s.")
    versions = {}
    for run in summary["runs"]:
        versions |= run.get("versions", {})
    lines += [""] + [f"- {name}: {version}" for name, version in versions.items()]
    for name, reason in last.get("missing", {}).items():
        lines.append(f"- {name}: not measured: {' '.join(reason.split())}")
    return lines


def load_lines(loads: dict) -> list[str]:
    lines = []
    for test, result in loads.items():
        lines += ["", f"**{test}** (closed loop, prompts of 200 random words, 64 tokens out); output rate {ratio_text(result)}", "",
                  "| server | tokens/s | TTFT p50 | TTFT p95 | TPOT p50 | TPOT p95 | prompt from cache |", "|---|---:|---:|---:|---:|---:|---:|"]
        for name, p in result["peers"].items():
            lines.append(f"| {name} | {cell(p)} | {p['ttft_p50_ms']:.0f} ms | {p['ttft_p95_ms']:.0f} ms | {p['tpot_p50_ms']:.1f} ms | "
                         f"{p['tpot_p95_ms']:.1f} ms | {p['cached_share']:.0%} |")
    return lines


def write(rows: list[dict], folder: pathlib.Path, name: str) -> pathlib.Path:
    """NAME.md, NAME.json and a plot for each model."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = summarise(rows)
    plots = {}
    for model, found in summary["models"].items():
        groups = {test: {peer: (p["median"], p["p10"], p["p90"]) for peer, p in r["peers"].items()} for test, r in found["tests"].items()}
        if groups:
            plots[model] = f"{name}-{model}.svg"
            limits = {test: r["limit"] for test, r in found["tests"].items() if "limit" in r}
            (folder / plots[model]).write_text(bar_chart(f"{model}, tokens per second", groups, limits))
    (folder / f"{name}.json").write_text(json.dumps(summary, indent=1) + "\n")
    page = folder / f"{name}.md"
    page.write_text(markdown(summary, plots))
    return page
