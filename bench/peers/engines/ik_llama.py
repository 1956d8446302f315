"""ik_llama.cpp, from a folder with its source or with its programs (--existing ik_llama.cpp=FOLDER): no package holds it."""
from engines.llama_cpp import LlamaCpp
from peer import Unavailable
from processes import build


class IkLlama(LlamaCpp):
    name = "ik_llama.cpp"
    version_tool = "llama-batched-bench"
    about_flags = "-fa on, -rtr (weights repacked at load)"
    bench_flags = ["-fa", 1, "-rtr", 1]
    batch_flags = ["-fa", "on", "-rtr", "-b", 2048, "-ub", 512]
    server_flags = ["-fa", "on", "-rtr"]

    def install(self) -> None:
        home = self.settings.existing.get(self.name)
        if home is None:
            raise Unavailable("no package holds it; name a checkout or a build of it with --ik-llama FOLDER")
        if (home / "CMakeLists.txt").exists() and (home / "ggml").is_dir():
            self._programs = self._built(home)
        elif (home / "bin").is_dir():
            self._programs = home / "bin"
        super().install()

    def _built(self, source):
        folder = self.settings.folder / "ik_llama.cpp"
        if not (folder / "bin" / "llama-server").exists():
            log = self.settings.folder / "logs" / "ik_llama.cpp-build.log"
            build(["cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON",
                   "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF"], log)
            build(["cmake", "--build", folder, "--target", *self.tools], log, self.settings.build_prefix)
        return folder / "bin"
