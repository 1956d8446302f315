"""OpenVINO GenAI, which reads the same GGUF files where it knows their formats."""
import pathlib

from peer import Peer
from processes import Driver, environment_of, tool

PROPERTIES = {}  # of the device; the defaults, as no others have been compared with them yet


class OpenVino(Peer):
    name = "openvino-genai"

    def install(self) -> None:
        self._python = environment_of(self.settings.folder, "openvino", ["openvino-genai", "openvino-tokenizers", "numpy"],
                                      self.settings.folder / "logs" / "openvino-install.log")

    def version(self) -> str:
        return tool([self._python, "-c", "import openvino_genai as g; print(g.get_version())"]).stdout.strip() + \
            "; continuous batching, the same GGUF"

    def open(self, model: pathlib.Path) -> Driver:
        return Driver(self._python, "openvino_driver.py",
                      {"model": str(model), "threads": self.settings.threads, "properties": PROPERTIES},
                      self.settings.folder / "logs" / f"openvino-{model.stem}.log")
