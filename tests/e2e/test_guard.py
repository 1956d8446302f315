"""Keys, limits, reloads, logs and telemetry of a running server, seen from outside."""
import http.server
import json
import pathlib
import re
import signal
import threading
import time

import httpx
import openai
import pytest

from conftest import ROOT, Server, run_trivet

SMALL = ("--max-model-len", "512", "--memory", "400MiB")


def completion(url: str, key: str | None = None, **fields) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.post(url + "/v1/completions", headers=headers, timeout=60,
                      json={"prompt": "Hello", "max_tokens": 4, **fields})


def eventually(condition, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def add_key(file: pathlib.Path, name: str, *options: str) -> str:
    made = run_trivet("keys", "add", str(file), name, *options)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def keys_file(tmp_path) -> pathlib.Path:
    return tmp_path / "keys.jsonl"


def test_keys_command_stores_hashes_only(keys_file):
    secret = add_key(keys_file, "alice", "--requests-per-minute", "7")
    assert secret not in keys_file.read_text() and keys_file.stat().st_mode & 0o777 == 0o600
    listed = run_trivet("keys", "list", str(keys_file)).stdout
    assert "alice" in listed and "7" in listed and secret not in listed
    assert run_trivet("keys", "add", str(keys_file), "alice").returncode != 0
    assert run_trivet("keys", "revoke", str(keys_file), "alice").returncode == 0
    assert "alice" not in keys_file.read_text()
    assert run_trivet("keys", "revoke", str(keys_file), "alice").returncode != 0


def test_limits_reloads_and_usage_of_keys(keys_file):
    alice = add_key(keys_file, "alice", "--requests-per-minute", "3", "--tokens-per-minute", "1000")
    root = add_key(keys_file, "root", "--admin")
    with Server(*SMALL, "--api-key-file", str(keys_file)) as server:
        assert completion(server.url).status_code == 401
        assert completion(server.url, "wrong").status_code == 401
        client = openai.OpenAI(base_url=server.url + "/v1", api_key=alice, max_retries=0)
        answer = completion(server.url, alice)
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "3"
        assert answer.headers["x-ratelimit-limit-tokens"] == "1000"
        model = client.models.list().data[0].id
        for _ in range(2):
            client.completions.create(model=model, prompt="Hello", max_tokens=4)
        with pytest.raises(openai.RateLimitError) as refused:
            client.completions.create(model=model, prompt="Hello", max_tokens=4)
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 20
        assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "0"

        stats = httpx.get(server.url + "/v1/trivet/stats", headers={"api-key": root}).json()
        used = {key["name"]: key for key in stats["keys"]}["alice"]
        assert used["requests"] == 3 and used["rejected"] == 1 and used["running"] == 0
        assert used["generated_tokens"] == 12
        assert httpx.get(server.url + "/v1/trivet/stats", headers={"x-api-key": alice}).json()["keys"] == []

        bob = add_key(keys_file, "bob")
        eventually(lambda: completion(server.url, bob).status_code == 200)
        keys_file.write_text(keys_file.read_text() + '{"name": "broken\n')
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "keeping the old API keys" in server.text())
        assert completion(server.url, bob).status_code == 200
        keys_file.write_text(keys_file.read_text().rsplit("{", 1)[0])
        assert run_trivet("keys", "revoke", str(keys_file), "bob").returncode == 0
        eventually(lambda: completion(server.url, bob).status_code == 401)
        assert server.stop() == 0


def test_a_key_uses_the_model_under_the_names_that_it_allows(keys_file):
    plain, narrow = add_key(keys_file, "plain"), add_key(keys_file, "narrow", "--model", "b", "--model", "c")
    with Server(*SMALL, "--api-key-file", str(keys_file), "--served-model-name", "a", "b") as server:
        client = openai.OpenAI(base_url=server.url + "/v1", api_key=narrow, max_retries=0)
        assert [model.id for model in client.models.list()] == ["b"]
        assert client.completions.create(model="b", prompt="Hi", max_tokens=1).model == "b"
        with pytest.raises(openai.NotFoundError):
            client.completions.create(model="a", prompt="Hi", max_tokens=1)
        assert completion(server.url, plain, model="a").json()["model"] == "a"


def test_bodies_are_bounded_in_depth_and_size(server):
    deep = '{"messages": ' + "[" * 100_000 + "]" * 100_000 + "}"
    answer = httpx.post(server.url + "/v1/chat/completions", content=deep, timeout=30)
    assert answer.status_code == 400 and "deep" in answer.json()["error"]["message"].lower(), answer.text
    huge = b'{"prompt": "' + b"x" * (9 << 20) + b'"}'
    try:
        answer = httpx.post(server.url + "/v1/completions", content=huge, timeout=30)
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # refused while it was still being sent
    assert httpx.get(server.url + "/health").status_code == 200


def test_prompts_and_answers_stay_out_of_the_logs_unless_asked_for(tmp_path):
    secret = "Xylophone-7261"
    for flags, expected in (((), False), (("--log-prompts",), True)):
        log = tmp_path / f"access{expected}.log"
        with Server(*SMALL, "--access-log", str(log), *flags) as server:
            text = completion(server.url, prompt=f"Repeat: {secret} {secret}", max_tokens=8).json()["choices"][0]["text"]
            completion(server.url, prompt=[secret] * 3, bad_field=secret, temperature=-1)
            server.stop()
            logged = log.read_text() + server.text()
            assert (secret in logged) == expected
            answers = [json.loads(line).get("answer") for line in log.read_text().splitlines()]
            assert (text in answers) == expected


def test_stats_follow_what_happens(server):
    for _ in range(3):
        completion(server.url, max_tokens=20, stream=True, ignore_eos=True)
    stats = httpx.get(server.url + "/v1/trivet/stats").json()
    assert stats["state"] == "serving" and stats["totals"]["generated_tokens"] >= 60
    assert stats["latency"]["ttft_ms"]["count"] >= 3 and stats["latency"]["itl_ms"]["p50"] > 0
    assert stats["latency"]["ttft_ms"]["p50"] <= stats["latency"]["ttft_ms"]["p99"]
    assert 0 <= stats["slo"]["goodput_ratio"] <= 1
    planned = sum(item["bytes"] for item in stats["memory"]["items"])
    assert 0 < planned <= stats["memory"]["budget_bytes"]
    time.sleep(1.1)
    history = httpx.get(server.url + "/v1/trivet/stats?history=30").json()["history"]
    assert sum(second["generated"] for second in history) >= 60
    assert [b["at"] - a["at"] for a, b in zip(history, history[1:])] == [1] * (len(history) - 1)


def test_the_dashboard_shows_only_metrics_that_exist(server):
    completion(server.url)
    board = json.loads((ROOT / "docs/grafana/trivet.json").read_text())
    used = set()
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            used |= set(re.findall(r"\b(?:(?:vllm|trivet):\w+|(?:http|process)_\w+)", target["expr"]))
    names = {re.split(r"[{ ]", line)[0] for line in httpx.get(server.url + "/metrics").text.splitlines()
             if not line.startswith("#")}
    assert len(used) > 30
    assert used <= names, used - names


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes OTLP over HTTP in JSON."""
    spans: list[dict] = []

    def do_POST(self):
        assert self.path == "/v1/traces" and self.headers["content-type"] == "application/json"
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for resource in body["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                Collector.spans += scope["spans"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def test_a_request_leaves_its_spans_in_the_trace_of_its_caller():
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with Server(*SMALL, "--otlp-endpoint", f"http://127.0.0.1:{collector.server_port}") as server:
        begin = time.time_ns()
        answer = httpx.post(server.url + "/v1/completions", timeout=60,
                            headers={"traceparent": f"00-{trace}-{parent}-01", "tracestate": "a=b"},
                            json={"prompt": "Hello", "max_tokens": 12, "ignore_eos": True, "temperature": 0})
        end = time.time_ns()
        httpx.post(server.url + "/v1/completions", timeout=60, json={"prompt": "Hello", "max_tokens": 1},
                   headers={"traceparent": f"00-{'1' * 32}-{parent}-00"})  # the caller does not sample
        server.stop()  # sends what is left
    collector.shutdown()
    spans = {span["name"]: span for span in Collector.spans}
    assert len(Collector.spans) == 4 and set(spans) == {"llm_request", "queue", "prefill", "decode"}
    root = spans["llm_request"]
    assert all(span["traceId"] == trace for span in spans.values())
    assert root["parentSpanId"] == parent and root["traceState"] == "a=b"
    assert answer.headers["traceparent"] == f"00-{trace}-{root['spanId']}-01"
    assert all(spans[name]["parentSpanId"] == root["spanId"] for name in ("queue", "prefill", "decode"))
    times = [int(spans[name][edge]) for name in ("queue", "prefill", "decode")
             for edge in ("startTimeUnixNano", "endTimeUnixNano")]
    assert times == sorted(times) and begin - 10**7 <= times[0] and times[-1] <= end + 10**7
    values = {a["key"]: next(iter(a["value"].values())) for a in root["attributes"]}
    assert values["gen_ai.usage.completion_tokens"] == "12" and values["http.route"] == "/v1/completions"
    assert values["gen_ai.request.temperature"] == 0 and values["gen_ai.latency.e2e"] > 0
