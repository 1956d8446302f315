"""Log-probabilities through the HTTP API against fp32 transformers on the same file (goldens by
tools/golden/logprob_reference.py): int8 activations must not be worse than llama.cpp's, the reference
precision must agree to 1e-4."""
import json
import pathlib

import httpx
import pytest

from conftest import ROOT, SMOLLM, Server

GOLDENS = ROOT / "tests" / "numerics" / "goldens"
MODELS = {
    "smollm2-135m-instruct": SMOLLM,
    "gemma-3-270m": "gemma-3-270m-Q4_K_M.gguf",
    "qwen2.5-coder-0.5b-instruct": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "qwen2.5-coder-1.5b-instruct": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
}


def golden(name: str) -> dict:
    return json.loads((GOLDENS / f"{name}.json").read_text())


def prompt_logprobs(url: str, tokens: list[int], **more) -> list[float]:
    body = {"prompt": tokens, "echo": True, "logprobs": 0, "max_tokens": 0, **more}
    answer = httpx.post(url + "/v1/completions", json=body, timeout=900)
    assert answer.status_code == 200, answer.text
    values = answer.json()["choices"][0]["logprobs"]["token_logprobs"]
    assert values[0] is None and len(values) == len(tokens)
    return values[1:]


@pytest.mark.parametrize("name", MODELS)
def test_int8_activations_are_not_worse_than_llama_cpp(name):
    with Server("--max-model-len", "1024", model=MODELS[name]) as server:
        for text, expected in golden(name).items():
            measured = prompt_logprobs(server.url, expected["tokens"])
            difference = sum(abs(a - b) for a, b in zip(measured, expected["logprobs"])) / len(measured)
            print(f"{name} {text}: {difference:.4f} (llama.cpp {expected['llama_cpp_mean_abs_difference']:.4f})")
            assert difference <= expected["llama_cpp_mean_abs_difference"], (text, difference)


@pytest.mark.parametrize("name", MODELS)
def test_reference_precision_agrees_with_transformers(name):
    with Server("--max-model-len", "1024", "--precision", "reference", "--max-logprobs", "-1", model=MODELS[name]) as server:
        text, expected = "code", golden(name)["code"]
        measured = prompt_logprobs(server.url, expected["tokens"])
        worst = max(abs(a - b) for a, b in zip(measured, expected["logprobs"]))
        assert worst <= 2e-3, (text, worst)  # the golden is rounded; logits are compared below

        body = {"prompt": expected["tokens"], "max_tokens": 1, "temperature": 0, "logprobs": 20,
                "return_tokens_as_token_ids": True}
        top = httpx.post(server.url + "/v1/completions", json=body, timeout=900).json()["choices"][0]["logprobs"]["top_logprobs"][0]
        ours = {int(token.removeprefix("token_id:")): value for token, value in top.items()}
        theirs = {int(token): value for token, value in expected["last_logits"].items()}
        best = max(theirs, key=theirs.get)
        scale = max(abs(v) for v in theirs.values())
        for token, logit in theirs.items():  # differences of log-probabilities are differences of logits
            assert abs((ours[token] - ours[best]) - (logit - theirs[best])) <= 1e-4 * scale, token


def test_goldens_cover_three_long_texts():
    for name in MODELS:
        texts = golden(name)
        assert len(texts) >= 3 and all(len(t["tokens"]) >= 300 for t in texts.values())
