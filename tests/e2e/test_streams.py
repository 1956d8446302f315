"""Very many streams at once: those that wait, those that run, and those that do not read.

TRIVET_ACTIVE_STREAMS and TRIVET_IDLE_STREAMS set the numbers; 500 and 2000 is the full size.
"""
import asyncio
import json
import os
import pathlib
import socket
import time
import urllib.parse

import pytest

from conftest import Server

ACTIVE = int(os.environ.get("TRIVET_ACTIVE_STREAMS", "60"))
IDLE = int(os.environ.get("TRIVET_IDLE_STREAMS", "240"))
TOKENS = 400 if ACTIVE <= 100 else 150  # of an active stream: more than it gets while it is watched
MIB = 1 << 20


class Stream(asyncio.Protocol):
    """Counts the events of an SSE stream, and little else: the client shares the CPUs with the server."""

    def __init__(self, body: bytes):
        self.body, self.events, self.pings, self.head, self.ended = body, 0, 0, b"", False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: "
                        + str(len(self.body)).encode() + b"\r\n\r\n" + self.body)

    def data_received(self, data):
        if not self.head:
            self.head = data[:15]
        self.events += data.count(b"data: {")
        self.pings += data.count(b": ping")
        self.ended = self.ended or b"data: [DONE]" in data

    def connection_lost(self, _):
        self.ended = True


def request(seed: int, max_tokens: int) -> bytes:
    return json.dumps({"prompt": [100 + seed % 4000, 200, 300], "max_tokens": max_tokens, "stream": True,
                       "ignore_eos": True, "temperature": 1.0, "seed": seed}).encode()


async def open_streams(url: str, count: int, max_tokens: int) -> list[Stream]:
    where = urllib.parse.urlparse(url)
    streams = []
    for k in range(count):
        _, stream = await asyncio.get_running_loop().create_connection(
            lambda: Stream(request(k, max_tokens)), where.hostname, where.port)
        streams.append(stream)
        if k % 50 == 49:
            await asyncio.sleep(0.05)
    return streams


async def until(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        await asyncio.sleep(0.1)


def io_seconds(server: Server) -> float:
    """CPU time of the threads that move bytes, parse requests and write events."""
    ticks = 0
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("trivet-io"):
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def silent_reader(url: str) -> socket.socket:
    """Asks for a long stream and never reads it."""
    where = urllib.parse.urlparse(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.connect((where.hostname, where.port))
    body = request(7, TOKENS)
    client.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
                   + body)
    return client


async def crowd(server: Server, budget: int) -> dict:
    silent = [silent_reader(server.url) for _ in range(4)]
    active = await open_streams(server.url, ACTIVE, TOKENS)
    await until(lambda: all(s.events > 0 for s in active), 120)
    idle = await open_streams(server.url, IDLE, 5)
    await until(lambda: server.metric("vllm:num_requests_waiting") >= IDLE, 60)
    cpu, tokens, begin = io_seconds(server), sum(s.events for s in active), time.monotonic()
    await asyncio.sleep(5 if IDLE < 1000 else 25)
    measured = {"io_us_per_token": 1e6 * (io_seconds(server) - cpu) / max(sum(s.events for s in active) - tokens, 1),
                "tokens_per_second": (sum(s.events for s in active) - tokens) / (time.monotonic() - begin),
                "rss_mib": server.status("VmRSS") / MIB, "budget_mib": budget / MIB,
                "slowest": min(s.events for s in active), "fastest": max(s.events for s in active),
                "pinged": sum(s.pings > 0 for s in idle), "waiting": sum(s.events == 0 for s in idle)}
    assert all(s.head.startswith(b"HTTP/1.1 200 OK") for s in active)
    assert not any(s.ended for s in active + idle if s.events == 0), "a stream was cut"
    for stream in active + idle:
        stream.transport.abort()
    for client in silent:
        client.close()
    await asyncio.sleep(0)
    await until(lambda: not server.metric("vllm:num_requests_running") and not server.metric("vllm:num_requests_waiting"),
                30)
    return measured


def test_waiting_running_and_silent_streams_share_the_server():
    budget = (3072 if ACTIVE > 100 else 1200) * MIB
    with Server("--memory", f"{budget // MIB}MiB", "--max-model-len", "512", "--max-num-seqs", str(ACTIVE + 4),
                "--max-num-batched-tokens", str(max(256, ACTIVE + 64)), "--max-num-queued-reqs", "8192",
                "--max-connections", "8192") as server:
        measured = asyncio.run(crowd(server, budget))
        print({name: round(value, 1) for name, value in measured.items()})
        assert server.status("VmHWM") <= budget, measured
        # Nobody's stream waits for another's reader.
        assert measured["slowest"] >= measured["fastest"] / 2, measured
        if IDLE >= 1000:
            assert measured["pinged"] == measured["waiting"] == IDLE, measured
        assert server.metric("vllm:kv_cache_usage_perc") == pytest.approx(0, abs=0.02)
        assert server.stop() == 0
