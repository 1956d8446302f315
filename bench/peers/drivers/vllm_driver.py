"""Measures vLLM's engine inside one process, step by step."""
import random
import time

from line_protocol import answer_tests
from vllm import LLM, SamplingParams
from vllm import __version__ as version


class Measurement:
    def __init__(self, arguments: dict):
        self._engine = LLM(model=arguments["model"], dtype="bfloat16", max_model_len=1024, max_num_seqs=64,
                           max_num_batched_tokens=4096, enable_prefix_caching=False).llm_engine
        self._random = random.Random(1)
        self._next_id = 0
        self({"kind": "prompt", "tokens": 64})  # warm
        self({"kind": "batch", "sequences": 2, "depth": 16, "steps": 2})

    def _add(self, prompt_tokens: int, new_tokens: int) -> None:
        tokens = [self._random.randrange(100, 30000) for _ in range(prompt_tokens)]
        self._engine.add_request(str(self._next_id), {"prompt_token_ids": tokens},
                                 SamplingParams(max_tokens=new_tokens, ignore_eos=True, temperature=0, detokenize=False))
        self._next_id += 1

    def __call__(self, test: dict) -> float:
        if test["kind"] == "prompt":
            self._add(test["tokens"], 1)
            begin = time.perf_counter()
            while self._engine.has_unfinished_requests():
                self._engine.step()
            return test["tokens"] / (time.perf_counter() - begin)
        return self._decode(test["sequences"], test["depth"], test["steps"])

    def _decode(self, sequences: int, depth: int, steps: int) -> float:
        """From when every sequence has its first token to the end; tokens are counted, as steps may overlap."""
        for _ in range(sequences):
            self._add(depth, steps + 1)
        counts, begin, before = {}, None, 0
        while self._engine.has_unfinished_requests():
            for output in self._engine.step():
                counts[output.request_id] = len(output.outputs[0].token_ids)
            if begin is None and len(counts) == sequences:
                begin, before = time.perf_counter(), sum(counts.values())
        return (sum(counts.values()) - before) / (time.perf_counter() - begin)


def load(arguments: dict):
    measurement = Measurement(arguments)
    return {"version": version}, measurement


if __name__ == "__main__":
    answer_tests(load)
