"""Writes the weights of a GGUF file as a Hugging Face folder in bf16: what engines without GGUF get as the same weights.

usage: dequantize.py MODEL.gguf FOLDER
"""
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def main() -> None:
    source, target = map(pathlib.Path, sys.argv[1:3])
    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    partial = target.with_name(target.name + ".partial")
    AutoTokenizer.from_pretrained(**where).save_pretrained(partial)
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True))
    kinds = {p.dtype for p in model.parameters()}
    if kinds != {torch.bfloat16}:
        raise SystemExit(f"not all weights are bf16 after dequantising: {kinds}")
    model.hf_quantizer = None  # nothing is quantised any more, so that it can be saved
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(partial)
    partial.rename(target)


if __name__ == "__main__":
    main()
