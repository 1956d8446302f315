"""Structured output and tools through the official clients of other APIs."""
import json

import anthropic
import httpx
import ollama
import pytest

from conftest import Server

PERSON = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
          "required": ["name", "age"], "additionalProperties": False}
ASK = [{"role": "user", "content": "Invent a person. Answer in JSON."}]
WEATHER = "What is the weather in Paris? Use the tool."
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def is_person(text):
    person = json.loads(text)
    return isinstance(person["name"], str) and 0 <= person["age"] <= 150 and len(person) == 2


@pytest.fixture(scope="module")
def coder():
    with Server("--memory", "2600MiB", "--max-model-len", "2048", "--served-model-name", "coder", "claude-haiku",
                model="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf") as running:
        yield running


@pytest.fixture(scope="module")
def claude(coder):
    return anthropic.Anthropic(base_url=coder.url, api_key="none", max_retries=0, timeout=120)


def test_anthropic_answers_in_a_schema(server):
    client = anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=60)
    model = client.models.list().data[0].id
    for seed in range(3):
        message = client.messages.create(model=model, max_tokens=60, messages=ASK, extra_body={"seed": seed, "temperature": 1},
                                         output_config={"format": {"type": "json_schema", "schema": PERSON}})
        assert is_person(message.content[0].text)


def test_ollama_answers_in_a_schema_and_in_any_json(server):
    client = ollama.Client(host=server.url, timeout=60)
    model = client.list().models[0].model
    for seed in range(3):
        options = {"temperature": 1, "seed": seed, "num_predict": 60}
        assert is_person(client.chat(model, ASK, format=PERSON, options=options).message.content)
        json.loads(client.generate(model, ASK[0]["content"], format="json", options=options).response)


def test_native_completion_takes_schemas_and_grammars(server):
    body = {"prompt": "A person in JSON:", "n_predict": 60, "seed": 1}
    assert is_person(httpx.post(server.url + "/completion", json={**body, "json_schema": PERSON}, timeout=60).json()["content"])
    answer = httpx.post(server.url + "/completion", json={**body, "grammar": 'root ::= "yes" | "no"'}, timeout=60).json()
    assert answer["content"] in ("yes", "no") and answer["stop_type"] == "eos"
    bad = httpx.post(server.url + "/completion", json={**body, "grammar": "root ::= ("}, timeout=60)
    assert bad.status_code == 400 and bad.json()["error"]["type"] == "invalid_request_error"


def test_anthropic_tools_are_called_and_answered(claude):
    tools = [{"name": "get_weather", "description": "Weather of a city", "input_schema": CITY}]
    options = dict(model="claude-haiku", max_tokens=200, tools=tools, tool_choice={"type": "any"}, extra_body={"temperature": 0})
    message = claude.messages.create(**options, messages=[{"role": "user", "content": WEATHER}])
    call = message.content[-1]
    assert message.stop_reason == "tool_use" and call.type == "tool_use" and call.name == "get_weather"
    assert "Paris" in call.input["city"]
    with claude.messages.stream(**options, messages=[{"role": "user", "content": WEATHER}]) as stream:
        streamed = stream.get_final_message()
    assert streamed.content[-1].input == call.input and streamed.stop_reason == "tool_use"
    answer = claude.messages.create(model="claude-haiku", max_tokens=60, tools=tools, extra_body={"temperature": 0}, messages=[
        {"role": "user", "content": WEATHER}, {"role": "assistant", "content": message.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "22 degrees, sunny"}]}])
    assert "22" in "".join(block.text for block in answer.content if block.type == "text")


def test_ollama_tools_are_called_and_answered(coder):
    client = ollama.Client(host=coder.url, timeout=120)
    tools = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": CITY}}]
    assert "tools" in client.show("coder").capabilities
    messages = [{"role": "user", "content": WEATHER}]
    options = {"temperature": 0, "num_predict": 100}
    answer = client.chat("coder", messages, tools=tools, options=options)
    call = answer.message.tool_calls[0].function
    assert call.name == "get_weather" and "Paris" in call.arguments["city"]
    lines = list(client.chat("coder", messages, tools=tools, options=options, stream=True))
    calls = [c.function for line in lines for c in line.message.tool_calls or []]
    assert [(c.name, c.arguments) for c in calls] == [(call.name, call.arguments)]
    messages += [answer.message, {"role": "tool", "tool_name": "get_weather", "content": "22 degrees, sunny"}]
    assert "22" in client.chat("coder", messages, tools=tools, options=options).message.content
