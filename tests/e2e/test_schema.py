"""schemathesis over the served OpenAPI document: no server errors, no answer that the document does not describe.

TRIVET_SCHEMA_SECONDS sets how long it looks (25 by default)."""
import os
import pathlib
import subprocess
import sys

import httpx
import pytest

from conftest import Server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SECONDS = int(os.environ.get("TRIVET_SCHEMA_SECONDS", "25"))


def test_every_answer_is_described_and_none_is_an_error_of_the_server(tmp_path):
    st = pathlib.Path(sys.executable).with_name("st")
    if not st.exists():
        pytest.skip("schemathesis is not installed (tests/requirements.txt)")
    with Server("--memory", "600MiB", "--max-model-len", "128", "--disable-access-log",
                "--state-dir", str(tmp_path / "state")) as server:
        # Deprecated: endpoints that only say that they are not offered, with 501, as /infill does here, whose
        # model has no marks for it.
        excluded = ["--exclude-deprecated", "--exclude-path", "/infill"]
        done = subprocess.run(
            [str(st), "run", server.url + "/openapi.json", "--checks", CHECKS, "--seed", "1", "--max-examples", "15",
             "--max-time", str(SECONDS), "--request-timeout", "30", "--no-color", *excluded],
            cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * 3 + 120)
        assert "Failures:" not in done.stdout and done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert "generated" in done.stdout
        print(next(line for line in done.stdout.splitlines() if "generated" in line).strip())
        assert httpx.get(server.url + "/health").status_code == 200
