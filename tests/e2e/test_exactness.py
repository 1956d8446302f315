"""The bytes of an answer depend on the weights and the request alone: 200 random requests, the same under
every way of running them."""
import concurrent.futures
import json
import random

import httpx
import pytest

from conftest import Server

NUM_REQUESTS = 200
WORDS = ("river stone quick lamp sing under seven house begin north yellow carry machine paper "
         "0 17 3.14 { } def return while café 水 naïve -> != tab\t").split(" ")
COMMON = ["--max-num-queued-reqs", "4096"]
ROOMY = ["--max-model-len", "1024"]


def make_requests() -> list[dict]:
    rng = random.Random(20240517)
    prefixes = [" ".join(rng.choices(WORDS, k=90)) for _ in range(5)]
    requests = []
    for k in range(NUM_REQUESTS):
        own = " ".join(rng.choices(WORDS, k=rng.randint(1, 60)))
        body = {"prompt": (rng.choice(prefixes) + " " + own) if rng.random() < 0.5 else own,
                "max_tokens": rng.randint(1, 16), "logprobs": rng.choice([0, 1, 5]), "return_token_ids": True}
        kind = rng.random()
        if kind < 0.4:
            body["temperature"] = 0
        else:
            body.update(temperature=rng.choice([0.7, 1.0, 1.3]), seed=rng.randint(0, 2**40))
            if kind < 0.7:
                body.update(top_k=rng.choice([0, 20]), top_p=rng.choice([1.0, 0.9]), min_p=rng.choice([0, 0.05]))
            if kind > 0.85:
                body.update(repetition_penalty=1.2, presence_penalty=0.5, frequency_penalty=0.3)
        if rng.random() < 0.1:
            body.update(echo=True)
        if rng.random() < 0.2:
            body["stop"] = ["e", "\n"]
        requests.append(body)
    return requests


def outcome(answer: dict) -> str:
    """What must be equal: texts, tokens, log-probabilities (JSON numbers hold every bit), reasons."""
    return json.dumps([[c["text"], c.get("token_ids"), c["logprobs"], c["finish_reason"]] for c in answer["choices"]])


# verify=False: a plain HTTP client need not load all certificates for each of its thousands of calls.
def ask(url: str, body: dict) -> str:
    answer = httpx.post(url + "/v1/completions", json=body, timeout=600, verify=False)
    assert answer.status_code == 200, answer.text
    return outcome(answer.json())


def ask_streamed(url: str, body: dict) -> str:
    """The same from the pieces of a stream."""
    choice = {"text": "", "token_ids": [], "logprobs": None, "finish_reason": None}
    with httpx.stream("POST", url + "/v1/completions", json={**body, "stream": True}, timeout=600, verify=False) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            piece = json.loads(line[6:])["choices"][0]
            choice["text"] += piece["text"]
            choice["token_ids"] += piece.get("token_ids") or []
            choice["finish_reason"] = piece["finish_reason"] or choice["finish_reason"]
            if piece["logprobs"]:
                if choice["logprobs"] is None:
                    choice["logprobs"] = {key: [] for key in piece["logprobs"]}
                for key, values in piece["logprobs"].items():
                    choice["logprobs"][key] += values
    return outcome({"choices": [choice]})


def run_all(url: str, requests: list[dict], clients: int, order_seed: int | None = None, call=ask) -> list[str]:
    order = list(range(len(requests)))
    if order_seed is not None:
        random.Random(order_seed).shuffle(order)
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        futures = {k: pool.submit(call, url, requests[k]) for k in order}
        return [futures[k].result() for k in range(len(requests))]


@pytest.fixture(scope="module")
def requests_and_truth():
    """One at a time, cold, on one thread, chunks of 64."""
    requests = make_requests()
    with Server(*COMMON, *ROOMY, "--max-num-seqs", "1", "--threads", "1", "--no-enable-prefix-caching") as server:
        return requests, run_all(server.url, requests, clients=1)


def differences(truth: list[str], other: list[str]) -> list[int]:
    return [k for k, (a, b) in enumerate(zip(truth, other)) if a != b]


@pytest.mark.parametrize("name,arguments,clients", [
    ("batch 2, chunk 16, cold", ["--max-num-seqs", "2", "--prefill-chunk", "16", "--threads", "1", "--no-enable-prefix-caching", *ROOMY], 4),
    ("batch 7, chunk 64, warm", ["--max-num-seqs", "7", "--prefill-chunk", "64", "--threads", "2", *ROOMY], 16),
    ("batch 32, chunk 512, warm", ["--max-num-seqs", "32", "--prefill-chunk", "512", "--max-num-batched-tokens", "512", "--threads", "2", *ROOMY], 40),
    ("batch 32, small pool, preempted", ["--max-num-seqs", "32", "--memory", "292MiB", "--max-model-len", "512", "--threads", "2"], 40),
    ("batch 7, preempted", ["--max-num-seqs", "7", "--prefill-chunk", "16", "--threads", "2", *ROOMY], 40),
])
def test_same_bytes_however_it_runs(requests_and_truth, name, arguments, clients):
    requests, truth = requests_and_truth
    if "preempted" in name:  # later arrivals of a better class take the place of those that run
        rng = random.Random(11)
        requests = [{**body, "priority": rng.randint(0, 9)} for body in requests]
    with Server(*COMMON, *arguments) as server:
        assert differences(truth, run_all(server.url, requests, clients, order_seed=clients)) == []
        if "preempted" in name:
            preemptions = server.metric("vllm:num_preemptions_total")
            print(f"{name}: {preemptions:.0f} preemptions")
            assert preemptions >= 20
        if "warm" in name:
            again = run_all(server.url, requests, clients, order_seed=7)
            assert server.metric("vllm:prefix_cache_hits_total") > 0
            assert differences(truth, again) == []
        if "chunk 64" in name:
            assert differences(truth, run_all(server.url, requests, clients, 3, ask_streamed)) == []


@pytest.mark.parametrize("dtype", ["f16", "int8"])  # auto is what all others here have
def test_same_bytes_with_other_types_of_the_cache(dtype):
    requests = make_requests()[:60]
    with Server(*COMMON, *ROOMY, "--kv-dtype", dtype, "--max-num-seqs", "1", "--threads", "1", "--no-enable-prefix-caching") as server:
        truth = run_all(server.url, requests, clients=1)
    with Server(*COMMON, *ROOMY, "--kv-cache-dtype", dtype, "--max-num-seqs", "7", "--prefill-chunk", "16", "--threads", "2") as server:
        assert differences(truth, run_all(server.url, requests, clients=12, order_seed=5)) == []
        again = run_all(server.url, requests, clients=12, order_seed=6)
        assert server.metric("vllm:prefix_cache_hits_total") > 0
        assert differences(truth, again) == []


def test_choices_equal_separate_seeds(requests_and_truth):
    requests, _ = requests_and_truth
    sampled = [r for r in requests if r.get("seed") is not None and not r.get("echo")][:30]
    with Server(*COMMON, *ROOMY, "--max-num-seqs", "16") as server:
        for body in sampled:
            together = httpx.post(server.url + "/v1/completions", json={**body, "n": 3}, timeout=600, verify=False).json()
            for k, choice in enumerate(together["choices"]):
                alone = ask(server.url, {**body, "seed": body["seed"] + k})
                assert outcome({"choices": [choice]}) == alone
