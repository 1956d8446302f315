"""The official anthropic client, unmodified, against a real server."""
import anthropic
import httpx
import pytest

from conftest import Server

MESSAGES = [{"role": "user", "content": "Name three colours."}]
GREEDY = {"temperature": 0}  # no parameter of the client any more, but still of the API
TOOL = {"name": "get_weather", "description": "Weather of a city",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


@pytest.fixture(scope="module")
def client(server):
    return anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def test_message_has_every_field(client, model):
    message = client.messages.create(model=model, max_tokens=12, messages=MESSAGES, extra_body=GREEDY)
    assert message.type == "message" and message.role == "assistant" and message.model == model
    assert message.id.startswith("msg_") and text_of(message)
    assert message.stop_reason == "max_tokens" and message.stop_sequence is None
    assert message.usage.output_tokens == 12


def test_stream_gives_the_same_message(client, model):
    options = dict(model=model, max_tokens=40, messages=MESSAGES, extra_body={"seed": 3, "temperature": 0.9})
    whole = client.messages.create(**options)
    with client.messages.stream(**options) as stream:
        pieces = list(stream.text_stream)
        streamed = stream.get_final_message()
    assert len(pieces) > 5 and "".join(pieces) == text_of(whole) == text_of(streamed)
    assert streamed.stop_reason == whole.stop_reason
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def test_events_come_in_the_order_of_the_protocol(client, model):
    events = [event.type for event in client.messages.create(model=model, max_tokens=5, messages=MESSAGES, stream=True)]
    assert events[:2] == ["message_start", "content_block_start"]
    assert events[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(events[2:-3]) == {"content_block_delta"}


def test_a_stop_sequence_is_named(client, model):
    counting = [{"role": "user", "content": "Count from 1 to 10."}]
    free = text_of(client.messages.create(model=model, max_tokens=40, messages=counting, extra_body=GREEDY))
    stop = free[8:11]
    message = client.messages.create(model=model, max_tokens=40, messages=counting, extra_body=GREEDY, stop_sequences=[stop])
    assert message.stop_reason == "stop_sequence" and message.stop_sequence == stop
    assert text_of(message) == free[:free.index(stop)]


def test_the_answer_continues_a_last_assistant_message(client, model):
    message = client.messages.create(model=model, max_tokens=8, extra_body=GREEDY, messages=[
        {"role": "user", "content": "What is the capital of France?"},
        {"role": "assistant", "content": "The capital of France is"}])
    assert "Paris" in text_of(message)


def test_count_tokens_counts_what_a_message_reads(client, model):
    options = dict(model=model, messages=MESSAGES + [{"role": "assistant", "content": [{"type": "text", "text": "Red."}]},
                                                     {"role": "user", "content": "More!"}],
                   system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}])
    counted = client.messages.count_tokens(**options).input_tokens
    for _ in range(2):  # the second time most of it comes from the cache
        usage = client.messages.create(**options, max_tokens=1).usage
        assert usage.input_tokens + usage.cache_read_input_tokens == counted
    assert client.messages.count_tokens(**options, tools=[TOOL]).input_tokens >= counted


def test_max_tokens_beyond_the_context_is_no_error(client, model):
    message = client.messages.create(model=model, max_tokens=32000, messages=[{"role": "user", "content": "Say hi."}],
                                     stop_sequences=["."], timeout=60)
    assert message.stop_reason in ("end_turn", "stop_sequence", "max_tokens")


def test_a_conversation_with_tool_results_is_read(client, model):
    message = client.messages.create(model=model, max_tokens=8, extra_body=GREEDY, tools=[TOOL], messages=[
        {"role": "user", "content": "How is the weather in Paris?"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "I need a tool.", "signature": "x"},
                                          {"type": "tool_use", "id": "toolu_1", "name": "get_weather",
                                           "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny, 20 degrees"}]}])
    assert message.usage.output_tokens > 0


@pytest.mark.parametrize("wrong", [
    dict(extra_body={"temperature": -1}), dict(max_tokens=0), dict(messages=[]), dict(messages=[{"role": "robot", "content": "x"}]),
    dict(tool_choice={"type": "any"}), dict(system=7), dict(messages=[{"role": "user", "content": [{"type": "video"}]}]),
    dict(messages=[{"role": "user", "content": "word " * 5000}]),
])
def test_wrong_requests_are_typed_errors(client, model, wrong):
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**{**dict(model=model, max_tokens=5, messages=MESSAGES), **wrong})
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == "invalid_request_error" and caught.value.body["error"]["message"]


def test_unknown_model_and_wrong_method(client, server):
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(model="claude-nobody", max_tokens=5, messages=MESSAGES)
    assert caught.value.body["error"]["type"] == "not_found_error"
    answer = httpx.get(server.url + "/v1/messages")
    assert answer.status_code == 405 and answer.json()["type"] == "error"


def test_the_key_comes_in_x_api_key():
    with Server("--api-key", "right", "--max-model-len", "512", "--memory", "400MiB") as guarded:
        def ask(key):
            client = anthropic.Anthropic(base_url=guarded.url, api_key=key, max_retries=0)
            return client.messages.create(model=client.models.list().data[0].id, max_tokens=1, messages=MESSAGES)
        assert ask("right").usage.output_tokens == 1
        with pytest.raises(anthropic.AuthenticationError):
            ask("wrong")
