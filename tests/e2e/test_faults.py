"""The connection of a client is lost at every stage of a request: what it held is free again, and nobody else notices.

By turns it is closed and reset; with TRIVET_FAULTS=all it is both at every stage."""
import json
import os
import pathlib
import random
import socket
import struct
import time

import httpx
import openai
import pytest

from conftest import Server

SLOTS = 2
STORY = {"prompt": "Once upon a time", "stream": True, "temperature": 0, "ignore_eos": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server("--memory", "600MiB", "--max-model-len", "2048", "--max-num-seqs", str(SLOTS), "--prefill-chunk", "64",
                "--disable-access-log", "--state-dir", str(tmp_path_factory.mktemp("state") / "s")) as running:
        ask(running)
        with openai_client(running) as api:  # all threads and folders that it will ever have
            api.responses.create(input="Hi", max_output_tokens=1)
        yield running


def openai_client(server) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url + "/v1", api_key="x", max_retries=0, timeout=60)


def ask(server) -> str:
    answer = httpx.post(server.url + "/v1/completions", timeout=60,
                        json={"prompt": "The capital of France is", "max_tokens": 6, "temperature": 0})
    assert answer.status_code == 200
    return answer.json()["choices"][0]["text"]


def sockets(server) -> int:
    count = 0
    for entry in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            count += os.readlink(entry).startswith("socket:")
        except OSError:
            pass
    return count


def files(server) -> list:
    return [file["id"] for file in httpx.get(server.url + "/v1/files", timeout=60).json()["data"]]


def state(server) -> dict:
    """What one look at the server shows. The connection of the look may still be counted."""
    numbers = {name: server.metric(name) for name in
               ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")}
    return {**numbers, "sockets": sockets(server), "threads": server.status("Threads")}


def eventually(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Client:
    """A connection that sends what it is told to, and then breaks."""

    def __init__(self, server):
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=60)
        self.received = b""

    def head(self, method: str, path: str, length: int) -> bytes:
        return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def post(self, path: str, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send(self.head("POST", path, len(data)) + data)

    def read_until(self, mark: bytes, times: int = 1) -> None:
        while self.received.count(mark) < times:
            piece = self.socket.recv(4096)
            assert piece, self.received
            self.received += piece

    def lose(self, how: str) -> None:
        if how == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def in_the_head(client: Client) -> None:
    client.send(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-")
    eventually(lambda: sockets(client.server) > client.server.idle["sockets"])


def in_the_body(client: Client) -> None:
    client.send(client.head("POST", "/v1/completions", 1000) + b'{"prompt": "Once')
    eventually(lambda: sockets(client.server) > client.server.idle["sockets"])


def queued(client: Client) -> None:
    client.others = [Client(client.server) for _ in range(SLOTS)]
    for other in client.others:
        other.post("/v1/completions", {**STORY, "max_tokens": 1900})
        other.read_until(b"data: ", 2)
    client.post("/v1/completions", {**STORY, "max_tokens": 50})
    eventually(lambda: client.server.metric("vllm:num_requests_waiting") == 1)


def in_prefill(client: Client) -> None:
    first = random.randrange(100, 40000)  # nothing that the prefix cache has
    client.post("/v1/completions", {**STORY, "prompt": list(range(first, first + 1950)), "max_tokens": 50})
    eventually(lambda: client.server.metric("vllm:num_requests_running") == 1)
    client.socket.setblocking(False)
    with pytest.raises(BlockingIOError):  # not one byte of the answer so far
        client.socket.recv(1)


def between_tokens(client: Client) -> None:
    client.post("/v1/completions", {**STORY, "max_tokens": 1900})
    client.read_until(b"data: ", 5)


def decoding_for_a_whole_answer(client: Client) -> None:
    client.post("/v1/completions", {**STORY, "stream": False, "max_tokens": 1900})
    usage = "vllm:kv_cache_usage_perc"
    eventually(lambda: client.server.metric(usage) > client.server.idle[usage])


def in_the_last_bytes(client: Client) -> None:
    client.post("/v1/completions", {**STORY, "max_tokens": 8})
    client.read_until(b'"finish_reason":"length"')


def in_an_upload(client: Client) -> None:
    client.send(client.head("POST", "/v1/files", 50 << 20) + bytes(5 << 20))
    eventually(lambda: sockets(client.server) > client.server.idle["sockets"])


def polling_a_batch(client: Client) -> None:
    model = httpx.get(client.server.url + "/v1/models", timeout=60).json()["data"][0]["id"]
    lines = "\n".join(json.dumps({"custom_id": str(i), "method": "POST", "url": "/v1/completions",
                                  "body": {"model": model, "prompt": str(i), "max_tokens": 3}})
                      for i in range(20))
    with openai_client(client.server) as api:
        file = api.files.create(file=("in.jsonl", lines.encode()), purpose="batch")
        batch = api.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    client.send(client.head("GET", "/v1/batches/" + batch.id, 0))

    def goes_on() -> None:
        with openai_client(client.server) as api:
            eventually(lambda: api.batches.retrieve(batch.id).status == "completed")
            answers = api.files.content(api.batches.retrieve(batch.id).output_file_id).text.splitlines()
        assert sorted(int(json.loads(line)["custom_id"]) for line in answers) == list(range(20))

    client.goes_on = goes_on


def reading_a_background_response(client: Client) -> None:
    client.post("/v1/responses", {"input": "Write a story.", "background": True, "stream": True, "ignore_eos": True,
                                  "max_output_tokens": 60})
    client.read_until(b"event: response.output_text.delta", 3)
    made = json.loads(client.received.split(b"data: ", 1)[1].split(b"\n", 1)[0])["response"]["id"]

    def goes_on() -> None:
        with openai_client(client.server) as api:
            eventually(lambda: api.responses.retrieve(made).status == "incomplete")
            assert api.responses.retrieve(made).usage.output_tokens == 60

    client.goes_on = goes_on


STAGES = [in_the_head, in_the_body, queued, in_prefill, between_tokens, decoding_for_a_whole_answer, in_the_last_bytes,
          in_an_upload, polling_a_batch, reading_a_background_response]


LOSSES = [(stage, how) for at, stage in enumerate(STAGES) for turn, how in enumerate(("close", "reset"))
          if turn == at % 2 or os.environ.get("TRIVET_FAULTS") == "all"]


@pytest.mark.parametrize("stage, how", LOSSES, ids=lambda value: getattr(value, "__name__", value))
def test_a_lost_connection_leaves_nothing_behind(server, stage, how):
    expected = ask(server)
    eventually(lambda: server.metric("vllm:num_requests_running") == 0)
    server.idle = idle = min((state(server) for _ in range(5)), key=lambda seen: seen["sockets"])
    kept = files(server)
    client = Client(server)
    client.others, client.goes_on = [], None
    stage(client)
    client.lose(how)
    if client.others:  # those that run are not disturbed by one that leaves the queue
        eventually(lambda: server.metric("vllm:num_requests_waiting") == 0)
        for other in client.others:
            other.read_until(b"data: ", other.received.count(b"data: ") + 3)
            other.lose(how)
    if client.goes_on:
        client.goes_on()
    else:
        assert files(server) == kept
    eventually(lambda: state(server) == idle)
    assert ask(server) == expected
