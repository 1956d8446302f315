"""The official ollama client, unmodified, against a real server."""
import json

import httpx
import ollama
import pytest

MESSAGES = [{"role": "user", "content": "Name three colours."}]
FIXED = {"temperature": 0, "num_predict": 24, "seed": 1}


@pytest.fixture(scope="module")
def client(server):
    return ollama.Client(host=server.url, timeout=60)


@pytest.fixture(scope="module")
def model(client):
    return client.list().models[0].model


def test_list_show_ps_and_version_describe_the_model(client, model, server):
    listed = client.list().models[0]
    assert listed.model.endswith(":latest") and listed.size > 10**7 and len(listed.digest) == 64
    assert listed.details.family == "llama" and listed.details.quantization_level == "Q4_1"
    assert listed.details.parameter_size.endswith("M")
    shown = client.show(model)
    assert shown.modelinfo["general.architecture"] == "llama" and shown.modelinfo["llama.context_length"] == 2048
    assert "completion" in shown.capabilities and "messages" in shown.template
    assert client.ps().models[0].model == model
    assert httpx.get(server.url + "/api/version").json()["version"].count(".") == 2


def test_chat_streamed_equals_not_streamed(client, model):
    whole = client.chat(model, MESSAGES, options=FIXED)
    lines = list(client.chat(model, MESSAGES, options=FIXED, stream=True))
    assert len(lines) > 5 and "".join(line.message.content for line in lines) == whole.message.content
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    for end in (whole, lines[-1]):
        assert end.done_reason in ("stop", "length") and 0 < end.eval_count <= 24 and end.prompt_eval_count > 10
        assert end.total_duration >= end.eval_duration > 0


def test_chat_is_the_same_chat_as_openais(client, model, server):
    ours = client.chat(model, MESSAGES, options=FIXED).message.content
    body = {"messages": MESSAGES, "temperature": 0, "max_tokens": 24}
    theirs = httpx.post(server.url + "/v1/chat/completions", json=body, timeout=60).json()
    assert ours == theirs["choices"][0]["message"]["content"]


def test_generate_templates_the_prompt_unless_it_is_raw(client, model):
    chat = client.chat(model, [{"role": "system", "content": "Be brief."}, *MESSAGES], options=FIXED)
    templated = client.generate(model, MESSAGES[0]["content"], system="Be brief.", options=FIXED)
    assert templated.response == chat.message.content
    raw = client.generate(model, "The capital of France is", raw=True, options={**FIXED, "num_predict": 4})
    assert "Paris" in raw.response and raw.done_reason == "length" and raw.eval_count == 4
    streamed = client.generate(model, "The capital of France is", raw=True, stream=True, options={**FIXED, "num_predict": 4})
    assert "".join(line.response for line in streamed) == raw.response


def test_context_carries_a_conversation_on(client, model):
    first = client.generate(model, "My name is Ada.", options=FIXED)
    assert len(first.context) == first.prompt_eval_count + first.eval_count
    second = client.generate(model, "What is my name?", context=first.context, options=FIXED)
    assert second.prompt_eval_count > first.prompt_eval_count


def test_options_reach_the_sampler(client, model):
    seeds = [client.generate(model, "Once", options={"temperature": 1.5, "num_predict": 12, "seed": s}).response
             for s in (1, 1, 2)]
    assert seeds[0] == seeds[1] != seeds[2]
    free = client.generate(model, "Count to ten.", options=FIXED).response
    stopped = client.generate(model, "Count to ten.", options={**FIXED, "stop": [free[5:8]]})
    assert stopped.response == free[:free.index(free[5:8])] and stopped.done_reason == "stop"


def test_logprobs_come_with_the_tokens(client, model):
    answer = client.chat(model, MESSAGES, options={**FIXED, "num_predict": 3}, logprobs=True, top_logprobs=2)
    assert len(answer.logprobs) == 3 and all(len(entry.top_logprobs) == 2 for entry in answer.logprobs)
    assert answer.logprobs[0].logprob <= 0


def test_nothing_to_say_only_loads(client, model):
    assert client.generate(model, "").done_reason == "load"
    assert client.generate(model, "", keep_alive=0).done_reason == "unload"
    assert client.chat(model, []).done_reason == "load"


def test_names_may_have_a_tag_or_none_in_any_case(client, model):
    bare = model.removesuffix(":latest")
    for name in (bare, bare.upper(), model):
        assert client.generate(name, "Hi", options={"num_predict": 1}).model == name


@pytest.mark.parametrize("call, status", [
    (lambda c, m: c.chat("nobody:7b", MESSAGES), 404),
    (lambda c, m: c.show("nobody"), 404),
    (lambda c, m: list(c.generate(m, "x", options={"temperature": -1}, stream=True)), 400),
    (lambda c, m: c.generate(m, "x", options={"mirostat": 2}), 501),
    (lambda c, m: c.generate(m, "def f(", suffix="return x"), 400),
    (lambda c, m: c.generate(m, "word " * 5000), 400),
    (lambda c, m: c.chat(m, [{"role": "user", "content": "x", "images": [b"x"]}]), 400),
    (lambda c, m: c.embed(m, "x"), 501),
    (lambda c, m: c.create("x", from_=m), 501),
])
def test_wrong_requests_are_errors_with_a_text(client, model, call, status):
    with pytest.raises(ollama.ResponseError) as caught:
        call(client, model)
    assert caught.value.status_code == status and caught.value.error


def test_errors_are_plain_json(server):
    for path, body in (("/api/chat", "{"), ("/api/generate", "{}"), ("/api/show", "[]")):
        answer = httpx.post(server.url + path, content=body)
        assert answer.status_code == 400 and list(json.loads(answer.text)) == ["error"]
