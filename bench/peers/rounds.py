"""Measuring in rounds: every peer once a round, in an order that turns around each time (A B B A), with the limits of
the machine before and after each, and notes of who else used the machine. Samples are kept in a file as they come, so
that a run that was cut goes on where it was."""
import dataclasses
import json
import pathlib
import subprocess
import sys
import time

from machine import Limits, UsageMeter
from peer import Peer, ServerSession, Session, Unavailable, awake
from workload import Load

MOST_FOREIGN = 0.02       # shares of all processors above which a sample counts as disturbed
LIMIT_TOLERANCE = 0.10    # around the run's median of each limit
LIMIT_KEYS = ("int8_ops_per_second", "read_bytes_per_second")


class SampleFile:
    """One JSON object a line. Kinds: run, sample, refused, weights."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def add(self, row: dict) -> None:
        self.rows.append(row)
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def missing(self, model: str, peer: str, round_number: int, wanted: list) -> list:
        """Those of the tests or loads that have no sample yet."""
        have = {test for r in self.rows if r["kind"] == "sample" and (r["model"], r["peer"], r["round"]) == (model, peer, round_number)
                for test in r["values"]}
        return [item for item in wanted if str(item) not in have]


def note(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Rounds:
    def __init__(self, peers: list[Peer], limits: Limits, samples: SampleFile, rounds: int):
        self._peers = peers
        self._limits = limits
        self._samples = samples
        self._rounds = rounds
        self._last_probe = (0.0, {})  # when, what

    def run_tests(self, model: str, path: pathlib.Path, tests: list) -> None:
        """Prompts and batches."""
        self._run(model, "tests", tests, self._peers, lambda peer: peer.open(path), lambda session, wanted, number: session.measure(wanted))

    def run_loads(self, model: str, path: pathlib.Path, loads: list[Load], trivet: pathlib.Path) -> None:
        """Each round has its own prompts: what a server keeps of a round helps in none after it."""
        most = max((load.clients for load in loads), default=0)

        def measure(session: ServerSession, wanted: list[Load], number: int) -> dict:
            return {str(load): run_load(trivet, session.url, load, seed=1000 * number + load.shared_words + 1) for load in wanted}

        self._run(model, "server", loads, [peer for peer in self._peers if peer.serves], lambda peer: peer.serve(path, most), measure)

    def _run(self, model: str, work: str, items: list, peers: list[Peer], open_peer, measure) -> None:
        sessions: dict[str, Session] = {}
        todo = [[(peer, wanted) for peer in peers if (wanted := self._samples.missing(model, peer.name, number, items))]
                for number in range(self._rounds)]
        try:
            for peer in {peer.name: peer for group in todo for peer, _ in group}.values():
                self._open(model, work, peer, open_peer, sessions)
            for number, group in enumerate(todo):
                for peer, wanted in group if number % 2 == 0 else group[::-1]:
                    if peer.name in sessions:
                        self._sample(model, work, number, peer, sessions,
                                     lambda session, wanted=wanted: measure(session, wanted, number))
        finally:
            for session in sessions.values():
                session.close()

    def _open(self, model: str, work: str, peer: Peer, open_peer, sessions: dict) -> None:
        begin = time.monotonic()
        try:
            sessions[peer.name] = open_peer(peer)
            if tree := sessions[peer.name].tree():
                tree.freeze()
            note(f"{model}: {peer.name} ready for {work} after {time.monotonic() - begin:.1f} s")
        except Unavailable as error:
            self._refuse(model, work, peer, str(error))

    def _refuse(self, model: str, work: str, peer: Peer, reason: str) -> None:
        note(f"{model}: {peer.name} cannot do {work}: {reason}")
        self._samples.add({"kind": "refused", "model": model, "work": work, "peer": peer.name, "reason": reason})

    def _probe(self) -> dict:
        """A probe that has just ended serves the next sample too."""
        if time.monotonic() - self._last_probe[0] > 1.0:
            found = self._limits.probe()
            self._last_probe = (time.monotonic(), found)
        return self._last_probe[1]

    def _sample(self, model: str, work: str, number: int, peer: Peer, sessions: dict, measure) -> None:
        session = sessions[peer.name]
        before = self._probe()
        meter = UsageMeter()
        try:
            with awake(session):
                values = measure(session)
        except (Unavailable, KeyError, OSError, ValueError, subprocess.SubprocessError) as error:
            session.close()
            del sessions[peer.name]
            return self._refuse(model, work, peer, f"{type(error).__name__}: {error}")
        usage = meter.read()
        self._last_probe = (0.0, {})
        after = self._probe()
        if weights := getattr(session, "weights", None):
            self._samples.add({"kind": "weights", "model": model, **weights})
        self._samples.add({"kind": "sample", "model": model, "work": work, "peer": peer.name, "round": number, "values": values,
                           "before": before, "after": after, **dataclasses.asdict(usage)})
        shown = ", ".join(f"{k}: {v if isinstance(v, float) else v['output_tokens_per_second']:.1f}" for k, v in values.items())
        note(f"{model} round {number + 1}, {peer.name}: {shown} (foreign {usage.foreign:.1%}, stolen {usage.stolen:.1%}, "
             f"read {after['read_bytes_per_second'] / 1e9:.0f} GB/s, {usage.seconds:.0f} s)")


def run_load(trivet: pathlib.Path, url: str, load: Load, seed: int) -> dict:
    """Output rate and latencies, by the same client for every server."""
    done = subprocess.run([str(trivet), "bench", "serve", "--url", url, "--concurrency", str(load.clients), "--requests", str(load.requests),
                           "--prompt-words", str(load.prompt_words), "--shared-words", str(load.shared_words),
                           "--output-tokens", str(load.output_tokens), "--seed", str(seed), "--json"],
                          capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip()[-300:])
    report = json.loads(done.stdout)
    if report["completed"] < report["sent"]:
        raise Unavailable(f"{report['sent'] - report['completed']} of {report['sent']} requests failed: {report['failures']}")
    wanted = ("output_tokens_per_second", "requests_per_second", "prompt_tokens", "cached_tokens", "output_tokens", "ttft_ms", "tpot_ms",
              "itl_ms", "e2e_ms")
    return {key: report[key] for key in wanted}


def disturbances(sample: dict, medians: dict[str, float]) -> list[str]:
    """Why a sample should not count; empty = it does."""
    found = [f"{share} {sample[share]:.0%}" for share in ("foreign", "stolen") if sample[share] > MOST_FOREIGN]
    for key in LIMIT_KEYS:
        for when in ("before", "after"):
            value = sample[when].get(key)
            if value and abs(value / medians[key] - 1) > LIMIT_TOLERANCE:
                found.append(f"{key.split('_')[0]} {when} {value / medians[key] - 1:+.0%}")
    return found
