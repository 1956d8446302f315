"""Many streams with random cancels: nothing leaks, nothing lies. TRIVET_LOAD_SECONDS sets the length."""
import asyncio
import json
import os
import random
import statistics
import time

import httpx
import pytest

from conftest import Server

SECONDS = float(os.environ.get("TRIVET_LOAD_SECONDS", "20"))
STREAMS = 200
MIB = 1 << 20


async def one_stream(client: httpx.AsyncClient, url: str, rng: random.Random, counts: dict) -> None:
    cancel_after = rng.randint(0, 12) if rng.random() < 0.3 else None
    body = {"prompt": [rng.randrange(100, 40000) for _ in range(rng.randint(2, 120))], "max_tokens": rng.randint(1, 30),
            "stream": True, "temperature": 1.0, "ignore_eos": True, "stream_options": {"include_usage": True}}
    asked = body["max_tokens"]
    try:
        if cancel_after == 0:  # goes away while it waits or prefills
            await asyncio.wait_for(client.post(url, json=body), timeout=rng.random() * 0.3)
            counts["finished"] += 1
            return
        async with client.stream("POST", url, json=body) as answer:
            if answer.status_code != 200:
                counts[f"status {answer.status_code}"] = counts.get(f"status {answer.status_code}", 0) + 1
                return
            events, usage = 0, None
            async for line in answer.aiter_lines():
                if line == "data: [DONE]":
                    break
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    assert "error" not in event, event
                    usage = event.get("usage") or usage
                    events += 1
                    if cancel_after is not None and events >= cancel_after:
                        counts["cancelled"] += 1
                        return
            assert usage and usage["completion_tokens"] == asked, (usage, asked)
            counts["finished"] += 1
    except asyncio.TimeoutError:
        counts["cancelled"] += 1


async def load(url: str, seconds: float, counts: dict, watch) -> None:
    deadline = time.monotonic() + seconds

    async def client_loop(k: int) -> None:
        rng = random.Random(k)
        async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=4)) as client:
            while time.monotonic() < deadline:
                await one_stream(client, url + "/v1/completions", rng, counts)

    async def watcher() -> None:
        while time.monotonic() < deadline:
            await asyncio.sleep(1)
            watch()

    await asyncio.gather(watcher(), *(client_loop(k) for k in range(STREAMS)))


def test_streams_with_cancels_leave_nothing_behind():
    with Server("--memory", "480MiB", "--max-num-seqs", "64", "--max-model-len", "1024") as server:
        httpx.post(server.url + "/v1/completions", json={"prompt": "warm", "max_tokens": 2}, timeout=60)
        threads, usage = server.status("Threads"), server.metric("vllm:kv_cache_usage_perc")
        counts = {"finished": 0, "cancelled": 0}
        resident = []
        asyncio.run(load(server.url, SECONDS, counts, lambda: resident.append(server.status("VmRSS"))))
        print(counts, f"RSS {resident[len(resident) // 3] / MIB:.0f} -> {resident[-1] / MIB:.0f} MiB")
        assert counts.keys() == {"finished", "cancelled"} and counts["finished"] > 0 and counts["cancelled"] > 0
        deadline = time.monotonic() + 10
        while server.metric("vllm:num_requests_running") or server.metric("vllm:num_requests_waiting"):
            assert time.monotonic() < deadline, "requests are left"
            time.sleep(0.1)
        assert server.metric("vllm:kv_cache_usage_perc") == usage
        assert server.status("Threads") == threads
        # Memory may grow while the cache fills for the first time, not afterwards.
        late = resident[len(resident) // 2:]
        assert max(late) - statistics.median(late[:3]) < 16 * MIB, resident
        assert server.stop() == 0


def test_a_full_queue_answers_at_once():
    with Server("--max-num-seqs", "1", "--max-num-queued-reqs", "2", "--max-model-len", "2048") as server:
        url = server.url + "/v1/completions"
        slow = {"prompt": "x", "max_tokens": 1500, "stream": True, "ignore_eos": True}

        async def scenario() -> list[tuple[int, float, str | None]]:
            async with httpx.AsyncClient(timeout=60) as client:
                streams, holders = [], []
                for _ in range(3):  # one runs, two wait
                    streams.append(client.stream("POST", url, json=slow))
                    holders.append(asyncio.ensure_future(streams[-1].__aenter__()))
                    await asyncio.sleep(0.3)
                answers = []
                for _ in range(20):
                    begin = time.perf_counter()
                    answer = await client.post(url, json={"prompt": "y", "max_tokens": 1})
                    answers.append((answer.status_code, time.perf_counter() - begin, answer.headers.get("retry-after")))
                for holder in holders:
                    holder.cancel()
                return answers

        answers = asyncio.run(scenario())
        assert all(status in (429, 503) and retry for status, _, retry in answers), answers[:3]
        assert statistics.median(seconds for _, seconds, _ in answers) < 0.010, answers


def test_sigterm_lets_running_answers_end():
    with Server("--max-model-len", "1024") as server:
        with httpx.stream("POST", server.url + "/v1/completions", timeout=60,
                          json={"prompt": "x", "max_tokens": 200, "stream": True, "ignore_eos": True}) as answer:
            lines = answer.iter_lines()
            next(lines)
            server.process.terminate()
            rest = [line for line in lines if line]
            assert rest[-1] == "data: [DONE]"
        assert server.process.wait(30) == 0
