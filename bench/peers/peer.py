"""The one interface of an engine that is measured. A file in engines/ holds one subclass; that is all it takes."""
import contextlib
import dataclasses
import pathlib

from machine import Tree


class Unavailable(Exception):
    """This peer, or this model on it, cannot be measured here; the message says why."""


@dataclasses.dataclass
class Settings:
    folder: pathlib.Path               # where peers are installed and built, and converted models lie
    trivet: pathlib.Path               # the program
    threads: int
    existing: dict[str, pathlib.Path]  # peer name -> folder of programs that were built elsewhere
    build_prefix: list[str]            # put before commands that build


class Session:
    """A peer that is ready for one model. Between two measurements its processes are stopped, so that they take
    nothing of the machine."""

    def measure(self, tests: list) -> dict[str, float]:
        """Tokens per second by str(test). Tests that the peer cannot do are left out."""
        raise NotImplementedError

    def tree(self) -> Tree | None:
        """Processes that live on between measurements, to stop and to continue; None = there are none."""
        return None

    def close(self) -> None:
        pass


class ServerSession:
    """A running server with the OpenAI API."""

    def __init__(self, url: str, tree: Tree):
        self.url = url
        self._tree = tree

    def tree(self) -> Tree:
        return self._tree

    def close(self) -> None:
        self._tree.end()


class Peer:
    name = ""          # in tables and options
    serves = False     # has a server with the OpenAI API

    def __init__(self, settings: Settings):
        self.settings = settings

    def install(self) -> None:
        """Downloads and builds what is missing into settings.folder. Raises Unavailable."""

    def version(self) -> str:
        """Of the peer, and the flags that it runs with."""
        raise NotImplementedError

    def prepare(self, model: pathlib.Path) -> None:
        """Converts the model where the peer needs that; conversions are kept. Raises Unavailable."""

    def open(self, model: pathlib.Path) -> Session:
        """Loads the model, and prepares it where that was not done. Raises Unavailable."""
        raise NotImplementedError

    def serve(self, model: pathlib.Path, most_clients: int) -> ServerSession:
        raise Unavailable("has no server with the OpenAI API")


def load_peers(settings: Settings) -> dict[str, Peer]:
    """All peers by name, Trivet first."""
    import importlib

    peers = []
    for path in sorted((pathlib.Path(__file__).parent / "engines").glob("*.py")):
        module = importlib.import_module(f"engines.{path.stem}")
        peers += [kind(settings) for kind in vars(module).values()
                  if isinstance(kind, type) and issubclass(kind, Peer) and kind.name and kind.__module__ == module.__name__]
    return {peer.name: peer for peer in sorted(peers, key=lambda peer: (peer.name != "trivet", peer.name))}


@contextlib.contextmanager
def awake(session):
    """The session's processes run inside and are stopped outside."""
    tree = session.tree()
    if tree:
        tree.wake()
    try:
        yield
    finally:
        if tree:
            tree.freeze()
