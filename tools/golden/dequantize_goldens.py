"""Writes src/tensor/dequantize_golden.json: random rows of each type with the values that the Python
package `gguf` gives them. Needs numpy and gguf."""

import json
import pathlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

# Byte offsets of the f16 factors in a block; random ones could be infinite, so they are drawn apart.
FACTORS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip
NAMES = {"Q4_K": "q4_K", "Q5_K": "q5_K", "Q6_K": "q6_K"}


def random_row(rng: np.random.Generator, name: str, blocks: int) -> np.ndarray:
    if name == "F32":
        return rng.standard_normal(blocks).astype(np.float32).view(np.uint8)
    if name == "F16":
        return rng.standard_normal(blocks).astype(np.float16).view(np.uint8)
    if name == "BF16":
        bits = rng.standard_normal(blocks).astype(np.float32).view(np.uint32) >> 16
        return bits.astype(np.uint16).view(np.uint8)
    size = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    rows = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
    for at in FACTORS[name]:
        factors = (rng.standard_normal(blocks) * 0.05).astype(np.float16)
        rows[:, at : at + 2] = factors.view(np.uint8).reshape(blocks, 2)
    return rows.reshape(-1)


def main() -> None:
    rng = np.random.default_rng(20)
    golden = {}
    for name in ["F32", "F16", "BF16", *FACTORS]:
        blocks = 20 if name in ("F32", "F16", "BF16") else 2
        row = random_row(rng, name, blocks)
        values = dequantize(row, GGMLQuantizationType[name]).astype(np.float32)
        golden[NAMES.get(name, name.lower())] = {
            "row": row.tobytes().hex(),
            "values": values.tobytes().hex(),
        }
    path = pathlib.Path(__file__).parents[2] / "src/tensor/dequantize_golden.json"
    path.write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
