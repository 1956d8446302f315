"""Measures onnxruntime-genai with static batches, token by token."""
import json
import pathlib
import time

import numpy
import onnxruntime_genai as og
from line_protocol import answer_tests


class Measurement:
    def __init__(self, arguments: dict):
        folder = pathlib.Path(arguments["model"])
        config = folder / "genai_config.json"
        settings = json.loads(config.read_text())
        settings["model"]["decoder"].setdefault("session_options", {})["intra_op_num_threads"] = arguments["threads"]
        config.write_text(json.dumps(settings, indent=1))
        self._model = og.Model(str(folder))
        self._random = numpy.random.default_rng(1)
        self._generated(1, 64, 2)  # warm

    def _generated(self, sequences: int, depth: int, steps: int) -> tuple[float, float]:
        """Seconds for the prompts with their first tokens, and for the steps after them."""
        parameters = og.GeneratorParams(self._model)
        length = depth + steps + 2
        parameters.set_search_options(max_length=length, min_length=length, batch_size=sequences, do_sample=False)
        generator = og.Generator(self._model, parameters)
        tokens = self._random.integers(100, 30000, (sequences, depth)).astype(numpy.int32)
        begin = time.perf_counter()
        generator.append_tokens(tokens)
        generator.generate_next_token()
        first = time.perf_counter()
        for _ in range(steps):
            generator.generate_next_token()
        return first - begin, time.perf_counter() - first

    def __call__(self, test: dict) -> float:
        if test["kind"] == "prompt":
            return test["tokens"] / self._generated(1, test["tokens"], 0)[0]
        seconds = self._generated(test["sequences"], test["depth"], test["steps"])[1]
        return test["sequences"] * test["steps"] / seconds


def load(arguments: dict):
    measurement = Measurement(arguments)
    return {"version": og.__version__}, measurement


if __name__ == "__main__":
    answer_tests(load)
