"""The machine while it is measured: its limits, who else uses it, and processes that wait their turn."""
import dataclasses
import json
import os
import pathlib
import platform
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: str) -> tuple[int, int, float] | None:
    """Parent, process group, and seconds of CPU with those of children that have ended and were waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[2]), sum(map(int, fields[11:15])) / TICKS


def descendants(root: int) -> dict[int, float]:
    """Processes below and including root, with their seconds of CPU."""
    stats = {int(pid): stat for pid in os.listdir("/proc") if pid.isdigit() and (stat := _stat(pid))}
    found, grown = {root}, True
    while grown:
        more = {pid for pid, stat in stats.items() if stat[0] in found} - found
        found |= more
        grown = bool(more)
    return {pid: stats[pid][2] for pid in found if pid in stats}


class Tree:
    """A process that was started with start_new_session=True, and everything below it."""

    def __init__(self, process: subprocess.Popen):
        self.process = process

    def _signal(self, number: int) -> None:
        for pid in descendants(self.process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        self.wake()
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()


@dataclasses.dataclass
class Usage:
    """How the processors were used during a measurement, as shares of all of them."""
    foreign: float  # by processes that are not ours
    stolen: float   # by the host
    seconds: float


class UsageMeter:
    """Counts from when it is made."""

    def __init__(self):
        self._begin = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float, float]:
        cpu = [int(x) / TICKS for x in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        busy = cpu[0] + cpu[1] + cpu[2] + cpu[5] + cpu[6]
        return time.monotonic(), busy, sum(descendants(os.getpid()).values()), cpu[7]

    def read(self) -> Usage:
        wall, busy, own, stolen = (now - then for now, then in zip(self._now(), self._begin))
        capacity = max(wall, 1e-3) * (os.cpu_count() or 1)
        return Usage(max(0.0, busy - own) / capacity, stolen / capacity, wall)


class Limits:
    """What the machine can do at this moment, by `trivet bench limits`."""

    def __init__(self, trivet: pathlib.Path, threads: int, seconds: float):
        self._command = [str(trivet), "bench", "limits", "--threads", str(threads), "--seconds", str(seconds), "--json"]

    def probe(self) -> dict:
        found = json.loads(subprocess.run(self._command, check=True, capture_output=True, text=True).stdout)
        return {key: value for key, value in found.items() if isinstance(value, (int, float))}


def describe() -> dict:
    info = pathlib.Path("/proc/cpuinfo").read_text()
    field = lambda name: next((l.split(":", 1)[1].strip() for l in info.splitlines() if l.startswith(name)), "")
    wanted = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
    pages = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return {"processor": field("model name"), "family_model": f"{field('cpu family')}/{field('model')}",
            "processors": os.cpu_count(), "flags": [f for f in field("flags").split() if f in wanted],
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "system": platform.platform(),
            "huge_pages": pages.read_text().strip() if pages.exists() else "none"}
