"""Options of `trivet serve`: flags, files, where values come from, and what vLLM's command lines do."""
import json
import os
import pathlib
import signal
import time

import httpx
import pytest

from conftest import ROOT, Server, model_path, run_trivet


def test_the_reference_of_options_is_what_the_program_has():
    assert run_trivet("config", "docs").stdout == (ROOT / "docs" / "options.md").read_text(), \
        "run: build/release/trivet config docs > docs/options.md"


def test_explain_shows_every_key_and_one_in_full():
    rows = run_trivet("config", "explain").stdout.splitlines()
    keys = [line.split()[0] for line in rows[1:]]
    assert {"model", "port", "max_model_len", "memory", "enable_prefix_caching"} <= set(keys)
    assert len(keys) == len(set(keys))
    one = run_trivet("config", "explain", "max-num-seqs")
    assert one.returncode == 0 and "1 to 4096" in one.stdout and "max_num_seqs" in one.stdout
    wrong = run_trivet("config", "explain", "max_nun_seqs")
    assert wrong.returncode == 2 and "did you mean max_num_seqs?" in wrong.stderr
    foreign = run_trivet("config", "explain", "tensor-parallel-size")
    assert foreign.returncode == 0 and "has no effect" in foreign.stdout


def test_check_shows_what_a_file_sets_and_from_where(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text("model: m.gguf\n# a comment\nport: 9000\napi-key: [hush]\ntensor-parallel-size: 4\n")
    done = run_trivet("config", "check", str(good))
    assert done.returncode == 0 and "hush" not in done.stdout
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
    assert rows["port"][1:] == ["9000", f"{good}:3"]
    assert "tensor-parallel-size has no effect" in done.stderr
    for text, complaint in [("prot: 1\n", "did you mean port?"), ("port: many\n", "0 to 65535"),
                            ("port: [1\n", ":2:"), ("enable-lora: true\n", "adapters")]:
        bad = tmp_path / "bad.yaml"
        bad.write_text(text)
        done = run_trivet("config", "check", str(bad))
        assert done.returncode == 2 and complaint in done.stderr, (text, done.stderr)
    assert run_trivet("config", "check", str(tmp_path / "none.yaml")).returncode != 0


@pytest.mark.parametrize("arguments,code,complaint", [
    (["--max-modl-len", "5"], 2, "did you mean --max-model-len?"),
    (["--tensor-paralel-size", "2"], 2, "did you mean --tensor-parallel-size?"),
    (["--zzzzzz"], 2, "--help lists all"),
    (["--ssl-ca-certs", "f"], 2, "client certificates are not checked"),
    (["--lora-modules", "a=b"], 2, "adapters"),
    (["--port", "eighty"], 2, "0 to 65535"),
    (["--override-generation-config", '{"temprature": 1}'], 2, "no default named temprature"),
    (["--override-generation-config", '{"temperature": -1}'], 2, "temperature"),
    (["--config", "/no/such/file.yaml"], 2, "/no/such/file.yaml"),
])
def test_what_cannot_be_is_refused_before_the_model_loads(arguments, code, complaint):
    begin = time.monotonic()
    done = run_trivet("serve", str(model_path()), *arguments)
    assert done.returncode == code and complaint in done.stderr, done.stderr
    assert time.monotonic() - begin < 2


def test_a_key_in_the_environment_never_means_an_open_server():
    done = run_trivet("serve", str(model_path()), "--port", "0", env={**os.environ, "VLLM_API_KEY": "k"})
    assert done.returncode == 2 and "VLLM_API_KEY" in done.stderr


def test_a_missing_model_ends_with_one():
    assert run_trivet("serve", "no-such-model").returncode == 1


def test_a_command_line_of_vllm_serves_with_one_line_per_flag_without_effect(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"served_model_name": ["from-file", "alias"], "max-num-seqs": 3,
                                  "gpu_memory_utilization": 0.9}))
    with Server("--config", str(config), "--max_model_len", "1k", "-tp", "2", "--dtype=bfloat16", "-O3",
                "--enforce-eager", "--disable-log-requests", "--trust-remote-code",
                "--override-generation-config", '{"temperature": 0.0}',
                "--speculative-config", '{"method": "ngram"}', "--enable-force-include-usage", "--served-model-name", "from-flag") as server:
        lines = server.text().splitlines()
        for flag in ["-tp", "--dtype", "-O3", "--enforce-eager", "--disable-log-requests", "--trust-remote-code",
                     "--speculative-config", "gpu_memory_utilization"]:
            assert sum(f"{flag} has no effect" in line for line in lines) == 1, (flag, lines)
        models = httpx.get(server.url + "/v1/models").json()["data"]
        assert models[0]["id"] == "from-flag" and models[0]["max_model_len"] == 1000
        assert [httpx.get(server.url + path).status_code for path in ["/health", "/ping", "/version"]] == [200] * 3
        body = {"model": "from-flag", "prompt": "1 2 3 4", "max_tokens": 4}
        answers = {httpx.post(server.url + "/v1/completions", json=body, timeout=60).json()["choices"][0]["text"]
                   for _ in range(2)}
        assert len(answers) == 1, "the overridden temperature 0 makes answers repeat"
        streamed = httpx.post(server.url + "/v1/completions", json={**body, "stream": True}, timeout=60).text
        assert '"usage":{"prompt_tokens"' in streamed
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def table_rows(page: str) -> list[list[str]]:
    lines = (ROOT / "docs" / page).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines
            if line.startswith("| ") and not line.startswith("|--")]


def test_the_pages_for_users_of_other_servers_name_only_what_exists():
    import re
    reference = (ROOT / "docs" / "options.md").read_text()
    own, others = reference.split("## Flags of other servers")
    known = set(re.findall(r"`(--?[a-zA-Z][\w-]*)`", own))
    understood = known | set(re.findall(r"`(--?[a-zA-Z][\w-]*)`", others))
    paths = set()
    for file in (ROOT / "docs" / "openapi").glob("*.json"):
        paths |= set(json.loads(file.read_text())["paths"])
    for page in ["from-vllm.md", "from-llama-cpp.md", "from-ollama.md"]:
        rows = table_rows(page)
        assert len(rows) > 10
        for cells in rows:
            for index, cell in enumerate(cells):
                for flag in re.findall(r"`(--?[a-zA-Z][\w-]*)[ `]", cell):
                    assert flag in (understood if index == 0 else known), f"{page}: {flag}"
                for path in re.findall(r"`(/[\w./{}-]*)`", cell):
                    assert path in paths, f"{page}: {path}"
