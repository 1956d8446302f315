"""Reasoning before answers, calls and JSON, with a template that begins it, on real weights."""
import json

import httpx
import openai
import pytest

from conftest import Server

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is not defined or enable_thinking %}"
    "<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}{% endif %}")
MESSAGES = [{"role": "user", "content": "Is the sea blue?"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {
    "type": "object", "required": ["at"], "properties": {"at": {"enum": ["sea", "sky"]}}}}}
SCHEMA = {"type": "object", "required": ["blue"], "additionalProperties": False,
          "properties": {"blue": {"type": "boolean"}}}
BUDGET = 8


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    template = tmp_path_factory.mktemp("template") / "thinking.jinja"
    template.write_text(TEMPLATE)
    with Server("--memory", "1500MiB", "--max-model-len", "1024", "--chat-template", str(template)) as running:
        yield running


@pytest.fixture(scope="module")
def client(thinker):
    return openai.OpenAI(base_url=thinker.url + "/v1", api_key="none", max_retries=0, timeout=60)


def ask(client, **options):
    extra = options.pop("extra_body", {"thinking_token_budget": BUDGET})
    return client.chat.completions.create(**{"model": client.models.list().data[0].id, "messages": MESSAGES,
                                             "max_tokens": 120, "temperature": 0.9, "seed": 3, **options},
                                          extra_body=extra)


def test_a_budget_ends_reasoning_after_exactly_so_many_tokens(thinker, client):
    closing = httpx.post(thinker.url + "/tokenize", json={"prompt": "</think>", "add_special_tokens": False}).json()
    answer = ask(client, extra_body={"thinking_token_budget": BUDGET, "return_token_ids": True}).choices[0]
    assert answer.message.reasoning and answer.message.reasoning == answer.message.reasoning_content
    assert "think>" not in answer.message.content

    def text(count: int) -> str:
        tokens = answer.token_ids[:count]
        return httpx.post(thinker.url + "/detokenize", json={"tokens": tokens}).json()["prompt"]

    assert "</think>" not in text(BUDGET)
    assert text(BUDGET + closing["count"]).endswith("</think>")
    free = ask(client, extra_body={}).choices[0].message
    assert len(free.reasoning) > len(answer.message.reasoning)


def test_streamed_reasoning_equals_the_whole(client):
    whole = ask(client).choices[0].message
    reasoning, content = "", ""
    for chunk in ask(client, stream=True):
        delta = chunk.choices[0].delta
        reasoning += getattr(delta, "reasoning", None) or ""
        content += delta.content or ""
    assert (reasoning, content) == (whole.reasoning, whole.content)


def test_thinking_can_be_turned_off(client):
    message = ask(client, extra_body={"enable_thinking": False}, max_tokens=10).choices[0].message
    assert message.content and message.reasoning is None


def test_calls_come_after_reasoning(client):
    answer = ask(client, tools=[TOOL], tool_choice="required", parallel_tool_calls=False).choices[0]
    assert answer.message.reasoning and answer.finish_reason == "tool_calls"
    [call] = answer.message.tool_calls
    assert json.loads(call.function.arguments)["at"] in ("sea", "sky")


def test_json_comes_after_reasoning(client):
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}
    for extra in ({"thinking_token_budget": BUDGET}, {"enable_thinking": False}):
        message = ask(client, response_format=form, extra_body=extra).choices[0].message
        assert set(json.loads(message.content)) == {"blue"}
        assert bool(message.reasoning) == ("thinking_token_budget" in extra)
