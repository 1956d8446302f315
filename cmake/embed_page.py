#!/usr/bin/env python3
"""Builds the web page with npm and writes its files, compressed, as C++ source.

Without --npm, or if npm fails (no network), the source holds the plain page. Nothing is written into the
source folder.

usage: embed_page.py WEB_FOLDER BUILD_FOLDER [--npm NPM]
"""
import argparse
import gzip
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
         ".webmanifest": "application/manifest+json"}
DIGEST_IN_NAME = re.compile(r"-[A-Za-z0-9_-]{8}\.\w+$")


def build(web: pathlib.Path, folder: pathlib.Path, npm: str) -> pathlib.Path | None:
    """The folder of built files; None if npm failed."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    for entry in ("src", "public"):
        shutil.rmtree(work / entry, ignore_errors=True)
        shutil.copytree(web / entry, work / entry)
    for entry in ("index.html", "package.json", "package-lock.json", "vite.config.ts", ".npmrc"):
        shutil.copy(web / entry, work / entry)
    stamp = work / "node_modules" / ".lock.sha256"
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    commands = [[npm, "run", "--silent", "build"]]
    if not stamp.exists() or stamp.read_text() != lock:
        commands.insert(0, [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
    for command in commands:
        done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            print(f"warning: the web page was not built: '{' '.join(command)}' failed:\n{done.stdout[-2000:]}",
                  file=sys.stderr)
            return None
    stamp.write_text(lock)
    return work / "dist"


def cpp_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_source(files: dict[str, pathlib.Path], target: pathlib.Path) -> int:
    arrays, rows, total = [], [], 0
    for index, (path, file) in enumerate(sorted(files.items())):
        packed = gzip.compress(file.read_bytes(), 9, mtime=0)
        total += len(packed)
        etag = '"' + hashlib.sha256(packed).hexdigest()[:16] + '"'
        arrays.append(f"constexpr unsigned char kFile{index}[] = {{{','.join(map(str, packed))}}};\n")
        permanent = "true" if DIGEST_IN_NAME.search(path) else "false"
        rows.append(f"    {{{cpp_string(path)}, {cpp_string(TYPES[file.suffix])}, {cpp_string(etag)}, "
                    f"view(kFile{index}), {permanent}}},\n")
    source = ('#include "server/page_files.h"\n\nnamespace trivet {\nnamespace {\n\n' + "".join(arrays) +
              "\ntemplate <unsigned long N>\nstd::string_view view(const unsigned char (&bytes)[N]) {\n"
              "  return {reinterpret_cast<const char*>(bytes), N};\n}\n\n}  // namespace\n\n"
              "std::span<const PageFile> page_files() {\n  static const PageFile kFiles[] = {\n" +
              "".join(rows) + "  };\n  return kFiles;\n}\n\n}  // namespace trivet\n")
    if not target.exists() or target.read_text() != source:
        target.write_text(source)
    else:
        target.touch()
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("web", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--npm")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    built = build(options.web, options.folder, options.npm) if options.npm else None
    files = {"": options.web / "plain.html"}
    if built:
        files = {"" if file.name == "index.html" else file.relative_to(built / "ui").as_posix(): file
                 for file in built.rglob("*") if file.is_file()}
    total = write_source(files, options.folder / "page_files.cpp")
    print(f"web page: {len(files)} files, {total / 1000:.1f} kB compressed{'' if built else ' (plain page)'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
