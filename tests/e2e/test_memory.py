"""The byte budget holds: peak resident memory under load, quick refusals, no request that cannot end."""
import concurrent.futures
import random
import time

import httpx
import pytest

from conftest import Server, model_path, run_trivet

MIB = 1 << 20
CLIENTS = 64


def load(url: str, client: int) -> int:
    rng = random.Random(client)
    done = 0
    for _ in range(3):
        body = {"prompt": [rng.randrange(100, 40000) for _ in range(rng.randint(5, 300))], "max_tokens": rng.randint(5, 40),
                "temperature": 1.0, "ignore_eos": True, "logprobs": rng.choice([None, 3])}
        # verify=False: the client need not load all certificates for a plain connection
        answer = httpx.post(url + "/v1/completions", json=body, timeout=600, verify=False)
        assert answer.status_code == 200, answer.text
        done += answer.json()["usage"]["completion_tokens"]
    return done


@pytest.mark.parametrize("budget", ["400MiB", "1GiB", "4GiB"])
def test_peak_memory_stays_under_the_budget(budget):
    number, unit = int(budget[:-3]), budget[-3:]
    limit = number * (MIB if unit == "MiB" else 1024 * MIB)
    with Server("--memory", budget, "--max-num-seqs", str(CLIENTS)) as server:
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            tokens = sum(pool.map(lambda c: load(server.url, c), range(CLIENTS)))
        peak = server.status("VmHWM")
        print(f"{budget}: peak {peak / MIB:.0f} MiB, {tokens} tokens")
        assert peak <= limit


def test_a_budget_that_is_too_small_is_refused_within_a_second():
    begin = time.monotonic()
    refused = run_trivet("serve", str(model_path()), "--memory", "100MiB", "--port", "0")
    seconds = time.monotonic() - begin
    assert refused.returncode != 0
    assert "too small" in refused.stderr and "smallest budget that works is" in refused.stderr
    assert seconds < 1, seconds
    works = refused.stderr.split("smallest budget that works is ")[1].split(" (")[0]
    with Server("--memory", works.replace(" ", "")) as server:
        assert httpx.post(server.url + "/v1/completions", json={"prompt": "Hi", "max_tokens": 4}, timeout=60).status_code == 200


def test_a_request_that_can_never_fit_is_a_400():
    with Server("--memory", "298MiB", "--max-num-seqs", "4") as server:
        longest = httpx.get(server.url + "/v1/models").json()["data"][0]["max_model_len"]
        assert longest < 8192, "the budget was not small enough to shorten the context"
        for body in [{"prompt": [5] * 50, "max_tokens": longest}, {"prompt": [5] * (longest + 1), "max_tokens": 1}]:
            begin = time.monotonic()
            answer = httpx.post(server.url + "/v1/completions", json=body, timeout=60)
            assert answer.status_code == 400 and str(longest) in answer.text, answer.text
            assert time.monotonic() - begin < 1


def test_whole_vocabularies_of_log_probabilities_stay_within_the_budget():
    with Server("--memory", "900MiB", "--max-logprobs", "-1", "--max-model-len", "1024") as server:
        url = server.url + "/v1/completions"
        huge = httpx.post(url, json={"prompt": [5] * 900, "max_tokens": 1, "prompt_logprobs": -1}, timeout=60)
        assert huge.status_code == 400 and "log-probabilities" in huge.text, huge.text[:500]

        def ask(k: int) -> int:
            body = {"prompt": [100 + k] * 8, "max_tokens": 3, "prompt_logprobs": -1, "logprobs": -1, "ignore_eos": True}
            return httpx.post(url, json=body, timeout=120).status_code

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = set(pool.map(ask, range(32)))
        assert 200 in statuses and statuses <= {200, 429, 503}, statuses
        assert server.status("VmHWM") <= 900 * MIB
