"""llama.cpp's own API, as its clients use it."""
import json

import httpx
import pytest

from conftest import Server

GREEDY = {"temperature": 0, "n_predict": 12}


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def events(http, path, body):
    with http.stream("POST", path, json={**body, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line]


def test_completion_has_every_field(http):
    answer = http.post("/completion", json={"prompt": "The capital of France is", **GREEDY}).json()
    assert "Paris" in answer["content"] and answer["stop"] is True and answer["stop_type"] == "limit"
    assert answer["tokens_predicted"] == 12 and answer["tokens_evaluated"] > 4 and answer["tokens"] == []
    assert answer["prompt"] == "The capital of France is" and answer["truncated"] is False
    assert answer["generation_settings"]["temperature"] == 0 and answer["generation_settings"]["n_predict"] == 12
    timings = answer["timings"]
    assert timings["predicted_n"] == 12 and timings["predicted_ms"] > 0 and timings["predicted_per_second"] > 0
    assert timings["cache_n"] + timings["prompt_n"] == answer["tokens_evaluated"]


def test_stream_equals_whole_and_ends_without_text(http):
    body = {"prompt": "One, two, three,", "n_predict": 20, "seed": 5}
    whole = http.post("/completions", json={**body, "return_tokens": True}).json()
    chunks = events(http, "/completion", body)
    assert "".join(chunk["content"] for chunk in chunks) == whole["content"]
    assert sum((chunk["tokens"] for chunk in chunks), []) == whole["tokens"] and len(whole["tokens"]) == 20
    assert [chunk["stop"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1]["content"] == "" and chunks[-1]["stop_type"] == whole["stop_type"]


def test_prompts_may_be_tokens_mixed_or_many(http):
    tokens = http.post("/tokenize", json={"content": "The sea is", "add_special": True}).json()["tokens"]
    text = http.post("/completion", json={"prompt": "The sea is", **GREEDY}).json()["content"]
    assert http.post("/completion", json={"prompt": tokens, **GREEDY}).json()["content"] == text
    mixed = http.post("/completion", json={"prompt": [*tokens[:-1], " is"], **GREEDY}).json()
    assert mixed["content"] == text
    many = http.post("/completion", json={"prompt": ["The sea is", tokens, {"prompt_string": "Hi"}], **GREEDY}).json()
    assert [answer["index"] for answer in many] == [0, 1, 2] and many[0]["content"] == many[1]["content"] == text


def test_stop_words_probabilities_and_bias(http):
    free = http.post("/completion", json={"prompt": "1, 2, 3,", **GREEDY}).json()["content"]
    answer = http.post("/completion", json={"prompt": "1, 2, 3,", **GREEDY, "stop": [free[3:5]], "n_probs": 3}).json()
    assert answer["stop_type"] == "word" and answer["stopping_word"] == free[3:5]
    assert answer["content"] == free[:free.index(free[3:5])]
    first = answer["completion_probabilities"][0]
    assert len(first["top_logprobs"]) == 3 and first["id"] == first["top_logprobs"][0]["id"] and first["logprob"] <= 0
    banned = http.post("/completion", json={"prompt": "1, 2, 3,", **GREEDY, "return_tokens": True,
                                            "logit_bias": [[first["id"], False]]}).json()
    assert banned["tokens"][0] != first["id"]


def test_response_fields_pick_and_flatten(http):
    answer = http.post("/completion", json={"prompt": "Hi", "n_predict": 1, "response_fields":
                                            ["content", "generation_settings/n_predict", "no_such_field"]}).json()
    assert sorted(answer) == ["content", "n_predict"] and answer["n_predict"] == 1


def test_props_slots_template_and_tokens(http):
    props = http.get("/props").json()
    assert props["default_generation_settings"]["n_ctx"] == 2048 and "messages" in props["chat_template"]
    assert props["default_generation_settings"]["params"]["top_k"] == 40
    slots = http.get("/slots").json()
    assert len(slots) == props["total_slots"] and not slots[0]["is_processing"]
    assert http.get("/slots?fail_on_no_slot=1").status_code == 200
    prompt = http.post("/apply-template", json={"messages": [{"role": "user", "content": "Hi"}]}).json()["prompt"]
    assert "<|im_start|>user\nHi<|im_end|>" in prompt
    tokens = http.post("/tokenize", json={"content": prompt, "with_pieces": True}).json()["tokens"]
    assert "".join(token["piece"] for token in tokens) == prompt
    assert http.post("/detokenize", json={"tokens": [t["id"] for t in tokens]}).json()["content"] == prompt


def test_aliases_answer_like_the_paths_they_stand_for(http):
    assert http.get("/models").json() == http.get("/v1/models").json()
    assert http.get("/v1/health").status_code == 200 and http.get("/lora-adapters").json() == []
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "temperature": 0}
    texts = [http.post(path, json=body).json()["choices"][0]["message"]["content"]
             for path in ("/chat/completions", "/v1/chat/completions")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("path, body, status, kind", [
    ("/completion", {}, 400, "invalid_request_error"),
    ("/completion", {"prompt": 7}, 400, "invalid_request_error"),
    ("/completion", {"prompt": "x", "model": "nobody"}, 404, "not_found_error"),
    ("/completion", {"prompt": "x", "dry_multiplier": 0.8}, 501, "not_supported_error"),
    ("/completion", {"prompt": "word " * 5000}, 400, "invalid_request_error"),
    ("/completion", {"prompt": "x", "logit_bias": "high"}, 400, "invalid_request_error"),
    ("/infill", {"input_prefix": "a", "input_suffix": "b"}, 501, "not_supported_error"),
    ("/infill", {"input_prefix": "a"}, 400, "invalid_request_error"),
    ("/slots/0?action=save", {"filename": "x"}, 501, "not_supported_error"),
    ("/props", {}, 501, "not_supported_error"),
])
def test_wrong_requests_are_typed_errors(http, path, body, status, kind):
    answer = http.post(path, json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == status and error["type"] == kind and error["message"]


def test_infill_writes_what_is_between():
    with Server("--memory", "1500MiB", "--max-model-len", "1024",
                model="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf") as coder:
        body = {"input_prefix": "def add(a, b):\n    return ", "input_suffix": "\n\nprint(add(1, 2))\n",
                "input_extra": [{"filename": "math.py", "text": "def sub(x, y):\n    return x - y\n"}],
                "n_predict": 16, "temperature": 0, "samplers": ["top_k", "infill"]}
        answer = httpx.post(coder.url + "/infill", json=body, timeout=60).json()
        assert answer["content"].strip().startswith("a + b") and answer["stop_type"] == "eos"
        assert "<|fim_prefix|>def add" in answer["prompt"] and "<|file_sep|>math.py" in answer["prompt"]
        suffix = {"model": httpx.get(coder.url + "/api/tags").json()["models"][0]["name"], "prompt": "def add(a, b):\n    return ",
                  "suffix": "\n\nprint(add(1, 2))\n", "stream": False, "options": {"temperature": 0, "num_predict": 16}}
        assert httpx.post(coder.url + "/api/generate", json=suffix, timeout=60).json()["response"].strip().startswith("a + b")
        long = {**body, "input_prefix": "x = 1\n" * 2000 + body["input_prefix"], "input_extra": []}
        answer = httpx.post(coder.url + "/infill", json=long, timeout=60)
        assert answer.status_code == 200 and answer.json()["tokens_evaluated"] < 1024
