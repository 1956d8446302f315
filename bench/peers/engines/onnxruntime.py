"""onnxruntime-genai, on the dequantised weights quantised again to its int4 blocks of 32."""
import pathlib

from engines.vllm import dequantised, torch_python
from peer import Peer
from processes import Driver, build, tool


class OnnxRuntime(Peer):
    name = "onnxruntime-genai"

    def install(self) -> None:
        self._python = torch_python(self.settings)

    def version(self) -> str:
        done = tool([self._python, "-c", "import importlib.metadata as m; print(m.version('onnxruntime-genai'))"])
        return done.stdout.strip() + "; int4, blocks of 32, accuracy level 4"

    def prepare(self, model: pathlib.Path) -> pathlib.Path:
        target = self.settings.folder / "models" / f"{model.stem}-onnx"
        if not (target / "genai_config.json").exists():
            build([self._python, "-m", "onnxruntime_genai.models.builder", "-i", dequantised(self.settings, model), "-o", target,
                   "-p", "int4", "-e", "cpu", "-c", self.settings.folder / "models" / "cache",
                   "--extra_options", "int4_accuracy_level=4", "int4_block_size=32"],
                  self.settings.folder / "logs" / f"onnx-{model.stem}.log", self.settings.build_prefix)
        return target

    def open(self, model: pathlib.Path) -> Driver:
        return Driver(self._python, "onnxruntime_driver.py", {"model": str(self.prepare(model)), "threads": self.settings.threads},
                      self.settings.folder / "logs" / f"onnxruntime-{model.stem}.log")
