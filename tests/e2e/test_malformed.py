"""A flood of malformed requests: no crash, no hang, no growth. TRIVET_FLOOD=100000 for the long one."""
import os

import httpx

from conftest import Server
from malformed import flood

COUNT = int(os.environ.get("TRIVET_FLOOD", "2000"))


def test_malformed_requests_get_an_answer_and_cost_nothing_that_stays(tmp_path):
    with Server("--memory", "300MiB", "--max-model-len", "256", "--disable-access-log",
                "--state-dir", str(tmp_path / "state")) as server:
        ask = {"prompt": "1 2 3 4", "max_tokens": 4, "temperature": 0}
        before = httpx.post(server.url + "/v1/completions", json=ask, timeout=60).json()["choices"][0]["text"]
        for i in range(20):  # so that every block of the small cache has been used
            httpx.post(server.url + "/v1/completions", json={"prompt": f"{i} " * 110, "max_tokens": 1}, timeout=60)
        flood(server.url, COUNT, seed=7)  # and every cache is full
        resident, threads = server.status("VmRSS"), server.status("Threads")
        results = flood(server.url, COUNT, seed=1)
        assert sum(results.values()) >= COUNT - 4
        assert sum(count for status, count in results.items() if status.startswith("4")) > COUNT // 2, results
        growth = server.status("VmRSS") - resident
        print(f"{COUNT} malformed requests: {dict(results)}, RSS {growth / 2**20:+.1f} MiB of {resident / 2**20:.0f}")
        assert growth < 4 << 20 and server.status("Threads") == threads
        assert httpx.get(server.url + "/health").status_code == 200
        assert server.metric("vllm:num_requests_running") == server.metric("vllm:num_requests_waiting") == 0
        after = httpx.post(server.url + "/v1/completions", json=ask, timeout=60).json()["choices"][0]["text"]
        assert after == before
        assert server.stop() == 0
