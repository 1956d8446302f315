"""llama.cpp, built from the source distribution of llama-cpp-python, which holds all of it."""
import json
import pathlib
import re
import tarfile

from peer import Peer, Session, Unavailable
from processes import build, free_port, start_server, tool
from workload import Batch, Prompt

TOOLS = ("llama-bench", "llama-batched-bench", "llama-server")


class LlamaSession(Session):
    """The tools load the model for each run."""

    def __init__(self, programs: pathlib.Path, model: pathlib.Path, bench_flags: list, batch_flags: list):
        self._programs = programs
        self._model = model
        self._bench_flags = bench_flags
        self._batch_flags = batch_flags

    def measure(self, tests: list) -> dict[str, float]:
        rates = {}
        for test in tests:
            if isinstance(test, Prompt):
                rates[str(test)] = self._prompt(test.tokens)
        batches = [t for t in tests if isinstance(t, Batch)]
        return rates | (self._batches(batches) if batches else {})

    def _prompt(self, tokens: int) -> float:
        done = tool([self._programs / "llama-bench", "-m", self._model, "-p", tokens, "-n", 0, "-r", 1, "-o", "json",
                     *self._bench_flags])
        return json.loads(done.stdout)[0]["avg_ts"]

    def _batches(self, tests: list[Batch]) -> dict[str, float]:
        first = tests[0]
        most = max(t.sequences for t in tests)
        done = tool([self._programs / "llama-batched-bench", "-m", self._model, "-c", most * (first.depth + first.steps),
                     "-npp", first.depth, "-ntg", first.steps, "-npl", ",".join(str(t.sequences) for t in tests), *self._batch_flags])
        found = {}
        for line in (done.stdout + done.stderr).splitlines():  # ik_llama.cpp writes its table on standard error
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) >= 8 and re.fullmatch(r"\d+", cells[0]):
                found[f"batch {cells[2]}"] = float(cells[7])
        return {str(t): found[str(t)] for t in tests}


class LlamaCpp(Peer):
    name = "llama.cpp"
    serves = True
    about_flags = "-fa on, weights repacked at load"
    version_tool = "llama-bench"
    tools = TOOLS
    bench_flags = ["-fa", 1]
    batch_flags = ["-fa", "on", "-b", 2048, "-ub", 512]
    server_flags = ["-fa", "on", "--kv-unified"]

    def __init__(self, settings):
        super().__init__(settings)
        self._programs = settings.existing.get(self.name, settings.folder / "llama.cpp" / "build" / "bin")

    def install(self) -> None:
        if all((self._programs / name).exists() for name in TOOLS):
            return
        if self.name in self.settings.existing:
            if all((self._programs / name).exists() for name in TOOLS[:2]):
                return  # without its server
            raise Unavailable(f"{self._programs} lacks {' or '.join(TOOLS[:2])}")
        home = self.settings.folder / "llama.cpp"
        log = self.settings.folder / "logs" / "llama.cpp-build.log"
        build(["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d", home,
               "llama-cpp-python"], log)
        with tarfile.open(max(home.glob("llama_cpp_python-*.tar.gz"))) as archive:
            archive.extractall(home / "source", filter="data")
        source = next((home / "source").glob("*/vendor/llama.cpp"))
        build(["cmake", "-S", source, "-B", home / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON",
               "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
               "-DLLAMA_USE_PREBUILT_UI=OFF"], log)
        build(["cmake", "--build", home / "build", "--target", *TOOLS], log, self.settings.build_prefix)

    def version(self) -> str:
        text = tool([self._programs / self.version_tool, "--version"])
        built = re.search(r"version: (.+)", text.stdout + text.stderr)
        return f"{built.group(1) if built else 'unknown'}; {self.about_flags}"

    def open(self, model: pathlib.Path) -> LlamaSession:
        threads = ["-t", self.settings.threads]
        return LlamaSession(self._programs, model, threads + self.bench_flags, threads + self.batch_flags)

    def serve(self, model: pathlib.Path, most_clients: int):
        if not (self._programs / "llama-server").exists():
            raise Unavailable(f"{self._programs} has no llama-server")
        port = free_port()
        return start_server([self._programs / "llama-server", "-m", model, "-t", self.settings.threads, "-tb", self.settings.threads,
                             "-c", most_clients * 512, "-np", most_clients, "--host", "127.0.0.1", "--port", port, *self.server_flags],
                            port, self.settings.folder / "logs" / f"{self.name}-server-{model.stem}.log")
