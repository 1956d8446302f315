"""`trivet bench kernels` and the reports of `trivet bench MODEL`."""
import json
import xml.etree.ElementTree

import pytest

from conftest import model_path, run_trivet


def test_kernels_name_shapes_rates_and_limits():
    rows = json.loads(run_trivet("bench", "kernels", "--types", "q4_K,q8_0", "--rows", "1,8", "--inputs", "512", "--outputs", "256",
                                 "--seconds", "0.01", "--json").stdout)
    linears = {(r["operation"], r["rows"]): r for r in rows if r["operation"].startswith("linear")}
    assert set(linears) == {("linear q4_K", 1), ("linear q4_K", 8), ("linear q8_0", 1), ("linear q8_0", 8)}
    for (_, count), row in linears.items():
        assert row["operations_per_second"] * row["seconds"] == pytest.approx(2 * count * 512 * 256)
        assert row["operations_limit"] > 0 and row["bytes_limit"] > 0
    assert {r["operation"] for r in rows} >= {"quantize for q4_K", "attention f16", "attention int8"}


def test_kernels_refuse_formats_that_do_not_exist():
    done = run_trivet("bench", "kernels", "--types", "q9_9")
    assert done.returncode == 2 and "q9_9" in done.stderr and "q4_K" in done.stderr


def test_bench_shows_the_limit_and_writes_a_page_and_a_plot(tmp_path):
    page, plot = tmp_path / "speed.html", tmp_path / "speed.svg"
    done = run_trivet("bench", str(model_path()), "--prompts", "0", "--batches", "1,4", "--depth", "16", "--generate", "2", "--repeats", "1",
                      "--max-model-len", "256", "--json", "--report", str(page), "--plot", str(plot))
    report = json.loads(done.stdout)
    assert [r["test"] for r in report["results"]] == ["batch 1 at 16", "batch 4 at 16"]
    assert all(r["limit"] > 0 for r in report["results"])
    # 30 layers of 576: about 106 million weights, and a head of 49152 x 576.
    assert report["weights"]["body_parameters"] == pytest.approx(106e6, rel=0.01)
    assert report["weights"]["head_parameters"] == 49152 * 576
    drawing = xml.etree.ElementTree.parse(plot).getroot()
    assert drawing.tag.endswith("svg") and "limit" in plot.read_text()
    assert "src=" not in page.read_text() and "batch 4 at 16" in page.read_text()
