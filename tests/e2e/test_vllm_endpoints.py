"""vLLM's endpoints beside generation: load, pause, sleep, abort, render, server_info."""
import json
import threading
import time

import httpx
import pytest

from conftest import Server

CHAT = {"messages": [{"role": "user", "content": "Count from one to fifty."}], "temperature": 0, "max_tokens": 250,
        "ignore_eos": True}


@pytest.fixture(scope="module")
def admin():
    with Server("--memory", "1500MiB", "--max-model-len", "512", "--enable-sleep-mode",
                "--admin-api-key", "one", "--api-key", "two") as server:
        yield server


@pytest.fixture(autouse=True)
def awake(request):
    yield
    if "admin" in request.fixturenames:
        with client(request.getfixturevalue("admin")) as http:
            http.post("/wake_up")


def client(server, key="one"):
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Background:
    """A streamed chat in a thread; `text` grows while it runs."""

    def __init__(self, server, headers=None, key="one"):
        self.text, self.finish, self.first = "", None, threading.Event()
        self.thread = threading.Thread(target=self._run, args=(server, headers or {}, key))
        self.thread.start()

    def _run(self, server, headers, key):
        with client(server, key) as http, http.stream(
                "POST", "/v1/chat/completions", json={**CHAT, "stream": True}, headers=headers) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        self.text += choice["delta"].get("content") or ""
                        self.finish = choice["finish_reason"] or self.finish
                        if self.text:
                            self.first.set()

    def result(self):
        self.thread.join(120)
        return self.text, self.finish


@pytest.mark.parametrize("path,query", [("/pause", "mode=keep"), ("/sleep", "level=1&mode=keep")])
def test_an_answer_goes_on_with_the_same_bytes_after_a_rest(admin, path, query):
    with client(admin) as http:
        expected = http.post("/v1/chat/completions", json=CHAT).json()["choices"][0]["message"]["content"]
        running = Background(admin)
        assert running.first.wait(60)
        assert http.post(f"{path}?{query}").status_code == 200
        assert http.get("/is_paused").json() == {"is_paused": True}
        assert http.get("/is_sleeping").json() == {"is_sleeping": path == "/sleep"}
        held = running.text
        time.sleep(0.3)
        assert running.text == held and http.get("/load").json() == {"server_load": 1}
        assert http.get("/health").status_code == 200
        if path == "/sleep":
            assert http.post("/resume").status_code == 409 and http.post("/pause").status_code == 409
        assert http.post("/wake_up" if path == "/sleep" else "/resume").status_code == 200
        assert running.result() == (expected, "length")
        assert http.get("/is_paused").json() == {"is_paused": False}


def test_sleep_gives_the_cache_back_to_the_system(admin):
    with client(admin) as http:
        http.post("/v1/chat/completions", json=CHAT)
        before = admin.status("VmSize")
        assert http.post("/sleep").status_code == 200
        assert before - admin.status("VmSize") > 20 << 20
        waiting = Background(admin)
        time.sleep(0.2)
        assert not waiting.text
        assert http.post("/wake_up?tags=kv_cache").json() == {"status": "awake"}
        assert waiting.result()[1] == "length"


def test_pausing_aborts_what_runs_unless_told_otherwise(admin):
    with client(admin) as http:
        running = Background(admin)
        assert running.first.wait(60)
        assert http.post("/pause").json() == {"status": "paused"}
        assert running.result()[1] == "abort"
        assert http.post("/resume").json() == {"status": "resumed"}
        running = Background(admin)
        assert running.first.wait(60)
        assert http.post("/pause?mode=wait").status_code in (200, 202)
        assert running.result()[1] == "length"
        assert eventually(lambda: http.get("/is_paused").json()["is_paused"])
        http.post("/resume")


def test_wrong_queries_are_400_and_dropping_the_weights_is_501(admin):
    with client(admin) as http:
        for path in ["/pause?mode=maybe", "/sleep?level=7", "/sleep?mode=x"]:
            assert http.post(path).status_code == 400, path
        assert http.post("/sleep?level=2").status_code == 501
        assert http.get("/is_paused").json() == {"is_paused": False}


def test_abort_by_id_ends_one_call_by_any_of_its_names(admin):
    with client(admin) as http:
        for name in ["mine-7", "chatcmpl-mine-7"]:
            running = Background(admin, {"X-Request-Id": "mine-7"})
            other = Background(admin)
            assert running.first.wait(60) and other.first.wait(60)
            assert http.post("/abort_requests", json={"request_ids": [name]}).json() == {"status": "aborted", "aborted": 1}
            assert running.result()[1] == "abort"
            assert other.result()[1] == "length"
        assert http.post("/abort_requests", json={"request_ids": ["none"]}).json()["aborted"] == 0
        assert http.post("/abort_requests", json={"request_ids": "x"}).status_code == 400
        assert http.post("/abort_requests", content=b"{").status_code == 400


def test_render_shows_what_generation_counts(admin):
    with client(admin) as http:
        rendered = http.post("/v1/chat/completions/render", json=CHAT).json()
        usage = http.post("/v1/chat/completions", json=CHAT).json()["usage"]
        assert len(rendered["token_ids"]) == usage["prompt_tokens"]
        assert rendered["sampling_params"]["max_tokens"] == 250
        text = http.post("/detokenize", json={"tokens": rendered["token_ids"]}).json()["prompt"]
        assert "Count from one to fifty." in text
        both = http.post("/v1/completions/render", json={"prompt": ["a", "b c"], "max_tokens": 1}).json()
        assert len(both) == 2


def test_server_info_has_the_options_and_no_secret(admin):
    with client(admin) as http:
        response = http.get("/server_info")
        info = response.json()
        assert info["vllm_config"]["max_model_len"] == 512 and info["sources"]["max_model_len"] == "--max-model-len"
        assert info["vllm_config"]["api_key"] == "***"


def test_resetting_the_prefix_cache_makes_the_next_prompt_cold(admin):
    body = {"prompt": "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4, "max_tokens": 1}
    with client(admin) as http:
        def cached():
            details = http.post("/v1/completions", json=body).json()["usage"]["prompt_tokens_details"]
            return (details or {}).get("cached_tokens", 0)
        cached()
        assert cached() > 0
        assert http.post("/reset_prefix_cache").status_code == 200
        assert cached() == 0


def test_without_enable_admin_nobody_stops_the_server_but_all_may_end_their_own():
    with Server("--memory", "1500MiB", "--max-model-len", "512", "--admin-api-key", "one", "--api-key", "two") as server:
        with client(server) as http:
            for path in ["/pause", "/resume", "/sleep", "/wake_up", "/reset_prefix_cache"]:
                assert http.post(path).status_code == 403, path
            assert http.get("/server_info").status_code == 403
            assert httpx.post(server.url + "/pause").status_code == 401
            running = Background(server)
            assert running.first.wait(60)
            with client(server, "two") as stranger:
                assert stranger.post("/abort_requests", json={}).json()["aborted"] == 0
            assert http.post("/abort_requests", json={}).json()["aborted"] == 1
            assert running.result()[1] == "abort"
