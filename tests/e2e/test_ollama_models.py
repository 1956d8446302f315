"""Models pulled, listed and deleted by the official ollama client, from a local hub with Hugging Face's protocol."""
import hashlib
import http.server
import json
import pathlib
import random
import threading
import time

import httpx
import ollama
import pytest

from conftest import Server, model_path, run_trivet

COMMIT = "0123456789012345678901234567890123456789"
MODEL = "hf.co/org/model:Q4_K_M"
STORED = "org/model/Q4_K_M"
SMALL = ("--max-model-len", "256", "--memory", "400MiB", "--disable-access-log")


class Hub:
    """One repository, "org/model", whose transfers can be slow, cut or watched."""

    def __init__(self):
        rng = random.Random(1)
        self.files = {"m-Q4_K_M.gguf": rng.randbytes(3 << 20), "m-Q8_0.gguf": rng.randbytes(1 << 20)}
        self.cut_after = None  # bytes of the next transfer before its connection breaks
        self.pause = 0.0  # seconds after each piece
        self.transfers = []  # first byte of each
        self.active = 0
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hub.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def sha256(self, name: str = "m-Q4_K_M.gguf") -> str:
        return hashlib.sha256(self.files[name]).hexdigest()

    def answer(self, request) -> None:
        path = request.path.partition("?")[0]
        if path == "/api/models/org/model/revision/main":
            siblings = [{"rfilename": name, "size": len(data), "lfs": {"sha256": self.sha256(name), "size": len(data)}}
                        for name, data in self.files.items()]
            body = json.dumps({"id": "org/model", "sha": COMMIT, "siblings": siblings}).encode()
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        elif path.startswith(f"/org/model/resolve/{COMMIT}/"):
            self.send_file(request, self.files[path.rsplit("/", 1)[1]])
        else:
            request.send_error(404)

    def send_file(self, request, data: bytes) -> None:
        begin = int(request.headers.get("Range", "bytes=0-")[6:-1])
        self.transfers.append(begin)
        request.send_response(206 if begin else 200)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - begin))
        request.send_header("ETag", '"v1"')
        request.end_headers()
        cut, self.cut_after = self.cut_after, None
        end = len(data) if cut is None else begin + cut
        self.active += 1
        try:
            for at in range(begin, end, 64 << 10):
                request.wfile.write(data[at:min(at + (64 << 10), end)])
                time.sleep(self.pause)
        except OSError:
            pass
        finally:
            self.active -= 1
            request.close_connection = True


@pytest.fixture(scope="module")
def the_hub():
    running = Hub()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return str(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def admin(the_hub, store):
    with Server(*SMALL, "--enable-admin", "--store", store, environment=pulls_from(the_hub)) as server:
        yield server


@pytest.fixture
def hub(the_hub, store):
    """As new, over an empty store."""
    run_trivet("remove", STORED, "--store", store)
    the_hub.cut_after, the_hub.pause, the_hub.transfers = None, 0.0, []
    return the_hub


def pulls_from(hub) -> dict:
    return {"HF_ENDPOINT": hub.url, "no_proxy": "127.0.0.1", "HF_TOKEN": ""}


def listed(store) -> list:
    return json.loads(run_trivet("list", "--json", "--store", store).stdout)


def pulled_bytes(store) -> bytes:
    entries = listed(store)
    assert [entry["name"] for entry in entries] == [STORED]
    return pathlib.Path(entries[0]["path"]).read_bytes()


def eventually(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_pull_tells_its_progress_as_ollama_does_and_the_model_can_be_deleted(hub, admin, store):
    client = ollama.Client(host=admin.url, timeout=60)
    hub.pause = 0.01
    lines = list(client.pull(MODEL, stream=True))
    digest = "sha256:" + hub.sha256()
    statuses = list(dict.fromkeys(line.status for line in lines))
    assert statuses == ["pulling manifest", "pulling " + hub.sha256()[:12], "verifying sha256 digest",
                        "writing manifest", "success"]
    of_file = [line for line in lines if line.digest]
    assert {line.digest for line in of_file} == {digest} and {line.total for line in of_file} == {3 << 20}
    completed = [line.completed or 0 for line in of_file]
    assert completed == sorted(completed) and completed[-1] == 3 << 20 and len(set(completed)) > 2
    assert pulled_bytes(store) == hub.files["m-Q4_K_M.gguf"]
    # Again: it is there, and nobody is asked.
    transfers = list(hub.transfers)
    assert client.pull(MODEL).status == "success" and hub.transfers == transfers
    names = [model.model for model in client.list().models]
    assert names[1:] == [STORED + ":latest"]
    assert client.delete(names[1]).status == "success"
    assert [model.model for model in client.list().models] == names[:1]
    with pytest.raises(ollama.ResponseError) as missing:
        client.delete(names[1])
    assert missing.value.status_code == 404
    with pytest.raises(ollama.ResponseError) as in_use:
        client.delete(names[0])
    assert in_use.value.status_code == 409 and "served" in in_use.value.error
    assert client.pull(names[0]).status == "success"  # what is served is there


def test_a_lost_connection_to_the_hub_is_taken_up_where_it_was(hub, admin, store):
    hub.cut_after = 1 << 20
    answer = httpx.post(admin.url + "/api/pull", json={"model": MODEL, "stream": False}, timeout=60)
    assert answer.status_code == 200 and answer.json() == {"status": "success"}
    assert hub.transfers == [0, 1 << 20] and pulled_bytes(store) == hub.files["m-Q4_K_M.gguf"]


def test_a_client_that_leaves_stops_its_pull_and_the_next_one_goes_on(hub, admin, store):
    hub.pause = 0.05
    for line in ollama.Client(host=admin.url, timeout=60).pull(MODEL, stream=True):
        if (line.completed or 0) > 512 << 10:
            break
    eventually(lambda: hub.active == 0)
    assert listed(store) == []
    hub.pause = 0
    assert ollama.Client(host=admin.url, timeout=60).pull(MODEL).status == "success"
    assert len(hub.transfers) == 2 and hub.transfers[1] > 512 << 10
    assert pulled_bytes(store) == hub.files["m-Q4_K_M.gguf"]


def test_pulls_of_one_name_join_and_outlive_the_client_that_began(hub, admin, store):
    hub.pause = 0.03
    first = ollama.Client(host=admin.url, timeout=60).pull(MODEL, stream=True)
    for line in first:
        if line.completed:
            break
    ends = []
    others = [threading.Thread(target=lambda: ends.append(
        list(ollama.Client(host=admin.url, timeout=60).pull(MODEL, stream=True))[-1].status)) for _ in range(3)]
    for other in others:
        other.start()
    time.sleep(0.3)
    first.close()
    for other in others:
        other.join()
    assert ends == ["success"] * 3 and hub.transfers == [0]
    assert pulled_bytes(store) == hub.files["m-Q4_K_M.gguf"]


@pytest.mark.parametrize("name, complaint", [
    ("nobody", "not known"),
    ("/etc/passwd", "not known"),
    ("http://127.0.0.1/m.gguf", "not known"),
    ("path:/etc", "not known"),
    ("hf.co/org/nothing", "404"),
    ("hf.co/org/model", "m-Q8_0.gguf"),
    ("hf.co/org/model:Q2_K", "Q2_K"),
    ("hf.co/../..", "hf:"),
])
def test_what_cannot_be_pulled_is_an_error_with_a_text(hub, admin, name, complaint):
    client = ollama.Client(host=admin.url, timeout=60)
    for attempt in (lambda: list(client.pull(name, stream=True)), lambda: client.pull(name)):
        with pytest.raises(ollama.ResponseError) as caught:
            attempt()
        assert complaint in caught.value.error, caught.value.error
    assert hub.transfers == []


def test_only_administrators_pull_list_and_delete(hub, store, server):
    client = ollama.Client(host=server.url, timeout=60)
    for attempt in (lambda: client.pull(MODEL), lambda: client.delete(STORED)):
        with pytest.raises(ollama.ResponseError) as caught:
            attempt()
        assert caught.value.status_code == 403 and "--enable-admin" in caught.value.error
    keys = ("--api-key", "alice", "--admin-api-key", "root", "--enable-admin")
    with Server(*SMALL, *keys, "--store", store, environment=pulls_from(hub)) as guarded:
        alice, root = (ollama.Client(host=guarded.url, timeout=60, headers={"Authorization": f"Bearer {key}"})
                       for key in ("alice", "root"))
        assert root.pull(MODEL).status == "success"
        assert len(root.list().models) == 2 and len(alice.list().models) == 1
        for attempt in (lambda: alice.pull(MODEL), lambda: alice.delete(STORED)):
            with pytest.raises(ollama.ResponseError) as caught:
                attempt()
            assert caught.value.status_code == 403
        assert httpx.post(guarded.url + "/api/pull", json={"model": MODEL}).status_code == 401
        assert root.delete(STORED).status == "success"


def test_a_served_model_of_the_store_stays_whatever_it_is_called_and_a_stop_ends_pulls(hub, store):
    placed = run_trivet("pull", f"path:{model_path()}", "--store", store)
    assert placed.returncode == 0, placed.stderr
    name = listed(store)[0]["name"]
    with Server(*SMALL, "--store", store, "--enable-admin", "--served-model-name", "other",
                model=placed.stdout.strip(), environment=pulls_from(hub)) as running:
        client = ollama.Client(host=running.url, timeout=60)
        with pytest.raises(ollama.ResponseError) as caught:
            client.delete(name)
        assert caught.value.status_code == 409
        assert client.generate("other", "Hi", options={"num_predict": 1}).done
        hub.pause = 0.2
        pull = client.pull(MODEL, stream=True)
        next(pull)
        began = time.monotonic()
        assert running.stop() == 0 and time.monotonic() - began < 10
        with pytest.raises(ollama.ResponseError) as ended:
            list(pull)
        assert "shutting down" in ended.value.error
    assert run_trivet("remove", name, "--store", store).returncode == 0
