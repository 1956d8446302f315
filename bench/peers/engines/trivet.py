"""Trivet itself, by `trivet bench` and `trivet serve`."""
import json
import pathlib

from peer import Peer, Session
from processes import free_port, start_server, tool
from workload import Batch, Prompt

NEXT_TO_NOTHING = 1  # `trivet bench` always measures both


class TrivetSession(Session):
    def __init__(self, program: pathlib.Path, model: pathlib.Path, threads: int):
        self._command = [program, "bench", model, "--threads", threads, "--repeats", 1, "--max-num-batched-tokens", 512,
                         "--max-model-len", 1024, "--json"]
        self.weights = None  # what `trivet bench` says of the model's matrices

    def measure(self, tests: list) -> dict[str, float]:
        prompts = [t for t in tests if isinstance(t, Prompt)]
        batches = [t for t in tests if isinstance(t, Batch)]
        command = [*self._command, "--prompts", ",".join(str(t.tokens) for t in prompts) or NEXT_TO_NOTHING,
                   "--batches", ",".join(str(t.sequences) for t in batches) or NEXT_TO_NOTHING]
        command += ["--depth", batches[0].depth, "--generate", batches[0].steps] if batches else ["--depth", 1, "--generate", 1]
        report = json.loads(tool(command).stdout)
        self.weights = report.get("weights")
        rates = {r["test"].split(" at ")[0]: r["tokens_per_second"] for r in report["results"]}
        return {str(t): rates[str(t)] for t in tests}


class Trivet(Peer):
    name = "trivet"
    serves = True

    def version(self) -> str:
        return tool([self.settings.trivet, "--version"]).stdout.strip()

    def open(self, model: pathlib.Path) -> TrivetSession:
        return TrivetSession(self.settings.trivet, model, self.settings.threads)

    def serve(self, model: pathlib.Path, most_clients: int):
        port = free_port()
        return start_server([self.settings.trivet, "serve", model, "--port", port, "--threads", self.settings.threads,
                             "--max-num-seqs", most_clients, "--max-model-len", 1024, "--disable-access-log"],
                            port, self.settings.folder / "logs" / f"trivet-{model.stem}.log")
