"""Measures OpenVINO GenAI's continuous batching, step by step."""
import time

import numpy
import openvino
import openvino_genai
from line_protocol import answer_tests

CHUNK_TOKENS = 4096  # all prompts of 32 sequences of 128 tokens in one step


class Measurement:
    def __init__(self, arguments: dict):
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.max_num_batched_tokens = CHUNK_TOKENS
        scheduler.max_num_seqs = 64
        scheduler.cache_size = 2
        scheduler.enable_prefix_caching = False
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(
            arguments["model"], scheduler, "CPU", {"INFERENCE_NUM_THREADS": arguments["threads"], **arguments["properties"]})
        self._random = numpy.random.default_rng(1)
        self._next_id = 0
        self({"kind": "prompt", "tokens": 64})  # warm

    def _add(self, prompt_tokens: int, new_tokens: int) -> None:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = new_tokens
        config.ignore_eos = True
        tokens = self._random.integers(100, 30000, (1, prompt_tokens)).astype(numpy.int64)
        self._handles.append(self._pipeline.add_request(self._next_id, openvino.Tensor(tokens), config))
        self._next_id += 1

    def _steps(self) -> int:
        count = 0
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            count += 1
        return count

    def __call__(self, test: dict) -> float:
        self._handles = []
        if test["kind"] == "prompt":
            self._add(test["tokens"], 1)
            begin = time.perf_counter()
            self._steps()
            return test["tokens"] / (time.perf_counter() - begin)
        sequences, depth, steps = test["sequences"], test["depth"], test["steps"]
        for _ in range(sequences):
            self._add(depth, steps + 1)
        for _ in range(-(-sequences * depth // CHUNK_TOKENS)):
            self._pipeline.step()
        begin = time.perf_counter()
        counted = self._steps()
        seconds = time.perf_counter() - begin
        if counted != steps:
            raise RuntimeError(f"{counted} steps for {steps} tokens: prompts and answers were mixed")
        return sequences * steps / seconds


def load(arguments: dict):
    measurement = Measurement(arguments)
    return {"version": openvino_genai.get_version()}, measurement


if __name__ == "__main__":
    answer_tests(load)
