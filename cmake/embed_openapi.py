#!/usr/bin/env python3
"""Joins docs/openapi/*.json into one OpenAPI document, makes a page of it, and writes both as C++ source.

Each file has "paths" and "components"; server.json has the rest too. A path or schema that two files have, or a
reference to nothing, is an error.

usage: embed_openapi.py VERSION TARGET.cpp FILE.json...
"""
import html
import json
import pathlib
import sys

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
details{border-top:1px solid #8884;padding:.3rem 0}summary{cursor:pointer}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{overflow:auto;max-height:30rem;background:#8881;padding:.5rem}.m{display:inline-block;min-width:4.5rem;font-weight:600}"""


def fail(message: str) -> None:
    sys.exit(f"docs/openapi: {message}")


def join(version: str, files: list[pathlib.Path]) -> dict:
    parts = {file.name: json.loads(file.read_text()) for file in files}
    document = parts.pop("server.json")
    document["info"]["version"] = version
    for name, part in parts.items():
        document["tags"] += part.get("tags", [])
        for path, item in part["paths"].items():
            known = document["paths"].setdefault(path, {})
            for method, operation in item.items():
                if method in known:
                    fail(f"{name}: {method} {path} is described twice")
                known[method] = operation
        for kind, entries in part.get("components", {}).items():
            known = document["components"].setdefault(kind, {})
            for key, value in entries.items():
                if key in known:
                    fail(f"{name}: {kind}/{key} is described twice")
                known[key] = value
    return document


def check_references(node: object, document: dict) -> None:
    if isinstance(node, list):
        for item in node:
            check_references(item, document)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            target = document
            for key in reference.removeprefix("#/").split("/"):
                if key not in target:
                    fail(f"{reference} is described nowhere")
                target = target[key]
        for item in node.values():
            check_references(item, document)


def operation_html(path: str, method: str, operation: dict) -> str:
    detail = {key: operation[key] for key in ("parameters", "requestBody", "responses") if key in operation}
    note = f"<p>{html.escape(operation['description'])}</p>" if "description" in operation else ""
    return (f'<details><summary><span class="m">{method.upper()}</span><code>{html.escape(path)}</code> '
            f"{html.escape(operation['summary'])}</summary>{note}<pre>{html.escape(json.dumps(detail, indent=1))}</pre></details>\n")


def page_of(document: dict) -> str:
    out = [f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
           f"<title>Trivet API</title><style>{STYLE}</style><h1>Trivet API</h1>"
           f"<p>{html.escape(document['info']['description'])}</p><p>The same for programs: "
           f"<a href='openapi.json'>openapi.json</a></p>\n"]
    for tag in document["tags"]:
        out.append(f"<h2>{html.escape(tag['name'])}</h2><p>{html.escape(tag.get('description', ''))}</p>\n")
        out += [operation_html(path, method, operation) for path, item in document["paths"].items()
                for method, operation in item.items() if operation["tags"][0] == tag["name"]]
    out.append("<h2>Schemas</h2>\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        out.append(f"<details><summary><code>{html.escape(name)}</code></summary>"
                   f"<pre>{html.escape(json.dumps(schema, indent=1))}</pre></details>\n")
    return "".join(out) + "</html>\n"


def cpp_literal(text: str) -> str:
    """In pieces: compilers bound the length of one literal."""
    pieces = []
    while text:
        piece, text = text[:8000], text[8000:]
        pieces.append('R"openapi(' + piece + ')openapi"')
    return "\n".join(pieces)


def main() -> int:
    version, target, files = sys.argv[1], pathlib.Path(sys.argv[2]), sorted(map(pathlib.Path, sys.argv[3:]))
    document = join(version, files)
    check_references(document, document)
    tags = {tag["name"] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if not set(operation["tags"]) <= tags:
                fail(f"{method} {path}: a tag is not in the list of tags")
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    target.write_text('#include "server/openapi.h"\n\nnamespace trivet {\n\n'
                      f"std::string_view openapi_document() {{\n  return\n{cpp_literal(text)};\n}}\n\n"
                      f"std::string_view openapi_page() {{\n  return\n{cpp_literal(page_of(document))};\n}}\n\n"
                      "}  // namespace trivet\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
