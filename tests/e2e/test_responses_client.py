"""The official openai client, unmodified: responses, files, batches, streams that are taken up again."""
import json
import socket
import threading
import time

import httpx
import openai
import pytest

from conftest import Server

WEATHER = {"type": "function", "name": "get_weather", "description": "The weather of a city", "strict": True,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                          "additionalProperties": False}}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    with Server("--memory", "1500MiB", "--max-model-len", "2048", "--state-dir", str(state / "s"),
                "--api-key", "alice", "--api-key", "bob") as server:
        yield server


def client_of(server, key="alice"):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def client(running):
    return client_of(running)


@pytest.fixture(scope="module")
def model(client):
    return client.models.list().data[0].id


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = what()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("not in time")


def test_response_is_made_stored_and_deleted(client, model):
    made = client.responses.create(model=model, input="Name three colours.", max_output_tokens=24,
                                   instructions="Be brief.", metadata={"a": "b"}, temperature=0)
    assert made.status in ("completed", "incomplete") and made.output_text
    assert made.usage.input_tokens > 0 and made.usage.output_tokens <= 24
    assert made.metadata == {"a": "b"} and made.instructions == "Be brief."
    found = client.responses.retrieve(made.id)
    assert found.to_dict() == made.to_dict()
    items = client.responses.input_items.list(made.id)
    assert [item.content[0].text for item in items.data] == ["Name three colours."]
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_streamed_response_equals_the_whole_one(client, model):
    options = dict(model=model, input=[{"role": "user", "content": "Tell me about the sea."}], max_output_tokens=30,
                   temperature=0.9, extra_body={"seed": 5})
    whole = client.responses.create(**options)
    events = list(client.responses.create(**options, stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    types = [e.type for e in events]
    assert types[:4] == ["response.created", "response.in_progress", "response.output_item.added",
                         "response.content_part.added"]
    assert types[-4:-1] == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    assert types[-1] in ("response.completed", "response.incomplete")
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == whole.output_text == events[-1].response.output_text
    assert events[-1].response.usage.output_tokens == whole.usage.output_tokens
    # The client's own helper knows only answers that end by themselves.
    options["extra_body"] = {"seed": 5, "stop": [" "]}
    with client.responses.stream(**options) as stream:
        assert stream.get_final_response().output_text == client.responses.create(**options).output_text


def test_a_conversation_goes_on_from_the_stored_turn(client, model):
    first = client.responses.create(model=model, input="My name is Ada.", max_output_tokens=8, temperature=0)
    second = client.responses.create(model=model, input="What is my name?", previous_response_id=first.id,
                                     max_output_tokens=8, temperature=0)
    assert second.previous_response_id == first.id
    chat = client.chat.completions.create(model=model, temperature=0, max_tokens=8, messages=[
        {"role": "user", "content": "My name is Ada."}, {"role": "assistant", "content": first.output_text},
        {"role": "user", "content": "What is my name?"}])
    assert second.output_text == chat.choices[0].message.content
    assert second.usage.input_tokens == chat.usage.prompt_tokens
    with pytest.raises(openai.NotFoundError) as error:
        client.responses.create(model=model, input="x", previous_response_id="resp_none")
    assert error.value.body["param"] == "previous_response_id"


def test_nobody_sees_the_responses_and_files_of_others(running, client, model):
    bob = client_of(running, "bob")
    made = client.responses.create(model=model, input="Hi", max_output_tokens=1)
    file = client.files.create(file=b"{}", purpose="batch")
    for call in (lambda: bob.responses.retrieve(made.id), lambda: bob.responses.delete(made.id),
                 lambda: bob.responses.input_items.list(made.id), lambda: bob.files.retrieve(file.id),
                 lambda: bob.files.content(file.id), lambda: bob.files.delete(file.id),
                 lambda: bob.responses.create(model=model, input="x", previous_response_id=made.id),
                 lambda: bob.batches.create(input_file_id=file.id, endpoint="/v1/completions",
                                            completion_window="24h")):
        with pytest.raises(openai.NotFoundError):
            call()
    assert client.files.retrieve(file.id).id == file.id


def test_unstored_response_cannot_be_found(client, model):
    made = client.responses.create(model=model, input="Hi", store=False, max_output_tokens=4)
    assert made.output_text
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_tool_items_round_trip(client, model):
    made = client.responses.create(
        model=model, max_output_tokens=16, temperature=0, tools=[WEATHER], tool_choice="auto", input=[
            {"role": "developer", "content": "Answer in one word."},
            {"role": "user", "content": "Is it warm in Rome?"},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "look it up"}]},
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{\"city\":\"Rome\"}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "27 degrees"}])
    assert made.tools[0].name == "get_weather"
    listed = client.responses.input_items.list(made.id, order="asc", limit=100)
    assert [i.type for i in listed.data] == ["message", "message", "reasoning", "function_call",
                                             "function_call_output"]
    page = client.responses.input_items.list(made.id, order="asc", limit=2)
    assert [i.id for i in page.data] + [i.id for i in page.get_next_page().data] == [i.id for i in listed.data][:4]


def test_wrong_requests_are_refused_by_name(client, model):
    for body, param in [({"input": 5}, "input"), ({}, "input"), ({"input": [{"type": "message", "role": "x"}]}, "input"),
                        ({"input": "x", "background": True, "store": False}, "background"),
                        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"),
                        ({"input": "x", "text": {"format": {"type": "xml"}}}, "text.format.type"),
                        ({"input": "x", "metadata": {"a": 1}}, "metadata"),
                        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://x"}]}]},
                         "input")]:
        with pytest.raises(openai.BadRequestError) as error:
            client.post("/responses", cast_to=object, body={"model": model, **body})
        assert error.value.body["param"] == param, body
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="other", input="x")
    for path in ("/responses/..%2F..%2Fetc", "/responses/%00", "/responses/" + "a" * 5000, "/files/'%20OR%201=1/content",
                 "/batches/%2e%2e", "/streams/x"):
        with pytest.raises(openai.NotFoundError):
            client.get(path, cast_to=object)


def test_background_response_is_polled(client, model):
    made = client.responses.create(model=model, input="Count to ten.", background=True, max_output_tokens=40)
    assert made.status == "queued"
    ended = wait_for(lambda: (r := client.responses.retrieve(made.id)).status not in ("queued", "in_progress") and r)
    assert ended.status in ("completed", "incomplete") and ended.output_text and ended.background


def test_background_response_is_cancelled(client, model):
    made = client.responses.create(model=model, input="Write a long story.", background=True, max_output_tokens=1900,
                                   extra_body={"ignore_eos": True})
    cancelled = client.responses.cancel(made.id)
    assert cancelled.status == "cancelled"
    assert client.responses.cancel(made.id).status == "cancelled"
    foreground = client.responses.create(model=model, input="Hi", max_output_tokens=1)
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(foreground.id)


def test_background_stream_is_taken_up_where_it_was_lost(client, model):
    options = dict(model=model, input="Write a story.", background=True, stream=True, max_output_tokens=80,
                   extra_body={"ignore_eos": True})
    stream = client.responses.create(**options)
    seen = []
    for event in stream:
        seen.append(event)
        if len(seen) == 12:
            break
    stream.close()
    response_id = seen[0].response.id
    rest = list(client.responses.retrieve(response_id, stream=True, starting_after=seen[-1].sequence_number))
    events = seen + rest
    assert [e.sequence_number for e in events] == list(range(len(events)))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == client.responses.retrieve(response_id).output_text
    # Again, from what is stored.
    again = list(client.responses.retrieve(response_id, stream=True))
    assert [e.to_dict() for e in again] == [e.to_dict() for e in events]


def test_a_client_that_leaves_ends_its_response(running, client, model):
    stream = client.responses.create(model=model, input="Write a story.", stream=True, max_output_tokens=1900,
                                     extra_body={"ignore_eos": True})
    made = next(iter(stream)).response
    stream.close()
    wait_for(lambda: running_requests(running) == 0, 20)
    assert client.responses.retrieve(made.id).status == "cancelled"


def running_requests(server):
    text = httpx.get(server.url + "/metrics", headers={"Authorization": "Bearer alice"}).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith(("vllm:num_requests_running", "vllm:num_requests_waiting{",
                                   "vllm:num_requests_waiting ")))


def batch_input(model, count, **body):
    return "\n".join(json.dumps({"custom_id": f"r{i}", "method": "POST", "url": "/v1/chat/completions",
                                 "body": {"model": model, "max_tokens": 4, "temperature": 0,
                                          "messages": [{"role": "user", "content": f"Say {i}"}], **body}})
                     for i in range(count)).encode()


def test_files_are_kept_listed_and_deleted(client):
    content = bytes(range(256)) * 10
    file = client.files.create(file=("weird \"name\".jsonl", content), purpose="batch")
    assert file.bytes == len(content) and file.filename == "weird \"name\".jsonl" and file.status == "processed"
    assert client.files.content(file.id).read() == content
    assert file.id in [f.id for f in client.files.list(purpose="batch")]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=b"x", purpose="fine-tune")


def test_upload_is_bounded(running):
    with socket.create_connection(("127.0.0.1", int(running.url.rsplit(":", 1)[1]))) as raw:
        raw.sendall(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\n"
                    b"Content-Length: %d\r\n\r\n" % (200 << 20))
        assert raw.recv(1000).startswith(b"HTTP/1.1 413 ")
    with httpx.Client(headers={"Authorization": "Bearer alice"}) as http:
        for body in (b"", b"--b\r\n", b"--b--", b"--b\r\n\r\nx\r\n--b--\r\n"):
            answer = http.post(running.url + "/v1/files", headers={"Content-Type": "multipart/form-data; boundary=b"},
                               content=body)
            assert answer.status_code == 400, body


def test_batch_answers_every_line_once(client, model):
    lines = batch_input(model, 20) + b"\n" + json.dumps(
        {"custom_id": "bad", "method": "POST", "url": "/v1/chat/completions",
         "body": {"model": "other", "messages": [{"role": "user", "content": "x"}]}}).encode()
    file = client.files.create(file=("in.jsonl", lines), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h",
                                  metadata={"k": "v"})
    assert batch.status in ("validating", "in_progress")
    done = wait_for(lambda: (b := client.batches.retrieve(batch.id)).status == "completed" and b)
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (21, 20, 1)
    answers = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    assert [a["custom_id"] for a in answers] == [f"r{i}" for i in range(20)]
    single = client.chat.completions.create(model=model, max_tokens=4, temperature=0,
                                            messages=[{"role": "user", "content": "Say 7"}])
    assert answers[7]["response"]["body"]["choices"][0]["message"]["content"] == single.choices[0].message.content
    errors = [json.loads(line) for line in client.files.content(done.error_file_id).text.splitlines()]
    assert [(e["custom_id"], e["response"]["status_code"]) for e in errors] == [("bad", 404)]
    assert batch.id in [b.id for b in client.batches.list(limit=5)]


def test_batch_with_wrong_lines_fails_and_says_where(client, model):
    lines = batch_input(model, 2) + b"\n" + batch_input(model, 1) + b"\nnot json\n"
    file = client.files.create(file=("in.jsonl", lines), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    failed = wait_for(lambda: (b := client.batches.retrieve(batch.id)).status == "failed" and b)
    assert [(e.line, e.code) for e in failed.errors.data] == [(3, "duplicate_custom_id"), (4, "invalid_line")]


def test_batch_is_cancelled(client, model):
    file = client.files.create(file=("in.jsonl", batch_input(model, 300, max_tokens=200, ignore_eos=True)),
                               purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
    wait_for(lambda: client.batches.retrieve(batch.id).status == "cancelled")


def test_lost_chat_stream_is_resumed_by_id(running, client, model):
    body = {"model": model, "messages": [{"role": "user", "content": "Write a story."}], "max_tokens": 60, "seed": 3,
            "ignore_eos": True}
    headers = {"Authorization": "Bearer alice"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as http:
        with http.stream("POST", "/v1/chat/completions", json={**body, "stream": True},
                         headers={"X-Trivet-Resumable": "true"}) as answer:
            stream_id = answer.headers["x-trivet-stream-id"]
            got, last = [], None
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    last = line[4:]
                if line.startswith("data: "):
                    got.append(line)
                if len(got) == 10:
                    break
        with http.stream("GET", f"/v1/streams/{stream_id}", headers={"Last-Event-ID": last}) as rest:
            assert rest.headers["content-type"].startswith("text/event-stream")
            got += [line for line in rest.iter_lines() if line.startswith("data: ")]
        assert got[-1] == "data: [DONE]"
        chunks = [json.loads(line[6:]) for line in got[:-1]]
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
        whole = http.post("/v1/chat/completions", json=body).json()
        assert text == whole["choices"][0]["message"]["content"]
        assert http.get(f"/v1/streams/{stream_id}", headers={"Authorization": "Bearer bob"}).status_code == 404
        assert http.get(f"/v1/streams/{stream_id}", headers={"Last-Event-ID": "x"}).status_code == 400
        assert http.delete(f"/v1/streams/{stream_id}").json()["deleted"]
        assert http.get(f"/v1/streams/{stream_id}").status_code == 404


def test_same_idempotency_key_gets_the_same_answer(running, client, model):
    options = dict(model=model, messages=[{"role": "user", "content": "Say a number."}], max_tokens=24, temperature=1.5)
    answers = []

    def ask():
        answers.append(client.chat.completions.create(**options, extra_headers={"Idempotency-Key": "k1"}))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask()
    assert len({a.to_json() for a in answers}) == 1 and len(answers) == 7
    other = client.chat.completions.create(**options, extra_headers={"Idempotency-Key": "k2"})
    assert other.id != answers[0].id
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(**{**options, "max_tokens": 5}, extra_headers={"Idempotency-Key": "k1"})
    stream = [c.to_json() for c in client.chat.completions.create(**options, stream=True,
                                                                  extra_headers={"Idempotency-Key": "k3"})]
    again = [c.to_json() for c in client.chat.completions.create(**options, stream=True,
                                                                 extra_headers={"Idempotency-Key": "k3"})]
    assert stream == again and len(stream) > 3


def test_a_retry_waits_for_the_lost_first_request(running, model):
    """The first client gives up; its retry with the same key gets what it would have got."""
    headers = {"Authorization": "Bearer alice", "Idempotency-Key": "lost"}
    body = {"model": model, "prompt": "The sea", "max_tokens": 60, "ignore_eos": True, "temperature": 1}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(running.url + "/v1/completions", json=body, headers=headers, timeout=httpx.Timeout(10, read=0.05))
    answer = httpx.post(running.url + "/v1/completions", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200 and answer.headers["idempotent-replayed"] == "true"
    assert answer.json()["usage"]["completion_tokens"] == 60
