"""Starting what peers run: builds, tools with an output, drivers that answer line by line, servers."""
import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from machine import Tree
from peer import ServerSession, Session, Unavailable

DRIVERS = pathlib.Path(__file__).parent / "drivers"


def tool(command: list, environment: dict | None = None, timeout: float = 900) -> subprocess.CompletedProcess:
    """Runs to the end; a failure becomes Unavailable with the last lines that it wrote."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, **(environment or {})})
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode != 0:
        raise Unavailable(f"{pathlib.Path(str(command[0])).name} ended with {done.returncode}: {last_lines(done.stderr or done.stdout)}")
    return done


def last_lines(text: str, count: int = 3) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-count:])[-600:]


def build(command: list, log: pathlib.Path, prefix: list[str] = (), folder: pathlib.Path | None = None) -> None:
    """A long step of an installation; what it writes goes into the log."""
    print("  " + " ".join(map(str, command))[:160], file=sys.stderr, flush=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        code = subprocess.run([*prefix, *map(str, command)], stdout=file, stderr=subprocess.STDOUT, cwd=folder).returncode
    if code != 0:
        raise Unavailable(f"{command[0]} ended with {code}: {last_lines(log.read_text(errors='replace'))} (see {log})")


def environment_of(folder: pathlib.Path, name: str, packages: list[str], log: pathlib.Path) -> pathlib.Path:
    """The Python of a virtual environment with these packages; made when it is not there yet."""
    home = folder / "venv" / name
    python = home / "bin" / "python"
    stamp = home / "installed.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != packages:
        build([sys.executable, "-m", "venv", home], log)
        build([python, "-m", "pip", "install", "--quiet", *packages], log)
        stamp.write_text(json.dumps(packages))
    return python


class Driver(Session):
    """A program of drivers/ in a peer's own Python: one JSON object a line in both directions."""

    def __init__(self, python: pathlib.Path, script: str, arguments: dict, log: pathlib.Path, environment: dict | None = None,
                 timeout: float = 600):
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        self._timeout = timeout
        self._process = subprocess.Popen([str(python), str(DRIVERS / script), json.dumps(arguments)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=log.open("w"), text=True, start_new_session=True,
                                         env={**os.environ, **(environment or {})})
        self._tree = Tree(self._process)
        self.about = self._receive()

    def _receive(self) -> dict:
        if not select.select([self._process.stdout], [], [], self._timeout)[0]:
            self.close()
            raise Unavailable(f"gave no answer in {self._timeout:.0f} s (see {self._log})")
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise Unavailable(f"ended with {code}: {last_lines(self._log.read_text(errors='replace'))}")
        answer = json.loads(line)
        if "error" in answer:
            self.close()
            raise Unavailable(answer["error"])
        return answer

    def measure(self, tests: list) -> dict[str, float]:
        rates = {}
        for test in tests:
            self._process.stdin.write(json.dumps({"kind": type(test).__name__.lower(), **vars(test)}) + "\n")
            self._process.stdin.flush()
            rates[str(test)] = self._receive()["tokens_per_second"]
        return rates

    def tree(self) -> Tree:
        return self._tree

    def close(self) -> None:
        self._tree.end()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_server(command: list, port: int, log: pathlib.Path, environment: dict | None = None, timeout: float = 600) -> ServerSession:
    """Starts a server and waits until it lists its models."""
    log.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log.open("w"),
                               stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **(environment or {})})
    session = ServerSession(f"http://127.0.0.1:{port}", Tree(process))
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Unavailable(f"the server ended with {process.returncode}: {last_lines(log.read_text(errors='replace'))}")
        try:
            with urllib.request.urlopen(session.url + "/v1/models", timeout=2) as answer:
                if answer.status == 200 and is_loaded(session.url):
                    return session
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.25)
    session.close()
    raise Unavailable(f"the server was not ready after {timeout:.0f} s (see {log})")


def is_loaded(url: str) -> bool:
    """llama.cpp's servers list models before they have loaded; their /health says 503 until then."""
    try:
        with urllib.request.urlopen(url + "/health", timeout=2) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        return error.code == 404
