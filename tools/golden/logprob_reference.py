#!/usr/bin/env python3
"""Makes the goldens of tests/numerics: log-probabilities of prompt tokens by two independent engines.

For each model and text: the token ids (by the rule of the file's own `tokenizer.ggml.pre`, as llama.cpp
applies it), the log-probability of every token given those before it by transformers in float32 over the
dequantised weights, and by llama.cpp with its int8 activations: the quality that Trivet must not fall below.

usage: logprob_reference.py MODELS_FOLDER LLAMA_CPP_PYTHON_FOLDER LLAMA_LIB_FOLDER [OUT_FOLDER]
needs: torch, transformers, gguf; an unpacked llama-cpp-python source and its built libraries
"""
import json
import os
import pathlib
import sys

import numpy as np

FILES = {
    "smollm2-135m-instruct": "SmolLM2-135M-Instruct.Q4_1.gguf",
    "gemma-3-270m": "gemma-3-270m-Q4_K_M.gguf",
    "qwen2.5-coder-0.5b-instruct": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "qwen2.5-coder-1.5b-instruct": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
}
TEXTS = pathlib.Path(__file__).parents[2] / "tests" / "numerics" / "texts"


def chosen_logprobs(logits: np.ndarray, tokens: list[int]) -> list[float]:
    """logits [n, vocabulary] -> log-probability of tokens[i] under row i - 1, for i >= 1."""
    rows = logits[:-1].astype(np.float64)
    top = rows.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(rows - top).sum(axis=1)) + top[:, 0]
    return [float(rows[i, t] - log_sum[i]) for i, t in enumerate(tokens[1:])]


def run_llama(path: pathlib.Path, texts: dict[str, str]) -> dict[str, dict]:
    import ctypes

    import llama_cpp as lc
    lc.llama_backend_init()
    mp = lc.llama_model_default_params()
    model = lc.llama_model_load_from_file(str(path).encode(), mp)
    vocab = lc.llama_model_get_vocab(model)
    size = lc.llama_vocab_n_tokens(vocab)
    out = {}
    for name, text in texts.items():
        data = text.encode()
        buffer = (lc.llama_token * (len(data) + 16))()
        count = lc.llama_tokenize(vocab, data, len(data), buffer, len(buffer), True, True)
        tokens = list(buffer[:count])
        cp = lc.llama_context_default_params()
        cp.n_ctx, cp.n_batch, cp.n_ubatch, cp.n_threads, cp.n_threads_batch = 2048, 2048, 512, 2, 2
        context = lc.llama_init_from_model(model, cp)
        batch = lc.llama_batch_init(count, 0, 1)
        batch.n_tokens = count
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
            batch.seq_id[i][0] = 0
        assert lc.llama_decode(context, batch) == 0
        pointer = lc.llama_get_logits(context)
        logits = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (count, size))
        out[name] = {"tokens": tokens, "logprobs": chosen_logprobs(logits, tokens)}
        lc.llama_batch_free(batch)
        lc.llama_free(context)
    lc.llama_model_free(model)
    return out


def run_transformers(path: pathlib.Path, tokens: dict[str, list[int]]) -> dict[str, dict]:
    import torch
    import transformers
    torch.set_num_threads(2)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager")
    out = {}
    with torch.no_grad():
        for name, ids in tokens.items():
            logits = model(torch.tensor([ids])).logits[0].numpy()
            last = logits[-1]
            top = np.argsort(-last)[:10]
            out[name] = {"logprobs": chosen_logprobs(logits, ids),
                         "last_logits": {int(t): float(last[t]) for t in top}}
    return out


def main() -> None:
    models, package, libraries = (pathlib.Path(p) for p in sys.argv[1:4])
    out = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else TEXTS.parent / "goldens"
    out.mkdir(parents=True, exist_ok=True)
    os.environ["LLAMA_CPP_LIB_PATH"] = str(libraries)
    sys.path.insert(0, str(package))
    texts = {p.stem: p.read_text() for p in sorted(TEXTS.glob("*.txt"))}
    for name, file in FILES.items():
        peer = run_llama(models / file, texts)
        reference = run_transformers(models / file, {k: v["tokens"] for k, v in peer.items()})
        golden = {}
        for text in texts:
            exact, other = np.array(reference[text]["logprobs"]), np.array(peer[text]["logprobs"])
            difference = float(np.abs(exact - other).mean())
            golden[text] = {"tokens": peer[text]["tokens"],
                            "logprobs": [round(x, 6) for x in reference[text]["logprobs"]],
                            "last_logits": {k: round(v, 5) for k, v in reference[text]["last_logits"].items()},
                            "llama_cpp_mean_abs_difference": round(difference, 5)}
            print(f"{name} {text}: {len(peer[text]['tokens'])} tokens, llama.cpp {difference:.4f}", flush=True)
        (out / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
