#!/usr/bin/env python3
"""Logits of a real GGUF model in float32 over its quantised weights, by Hugging Face transformers.

usage: real_model_goldens.py MODEL.gguf... [--out tests/golden/real]

Writes OUT/<file name>.json: {"tokens": [...], "positions": [{"position", "top": [[token, logit], ...]}, ...]},
with the 20 largest logits at the last five positions. Tokens are stored as ids: transformers loses the
pre-tokenizer of some GGUF files, which must not matter here.
"""
import argparse
import json
import pathlib

import torch
import transformers

TEXT = ("The old lighthouse keeper climbed the stairs every evening, lit the lamp, and wrote in a small "
        "book how many ships had passed. One night")
POSITIONS = 5
TOP = 20


def make(path, out):
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
    tokens = tokenizer(TEXT, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model(tokens, use_cache=False).logits[0].to(torch.float32)
    positions = []
    for position in range(logits.shape[0] - POSITIONS, logits.shape[0]):
        values, ids = torch.topk(logits[position], TOP)
        top = [[int(i), round(float(v), 5)] for i, v in zip(ids, values)]
        positions.append(dict(position=position, largest=round(float(logits[position].abs().max()), 5),
                              top=top))
    golden = dict(tokens=tokens[0].tolist(), positions=positions)
    out.mkdir(parents=True, exist_ok=True)
    (out / (path.name + ".json")).write_text(json.dumps(golden) + "\n")
    print(f"{path.name}: {tokens.shape[1]} tokens, next {tokenizer.decode([positions[-1]['top'][0][0]])!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/golden/real"))
    arguments = parser.parse_args()
    for path in arguments.models:
        make(path, arguments.out)


if __name__ == "__main__":
    main()
