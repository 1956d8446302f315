"""What is measured: models, tests, and loads on servers. Every peer gets the same."""
import dataclasses

MODELS = {
    "smollm2-135m": "SmolLM2-135M-Instruct.Q4_1.gguf",
    "gemma3-270m": "gemma-3-270m-Q4_K_M.gguf",
    "qwen2.5-coder-0.5b": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "qwen2.5-coder-1.5b": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
}
WORK = ("prompt", "batch", "server")


@dataclasses.dataclass(frozen=True)
class Prompt:
    """Tokens per second of one prompt of `tokens`, none of them cached."""
    tokens: int = 512

    def __str__(self) -> str:
        return f"prompt {self.tokens}"


@dataclasses.dataclass(frozen=True)
class Batch:
    """Tokens per second of all `sequences` together, each `depth` tokens long at the first of `steps` steps."""
    sequences: int
    depth: int = 128
    steps: int = 24

    def __str__(self) -> str:
        return f"batch {self.sequences}"


@dataclasses.dataclass(frozen=True)
class Load:
    """Closed-loop clients on a server; random words, of which `shared_words` begin every prompt."""
    clients: int = 16
    prompt_words: int = 200
    shared_words: int = 0
    output_tokens: int = 64
    requests: int = 48

    def __str__(self) -> str:
        shared = f", {self.shared_words} words shared" if self.shared_words else ""
        return f"server {self.clients} clients{shared}"


def tests_of(work: list[str], batches: list[int], prompt_tokens: int) -> list:
    tests = [Prompt(prompt_tokens)] if "prompt" in work else []
    return tests + ([Batch(n) for n in batches] if "batch" in work else [])


def loads_of(work: list[str], clients: list[int], requests: int) -> list[Load]:
    if "server" not in work:
        return []
    return [Load(clients=n, shared_words=shared, requests=max(requests, 2 * n)) for n in clients for shared in (0, 150)]
