"""The commands as a user types them."""
import json
import pathlib
import random

import pytest

from conftest import model_path, run_trivet


def test_help_names_every_command_and_each_has_its_own_help():
    out = run_trivet("--help").stdout
    for command in ["serve", "run", "pull", "list", "inspect", "remove", "plan", "bench", "graph", "conformance", "completion", "man"]:
        assert command in out
        assert run_trivet(command, "--help").returncode == 0


@pytest.mark.parametrize("arguments,code", [
    (["frobnicate"], 2), (["serve"], 2), (["serve", "no-such-model"], None), (["plan", "/etc/hostname"], None),
    (["run", "x", "--temperature", "warm"], 2),
])
def test_wrong_usage_is_explained(arguments, code):
    done = run_trivet(*arguments)
    assert done.returncode == code if code else done.returncode in (1, 2)
    assert done.stderr.strip() and "Traceback" not in done.stderr


def test_run_answers_one_prompt():
    done = run_trivet("run", str(model_path()), "What is the capital of France? Answer in one sentence.",
                      "--temperature", "0", "--max-tokens", "20")
    assert done.returncode == 0 and "Paris" in done.stdout, done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_run_raw_continues_the_text():
    done = run_trivet("run", str(model_path()), "--raw", "1 2 3 4 5 6", "--temperature", "0", "--max-tokens", "6")
    assert done.returncode == 0 and "7" in done.stdout


def test_plan_adds_up_and_fits():
    plan = json.loads(run_trivet("plan", str(model_path()), "--memory", "1GiB", "--json").stdout)
    assert sum(plan["parts"].values()) <= plan["budget_bytes"] == 1 << 30
    assert plan["users"] and plan["blocks"] > 0


def test_plan_shows_that_bytes_hold_twice_the_tokens():
    plans = {
        dtype: json.loads(run_trivet("plan", str(model_path()), "--memory", "1GiB", "--json", "--max-num-seqs", "500",
                                     "--kv-dtype", dtype).stdout)
        for dtype in ["f16", "bfloat16", "int8"]}
    assert plans["bfloat16"]["block_bytes"] == plans["f16"]["block_bytes"]
    assert plans["int8"]["block_bytes"] <= 0.54 * plans["f16"]["block_bytes"]
    assert plans["int8"]["blocks"] >= 1.8 * plans["f16"]["blocks"]
    refused = run_trivet("plan", str(model_path()), "--kv-dtype", "fp8")
    assert refused.returncode == 2 and "int8" in refused.stderr


def test_inspect_and_graph_describe_the_model():
    described = json.loads(run_trivet("inspect", str(model_path()), "--json").stdout)
    assert described["config"]["num_layers"] == 30
    for fmt, mark in [("text", "attention"), ("json", "{"), ("svg", "<svg")]:
        done = run_trivet("graph", str(model_path()), "--format", fmt)
        assert done.returncode == 0 and mark in done.stdout
    before = run_trivet("graph", str(model_path()), "--stage", "before").stdout.count("\n")
    after = run_trivet("graph", str(model_path()), "--stage", "after").stdout.count("\n")
    assert after < before


def test_disabling_passes_does_not_change_the_answer():
    base = ["run", str(model_path()), "--raw", "The sea", "--temperature", "0", "--max-tokens", "12"]
    expected = run_trivet(*base).stdout
    passes = run_trivet("graph", "--list-passes").stdout.splitlines()
    names = [line.split()[0] for line in passes if line.strip() and "changes rounding" not in line]
    assert len(names) >= 6
    for name in names:
        assert run_trivet(*base, "--disable-pass", name).stdout == expected, name


def test_conformance_of_the_cpu_plugin():
    done = run_trivet("conformance", "cpu", "--isa", "baseline", timeout=600)  # all levels: tests/conformance
    assert done.returncode == 0, done.stdout[-3000:]


def test_bench_limits_measures():
    limits = json.loads(run_trivet("bench", "limits", "--seconds", "0.1", "--json").stdout)
    assert limits["int8_ops_per_second"] > 1e9 and limits["read_bytes_per_second"] > 1e8


@pytest.mark.parametrize("kind", ["truncated", "flipped"])
def test_damaged_models_are_refused_or_harmless(tmp_path, kind):
    data = bytearray(model_path().read_bytes())
    rng = random.Random(5)
    for trial in range(12):
        damaged = bytearray(data)
        if kind == "truncated":
            damaged = damaged[:rng.randrange(len(damaged)) if trial else 10]
        else:
            for _ in range(20):
                damaged[rng.randrange(200_000)] ^= 1 << rng.randrange(8)
        path = tmp_path / "damaged.gguf"
        path.write_bytes(damaged)
        done = run_trivet("plan", str(path))
        assert done.returncode in (0, 1, 2), (trial, done.returncode)  # negative: a signal
        if kind == "truncated":
            assert done.returncode != 0
        if done.returncode != 0:
            assert "damaged.gguf" in done.stderr, done.stderr


def test_completion_and_man_page():
    assert "complete -F" in run_trivet("completion", "bash").stdout
    assert run_trivet("man").stdout.startswith(".TH TRIVET")


def test_bench_serve_measures_a_running_server(server, tmp_path):
    page = tmp_path / "load.html"
    done = run_trivet("bench", "serve", "--url", server.url, "--requests", "12", "--concurrency", "4", "--prompt-words", "30",
                      "--shared-words", "20", "--output-tokens", "8", "--slo-ttft-ms", "60000", "--report", str(page), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["completed"] == 12 and report["failures"] == {}
    assert report["output_tokens"] == 12 * 8 and report["within_objective"] == 1
    assert report["prompt_tokens"] >= 12 * 30 and 0 < report["ttft_ms"]["p50"] <= report["e2e_ms"]["p50"]
    assert page.read_text().count("<svg") == 4
    nobody = run_trivet("bench", "serve", "--url", "http://127.0.0.1:1")
    assert nobody.returncode != 0 and "127.0.0.1:1" in nobody.stderr
