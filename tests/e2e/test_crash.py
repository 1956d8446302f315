"""kill -9 in the middle of everything, and a new start on the same folder."""
import json
import signal
import threading
import time

import httpx
import openai
import pytest

from conftest import Server, run_trivet, model_path

OPTIONS = ("--memory", "1500MiB", "--max-model-len", "2048", "--max-num-seqs", "64", "--api-key", "alice")
LINES = 120


def client_of(server, key="alice"):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, timeout=120)


def batch_input(model, count):
    return "\n".join(json.dumps({"custom_id": f"r{i}", "method": "POST", "url": "/v1/completions",
                                 "body": {"model": model, "max_tokens": 6, "temperature": 0, "prompt": f"{i} is"}})
                     for i in range(count))


def start_streams(server, model, count):
    """Streams that are running when the server dies; returns what they noticed."""
    seen = []

    def read():
        try:
            with httpx.stream("POST", server.url + "/v1/chat/completions", timeout=60,
                              headers={"Authorization": "Bearer alice"},
                              json={"model": model, "stream": True, "max_tokens": 2000, "ignore_eos": True,
                                    "messages": [{"role": "user", "content": "Write a story."}]}) as answer:
                for _ in answer.iter_lines():
                    pass
            seen.append("ended")
        except httpx.HTTPError as error:
            seen.append(type(error).__name__)

    threads = [threading.Thread(target=read) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, seen


def test_kill_during_50_streams_loses_nothing_that_was_acknowledged(tmp_path):
    made = run_trivet("keys", "add", str(tmp_path / "keys.jsonl"), "bob", "--requests-per-minute", "1000")
    bobs_key = made.stdout.strip()
    state = ("--state-dir", str(tmp_path / "state"), "--api-key-file", str(tmp_path / "keys.jsonl"))
    with Server(*OPTIONS, *state) as server:
        client = client_of(server)
        model = client.models.list().data[0].id
        bobs = client_of(server, bobs_key).responses.create(model=model, input="I am Bob.", max_output_tokens=4)
        conversation = client.conversations.create(metadata={"a": "b"})
        client.responses.create(model=model, conversation=conversation.id, input="Say so.", max_output_tokens=4)
        items = [item.to_dict() for item in client.conversations.items.list(conversation.id)]
        stored = [client.responses.create(model=model, input=f"Say {i}", max_output_tokens=4) for i in range(5)]
        file = client.files.create(file=("in.jsonl", batch_input(model, LINES).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
        while client.batches.retrieve(batch.id).request_counts.completed < LINES // 4:
            time.sleep(0.02)
        background = client.responses.create(model=model, input="Write a story.", background=True, stream=True,
                                             max_output_tokens=150, extra_body={"ignore_eos": True})
        before = [event for event, _ in zip(background, range(20))]
        threads, seen = start_streams(server, model, 50)
        while server_streams(server) < 50:
            time.sleep(0.02)
        done_before = client.batches.retrieve(batch.id).request_counts.completed
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        for thread in threads:
            thread.join()
    assert len(seen) == 50 and "ended" not in seen
    with Server(*OPTIONS, *state) as server:
        client = client_of(server)
        for response in stored:
            assert client.responses.retrieve(response.id).to_dict() == response.to_dict()
        again = client.responses.create(model=model, input="And then?", previous_response_id=stored[0].id,
                                        max_output_tokens=4)
        assert again.output_text is not None
        assert client.files.content(file.id).text == batch_input(model, LINES)
        assert client.conversations.retrieve(conversation.id) == conversation
        assert len(items) == 2 and [i.to_dict() for i in client.conversations.items.list(conversation.id)] == items
        bob = client_of(server, bobs_key)
        assert bob.responses.retrieve(bobs.id).to_dict() == bobs.to_dict()
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(bobs.id)
        with pytest.raises(openai.AuthenticationError):
            client_of(server, "nobody").models.list()
        # The background response goes on: the same events, from the next number on.
        response_id = before[0].response.id
        after = list(client.responses.retrieve(response_id, stream=True, starting_after=before[-1].sequence_number))
        events = before + after
        assert [e.sequence_number for e in events] == list(range(len(events)))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        assert text == client.responses.retrieve(response_id).output_text
        assert events[-1].response.usage.output_tokens == 150
        # The batch ends with each line once, and does not begin anew.
        deadline = time.monotonic() + 90
        while (now := client.batches.retrieve(batch.id)).status != "completed":
            assert now.request_counts.completed >= done_before and time.monotonic() < deadline
            time.sleep(0.1)
        answers = [json.loads(line) for line in client.files.content(now.output_file_id).text.splitlines()]
        assert sorted(a["custom_id"] for a in answers) == sorted(f"r{i}" for i in range(LINES))
        assert now.request_counts.total == now.request_counts.completed == LINES
        # None of the lines that had an answer was done again: all else here is the background response and `again`.
        assert finished_requests(server) <= LINES - done_before + 2
        single = client.completions.create(model=model, max_tokens=6, temperature=0, prompt="77 is").choices[0].text
        assert answers[77]["response"]["body"]["choices"][0]["text"] == single


def finished_requests(server):
    text = httpx.get(server.url + "/metrics", headers={"Authorization": "Bearer alice"}).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("vllm:request_success_total"))


def server_streams(server):
    text = httpx.get(server.url + "/metrics", headers={"Authorization": "Bearer alice"}).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith(("vllm:num_requests_running", "vllm:num_requests_waiting{")))


def test_a_second_server_does_not_take_the_folder(tmp_path):
    state = ("--state-dir", str(tmp_path / "state"))
    with Server(*OPTIONS, *state) as first:
        client = client_of(first)
        model = client.models.list().data[0].id
        client.responses.create(model=model, input="Hi", max_output_tokens=1)
        with Server(*OPTIONS, *state) as second:
            other = client_of(second)
            answer = other.responses.create(model=model, input="Hi", store=False, max_output_tokens=1)
            assert answer.output_text is not None
            try:
                other.responses.create(model=model, input="Hi", max_output_tokens=1)
                raise AssertionError("stored in a folder of another server")
            except openai.InternalServerError as error:
                assert error.status_code == 503 and "--state-dir" in str(error)


def test_offline_batch_goes_on_with_a_partial_output(tmp_path):
    model = str(model_path())
    (tmp_path / "in.jsonl").write_text(batch_input("m", 40))
    command = ("batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"), "--model", model, "--memory", "1GiB",
               "--served-model-name", "m")
    whole = run_trivet(*command)
    assert whole.returncode == 0, whole.stderr
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    answers = {json.loads(line)["custom_id"]: json.loads(line)["response"]["body"]["choices"] for line in lines}
    assert len(lines) == len(answers) == 40
    # A crash left 7 lines and a torn one.
    (tmp_path / "out.jsonl").write_text("\n".join(lines[:7]) + "\n" + lines[7][:30])
    again = run_trivet(*command)
    assert again.returncode == 0 and "7 of 40 requests are answered" in again.stderr, again.stderr
    resumed = (tmp_path / "out.jsonl").read_text().splitlines()
    assert resumed[:7] == lines[:7] and len(resumed) == 40
    assert {json.loads(line)["custom_id"]: json.loads(line)["response"]["body"]["choices"]
            for line in resumed} == answers
    nothing_left = run_trivet(*command)
    assert nothing_left.returncode == 0 and "40 of 40" in nothing_left.stderr
    (tmp_path / "bad.jsonl").write_text("{}\n")
    bad = run_trivet("batch", str(tmp_path / "bad.jsonl"), str(tmp_path / "o.jsonl"), "--model", model)
    assert bad.returncode == 2 and "bad.jsonl:1" in bad.stderr
