"""Starts real servers on real weights. Traffic stays on the loopback interface."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIVET = pathlib.Path(os.environ.get("TRIVET_BINARY", ROOT / "build" / "release" / "trivet"))
MODELS = pathlib.Path(os.environ.get("TRIVET_TEST_MODELS", ROOT / "build" / "test-models"))
SMOLLM = "SmolLM2-135M-Instruct.Q4_1.gguf"


def model_path(file: str = SMOLLM) -> pathlib.Path:
    path = MODELS / file
    if not path.exists():
        pytest.skip(f"{file} is not in {MODELS}; tools/fetch_test_models --all gets it")
    return path


class Server:
    """`trivet serve` as a user starts it. Ends with the context."""

    def __init__(self, *arguments: str, model: str = SMOLLM, environment: dict | None = None):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.home = tempfile.TemporaryDirectory()  # no test writes into the user's folders
        environment = {"XDG_STATE_HOME": self.home.name, **(environment or {})}
        self.process = subprocess.Popen(
            [str(TRIVET), "serve", str(model_path(model)), "--port", "0", *arguments],
            stdout=subprocess.DEVNULL, stderr=self.log, env={**os.environ, **environment})
        self.url = self._wait()

    def _wait(self) -> str:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.text()}")
            found = re.search(r"https?://127\.0\.0\.1:\d+", self.text())
            if found:
                try:
                    if httpx.get(found.group(0) + "/ready", verify=False).status_code == 200:
                        return found.group(0)
                except httpx.HTTPError:
                    pass
            time.sleep(0.05)
        raise RuntimeError(f"the server was not ready in time:\n{self.text()}")

    def text(self) -> str:
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def status(self, key: str) -> int:
        """A number of /proc/PID/status: VmRSS and VmHWM in bytes, Threads."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == key:
                number = int(value.split()[0])
                return number * 1024 if value.strip().endswith("kB") else number
        raise KeyError(key)

    def metric(self, name: str) -> float:
        total = None
        for line in httpx.get(self.url + "/metrics", timeout=30).text.splitlines():
            if re.match(rf"{re.escape(name)}(\{{|\s)", line):
                total = (total or 0.0) + float(line.rsplit(" ", 1)[1])
        if total is None:
            raise KeyError(name)
        return total

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@pytest.fixture(scope="session")
def server():
    with Server("--memory", "1500MiB", "--max-model-len", "2048", "--max-logprobs", "-1") as running:
        yield running


def run_trivet(*arguments: str, timeout: float = 120, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(TRIVET), *arguments], capture_output=True, text=True, timeout=timeout, **options)
