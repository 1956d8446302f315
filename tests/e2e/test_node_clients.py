"""The official JavaScript clients, unmodified, against a real server: one script each in node/."""
import pathlib
import subprocess

import pytest

NODE = pathlib.Path(__file__).parent / "node"


@pytest.mark.parametrize("client", ["ai_sdk", "anthropic", "ollama", "openai"])
def test_client(server, client):
    done = subprocess.run(["node", f"{client}.mjs", server.url], cwd=NODE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "ok " in done.stdout, done.stdout + done.stderr
