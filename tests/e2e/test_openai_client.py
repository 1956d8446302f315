"""The official openai client, unmodified, against a real server."""
import threading
import time

import openai
import pytest

from conftest import Server

MESSAGES = [{"role": "user", "content": "Name three colours."}]


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def test_models_are_listed_and_found(client, model):
    found = client.models.retrieve(model)
    assert found.id == model and found.object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_chat_streamed_equals_not_streamed(client, model):
    options = dict(model=model, messages=MESSAGES, max_tokens=40, temperature=0.8, seed=11)
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content and text
    assert chunks[0].choices[0].delta.role == "assistant"
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert finishes == [whole.choices[0].finish_reason]
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert len({c.id for c in chunks}) == 1


def test_completion_streamed_equals_not_streamed(client, model):
    options = dict(model=model, prompt="The sea is", max_tokens=24, temperature=0)
    whole = client.completions.create(**options)
    text = "".join(c.choices[0].text for c in client.completions.create(**options, stream=True))
    assert text == whole.choices[0].text
    assert whole.choices[0].finish_reason == "length" and whole.usage.completion_tokens == 24


def test_choices_differ_and_equal_their_own_seeds(client, model):
    options = dict(model=model, prompt="Once upon a time", max_tokens=16, temperature=1.0)
    three = client.completions.create(**options, n=3, seed=100)
    assert [c.index for c in three.choices] == [0, 1, 2]
    singles = [client.completions.create(**options, seed=100 + k).choices[0].text for k in range(3)]
    assert [c.text for c in three.choices] == singles
    assert len(set(singles)) > 1


def test_several_prompts_come_back_in_order(client, model):
    prompts = ["One two three", "The capital of France is", "def main():"]
    together = client.completions.create(model=model, prompt=prompts, max_tokens=8, temperature=0)
    alone = [client.completions.create(model=model, prompt=p, max_tokens=8, temperature=0).choices[0].text for p in prompts]
    assert [c.text for c in together.choices] == alone


def test_stop_strings_end_the_text_before_them(client, model):
    free = client.completions.create(model=model, prompt="1, 2, 3, 4,", max_tokens=30, temperature=0).choices[0].text
    stop = free[6:9]
    answer = client.completions.create(model=model, prompt="1, 2, 3, 4,", max_tokens=30, temperature=0, stop=[stop])
    assert answer.choices[0].text == free[:free.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    streamed = "".join(c.choices[0].text for c in client.completions.create(
        model=model, prompt="1, 2, 3, 4,", max_tokens=30, temperature=0, stop=[stop], stream=True))
    assert streamed == answer.choices[0].text


def test_logprobs_of_chat(client, model):
    answer = client.chat.completions.create(model=model, messages=MESSAGES, max_tokens=5, temperature=0,
                                            logprobs=True, top_logprobs=4)
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens
    for entry in content:
        assert len(entry.top_logprobs) == 4
        assert entry.logprob <= 0 and entry.token == entry.top_logprobs[0].token  # greedy takes the best
        assert entry.top_logprobs == sorted(entry.top_logprobs, key=lambda t: -t.logprob)
        assert bytes(entry.bytes).decode("utf-8", "replace") == entry.token


def test_logprobs_of_completions_with_echo(client, model):
    answer = client.completions.create(model=model, prompt="The quick brown fox", max_tokens=3, temperature=0,
                                       logprobs=2, echo=True)
    logprobs = answer.choices[0].logprobs
    assert answer.choices[0].text.startswith("The quick brown fox")
    assert logprobs.token_logprobs[0] is None and all(p <= 0 for p in logprobs.token_logprobs[1:])
    assert "".join(logprobs.tokens) == answer.choices[0].text
    assert len(logprobs.tokens) == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_usage_counts_cached_tokens(client, model):
    prompt = "A prompt that is long enough to fill blocks of the cache. " * 20
    options = dict(model=model, prompt=prompt, max_tokens=4, temperature=0)
    first = client.completions.create(**options)
    second = client.completions.create(**options)
    assert second.choices[0].text == first.choices[0].text
    assert second.usage.prompt_tokens_details.cached_tokens > 0
    assert second.usage.prompt_tokens_details.cached_tokens < second.usage.prompt_tokens


@pytest.mark.parametrize("wrong", [
    dict(temperature=-1), dict(top_p=0), dict(top_p=1.5), dict(n=0), dict(max_tokens=0), dict(messages=[]),
    dict(logit_bias={"99999999": 1}), dict(top_logprobs=3), dict(stop=["x"] * 1000), dict(presence_penalty="high"),
])
def test_wrong_requests_are_typed_errors(client, model, wrong):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{**dict(model=model, messages=MESSAGES), **wrong})
    assert caught.value.body["message"] and caught.value.body["code"] == 400


def test_unknown_model_and_too_long_prompt(client, model):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=MESSAGES)
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        client.completions.create(model=model, prompt="word " * 5000, max_tokens=1)


def test_timeout_of_the_client_frees_the_server(client, model, server):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).completions.create(model=model, prompt="Tell me everything.", max_tokens=1900,
                                                            temperature=1, extra_body={"ignore_eos": True})
    wait_idle(server)


def test_closing_a_stream_cancels(client, model, server):
    stream = client.completions.create(model=model, prompt="Tell me everything.", max_tokens=1900, stream=True,
                                       extra_body={"ignore_eos": True})
    for _, _chunk in zip(range(3), stream):
        pass
    stream.close()
    wait_idle(server)


def wait_idle(server, seconds: float = 5):
    deadline = time.monotonic() + seconds
    while server.metric("vllm:num_requests_running") or server.metric("vllm:num_requests_waiting"):
        assert time.monotonic() < deadline, "the cancelled request still runs"
        time.sleep(0.05)


def test_keys_are_demanded_where_they_are_set():
    with Server("--api-key", "right", "--max-model-len", "512", "--memory", "400MiB") as guarded:
        good = openai.OpenAI(base_url=guarded.url + "/v1", api_key="right", max_retries=0)
        bad = openai.OpenAI(base_url=guarded.url + "/v1", api_key="wrong", max_retries=0)
        assert good.models.list().data
        with pytest.raises(openai.AuthenticationError):
            bad.models.list()


def test_parallel_clients_get_their_own_answers(client, model):
    def ask(k, out):
        out[k] = client.completions.create(model=model, prompt=f"Number {k} is", max_tokens=12, temperature=0).choices[0].text

    alone, together = {}, {}
    for k in range(12):
        ask(k, alone)
    threads = [threading.Thread(target=ask, args=(k, together)) for k in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert together == alone
