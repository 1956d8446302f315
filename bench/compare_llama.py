#!/usr/bin/env python3
"""Trivet and llama.cpp on the same weights and machine, alternating A/B/B/A; medians and ratios.

Prompt 512, and decoding with 1, 8 and 32 sequences at a context of 128, both with the same number of
threads. Before and after, the machine's own limits are measured: where they differ much, the machine was
not quiet and the run should be repeated.

usage: compare_llama.py --llama FOLDER_OF_LLAMA_BINARIES [--rounds 5] [--threads 2] [--json FILE] MODEL.gguf...
"""
import argparse
import json
import pathlib
import platform
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRIVET = ROOT / "build" / "release" / "trivet"
BATCHES = [1, 8, 32]


def output(*command) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def trivet(model: str, threads: int) -> dict[str, float]:
    text = output(TRIVET, "bench", model, "--threads", threads, "--prompts", 512, "--batches", "1,8,32", "--depth", 128,
                  "--generate", 32, "--repeats", 1, "--max-num-batched-tokens", 512, "--max-model-len", 1024, "--json")
    return {r["test"].split(" at ")[0]: r["tokens_per_second"] for r in json.loads(text)["results"]}


def llama(folder: pathlib.Path, model: str, threads: int) -> dict[str, float]:
    prompt = json.loads(output(folder / "llama-bench", "-m", model, "-t", threads, "-fa", 1, "-p", 512, "-n", 0, "-r", 2, "-o", "json"))
    rates = {"prompt 512": prompt[0]["avg_ts"]}
    table = output(folder / "llama-batched-bench", "-m", model, "-t", threads, "-fa", "on", "-c", 8192, "-b", 2048, "-ub", 512,
                   "-npp", 128, "-ntg", 32, "-npl", ",".join(map(str, BATCHES)))
    for line in table.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) >= 8 and re.fullmatch(r"\d+", cells[0]):
            rates[f"batch {cells[2]}"] = float(cells[7])
    return rates


def limits(threads: int) -> dict:
    return json.loads(output(TRIVET, "bench", "limits", "--threads", threads, "--seconds", 0.5, "--json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    report = {"machine": platform.processor() or platform.machine(), "threads": options.threads,
              "limits_before": limits(options.threads), "models": {}}
    for model in options.models:
        sides = {"trivet": lambda: trivet(model, options.threads), "llama.cpp": lambda: llama(options.llama, model, options.threads)}
        samples: dict[str, dict[str, list[float]]] = {name: {} for name in sides}
        for k in range(options.rounds):
            for name in list(sides) if k % 2 == 0 else list(sides)[::-1]:
                for test, rate in sides[name]().items():
                    samples[name].setdefault(test, []).append(rate)
        print(f"\n{pathlib.Path(model).name}\n{'test':<12}{'trivet':>10}{'llama.cpp':>12}{'ratio':>8}   spread (trivet; llama.cpp)")
        rows = {}
        for test in samples["trivet"]:
            ours, theirs = samples["trivet"][test], samples["llama.cpp"][test]
            a, b = statistics.median(ours), statistics.median(theirs)
            rows[test] = {"trivet": a, "llama_cpp": b, "ratio": a / b, "trivet_samples": ours, "llama_cpp_samples": theirs}
            print(f"{test:<12}{a:>10.1f}{b:>12.1f}{a / b:>8.2f}   {min(ours):.0f}-{max(ours):.0f}; {min(theirs):.0f}-{max(theirs):.0f}", flush=True)
        report["models"][pathlib.Path(model).name] = rows
    report["limits_after"] = limits(options.threads)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
