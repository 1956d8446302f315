"""Schemas of a public suite against a running server: every accepted one must get a valid answer.

usage: judge_public.py URL FOLDER [--limit N] [--budget N]
FOLDER holds JSON files: either schemas, or lists of {"schema": ...} as in JSON-Schema-Test-Suite (tests/draft*/), which
the source package of `jsonschema` on the Python index brings along in its folder `json`.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import re

from judge import ask


def schemas_of(folder: pathlib.Path):
    for path in sorted(folder.rglob("*.json")):
        try:
            content = json.loads(path.read_text())
        except ValueError:
            continue
        groups = content if isinstance(content, list) else [{"schema": content}]
        for number, group in enumerate(groups):
            if isinstance(group, dict) and isinstance(group.get("schema"), dict):
                yield f"{path.relative_to(folder)}#{number}", group["schema"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=1 << 30)
    parser.add_argument("--budget", type=int, default=80)
    options = parser.parse_args()
    cases = list(schemas_of(options.folder))[: options.limit]
    counts, reasons = collections.Counter(), collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(ask, options.url, schema, seed, options.budget) for seed, (_, schema) in enumerate(cases)]
        for (name, _), future in zip(cases, futures):
            kind, problem = future.result()
            counts[kind] += 1
            if kind in ("wrong", "failed"):
                print(f"{kind}: {name}: {problem}")
            elif kind == "refused":
                reasons[re.sub(r"[0-9]+", "N", problem)[:110]] += 1
    print(dict(counts))
    for reason, count in reasons.most_common(25):
        print(f"{count:6} {reason}")
    raise SystemExit(counts["wrong"] + counts["failed"] > 0)


if __name__ == "__main__":
    main()
