"""Tools and reasoning through the official openai client, on real weights."""
import json

import openai
import pytest

from conftest import Server, model_path, run_trivet

CODER = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The weather of a city",
        "parameters": {"type": "object", "required": ["city", "unit"], "properties": {
            "city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 9}}}}},
    {"type": "function", "function": {
        "name": "send_mail", "description": "Sends a mail",
        "parameters": {"type": "object", "required": ["to"], "additionalProperties": False, "properties": {
            "to": {"type": "array", "items": {"type": "string", "maxLength": 10}, "minItems": 1, "maxItems": 2},
            "urgent": {"type": "boolean"}}}}},
]
QUESTION = [{"role": "user", "content": "What is the weather in Paris, in celsius?"}]


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def collect(stream) -> tuple[dict, str, str]:
    """Calls, content and finish reason that a stream adds up to."""
    calls, content, finish = {}, "", None
    for chunk in stream:
        choice = chunk.choices[0]
        content += choice.delta.content or ""
        finish = choice.finish_reason or finish
        for delta in choice.delta.tool_calls or []:
            if delta.id:
                assert delta.index == len(calls) and delta.type == "function"
                calls[delta.index] = [delta.function.name, ""]
            else:
                assert delta.function.name is None
            calls[delta.index][1] += delta.function.arguments
    return calls, content, finish


def check_call(name: str, arguments: str):
    values = json.loads(arguments)
    if name == "get_weather":
        assert isinstance(values["city"], str) and values["unit"] in ("celsius", "fahrenheit")
        assert set(values) <= {"city", "unit", "days"} and 1 <= values.get("days", 1) <= 9
    else:
        assert name == "send_mail" and 1 <= len(values["to"]) <= 2
        assert set(values) <= {"to", "urgent"} and isinstance(values.get("urgent", True), bool)


@pytest.mark.parametrize("seed", range(4))
def test_required_calls_are_valid_and_stream_as_they_are(client, model, seed):
    options = dict(model=model, messages=QUESTION, tools=TOOLS, tool_choice="required", max_tokens=200,
                   temperature=1.0, seed=seed)
    whole = client.chat.completions.create(**options).choices[0]
    assert whole.message.tool_calls and not whole.message.content
    for call in whole.message.tool_calls:
        check_call(call.function.name, call.function.arguments)
    calls, content, finish = collect(client.chat.completions.create(**options, stream=True))
    assert [tuple(c) for c in calls.values()] == [(c.function.name, c.function.arguments)
                                                  for c in whole.message.tool_calls]
    assert content == "" and finish == whole.finish_reason


def test_a_named_tool_is_called_once(client, model):
    choice = {"type": "function", "function": {"name": "send_mail"}}
    for seed in range(3):
        answer = client.chat.completions.create(
            model=model, messages=QUESTION, tools=TOOLS, tool_choice=choice, max_tokens=200, temperature=1.0,
            seed=seed).choices[0]
        assert answer.finish_reason == "tool_calls"
        [call] = answer.message.tool_calls
        assert call.function.name == "send_mail" and len(call.id) > 16
        check_call(call.function.name, call.function.arguments)


def test_allowed_tools_are_the_only_ones_called(client, model):
    choice = {"type": "allowed_tools", "allowed_tools": {
        "mode": "required", "tools": [{"type": "function", "function": {"name": "get_weather"}}]}}
    for seed in range(3):
        answer = client.chat.completions.create(
            model=model, messages=QUESTION, tools=TOOLS, tool_choice=choice, parallel_tool_calls=False,
            max_tokens=200, temperature=1.0, seed=seed).choices[0]
        [call] = answer.message.tool_calls
        assert call.function.name == "get_weather"
        check_call(call.function.name, call.function.arguments)


def test_calls_are_complete_where_max_tokens_cuts(client, model):
    for budget in (45, 60, 90):
        answer = client.chat.completions.create(
            model=model, messages=QUESTION, tools=TOOLS, tool_choice="required", max_tokens=budget,
            temperature=1.0, seed=budget).choices[0]
        for call in answer.message.tool_calls:
            check_call(call.function.name, call.function.arguments)


def test_choice_none_answers_in_text(client, model):
    answer = client.chat.completions.create(model=model, messages=QUESTION, tools=TOOLS, tool_choice="none",
                                            max_tokens=20).choices[0]
    assert answer.message.content and not answer.message.tool_calls


def test_a_schema_that_cannot_be_held_is_refused_only_if_strict(client, model):
    tool = {"type": "function", "function": {"name": "f", "parameters": {
        "type": "object", "properties": {"a": {"type": "string", "format": "no-such-format"}}}}}
    options = dict(model=model, messages=QUESTION, tool_choice="required", max_tokens=60)
    answer = client.chat.completions.create(**options, tools=[tool])
    assert answer.choices[0].message.tool_calls
    tool["function"]["strict"] = True
    with pytest.raises(openai.BadRequestError, match="tools"):
        client.chat.completions.create(**options, tools=[tool])


def test_an_unknown_parser_is_refused_by_name():
    for flag in ("--tool-call-parser", "--reasoning-parser"):
        done = run_trivet("serve", str(model_path()), flag, "nonsense")
        assert done.returncode != 0 and f"{flag} nonsense" in done.stderr and "mistral" in done.stderr


class Shop:
    """Tools whose results nobody can guess; the second needs what the first returned."""

    def __init__(self):
        self.called = []

    def find_product(self, name: str) -> dict:
        self.called.append("find_product")
        return {"product_id": "LX-7731"}

    def get_price(self, product_id: str) -> dict:
        self.called.append("get_price")
        return {"price_in_euro": 48.25} if product_id == "LX-7731" else {"error": "there is no such id"}


SHOP_TOOLS = [
    {"type": "function", "function": {
        "name": name, "description": text, "parameters": {
            "type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}}}
    for name, argument, text in (("find_product", "name", "Finds the id of a product by its name"),
                                 ("get_price", "product_id", "The price in euro of a product, by its id"))]


@pytest.fixture(scope="module")
def coder():
    model_path(CODER)  # skips without it
    with Server("--memory", "3GiB", "--max-model-len", "2048", model=CODER) as running:
        yield openai.OpenAI(base_url=running.url + "/v1", api_key="none", max_retries=0, timeout=300)


@pytest.mark.parametrize("stream", [False, True])
def test_an_agent_calls_two_tools_and_uses_what_they_return(coder, stream):
    shop = Shop()
    messages = [{"role": "user", "content": "What does the desk lamp cost? Find its id first, then its price, "
                                            "then write a sentence with the price."}]
    text = ""
    for _ in range(6):
        answer = ask(coder, messages, stream)
        if not answer["tool_calls"]:
            text = answer["content"]
            break
        messages.append(answer)
        for call in answer["tool_calls"]:
            result = getattr(shop, call["function"]["name"])(**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
    assert shop.called == ["find_product", "get_price"], messages
    assert "48.25" in text, messages


def ask(client, messages: list, stream: bool) -> dict:
    options = dict(model=CODER.removesuffix(".gguf"), messages=messages, tools=SHOP_TOOLS, temperature=0,
                   max_tokens=200)
    if not stream:
        message = client.chat.completions.create(**options).choices[0].message
        calls = [c.model_dump(exclude_none=True) for c in message.tool_calls or []]
        return {"role": "assistant", "content": message.content, "tool_calls": calls}
    with client.chat.completions.stream(**options) as events:
        for _ in events:
            pass
        message = events.get_final_completion().choices[0].message
    calls = [{"id": c.id, "type": "function",
              "function": {"name": c.function.name, "arguments": c.function.arguments}}
             for c in message.tool_calls or []]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}
