#!/usr/bin/env python3
"""Writes what Hugging Face's apply_chat_template makes of conversations, as goldens for src/text.

  chat_template_goldens.py [--gguf GGUF...]        templates of src/text/testdata/templates and those inside
                                                   the models -> src/text/testdata/chat_templates.json
  chat_template_goldens.py --expressions   the small templates of template_expressions.py
                                           -> src/text/testdata/template_expressions.json
  chat_template_goldens.py --package       the templates that tools/fetch_test_templates gets, over the
                                           conversations of chat_conversations.py
                                           -> src/text/testdata/packaged_templates.json

Needs the packages transformers, jinja2 and gguf.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import subprocess

from transformers.utils import chat_template_utils

from chat_conversations import CONVERSATIONS
from template_expressions import EXPRESSIONS, STATEMENTS, VARIABLES

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOW = datetime.datetime(2024, 7, 6, 15, 4, 9)


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FixedTime

TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Current weather <b>", "parameters": {
        "type": "object", "properties": {
            "city": {"type": "string", "description": "Name, e.g. \"Köln\""},
            "days": {"type": "integer"},
            "unit": {"type": ["string", "null"], "enum": ["C", "F"], "description": "Unit"}},
        "required": ["city"]}}}]

CALL = {"id": "abcd12345", "type": "function",
        "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": 2, "x": 1.5}}}

USER = {"role": "user", "content": "Hi, \"there\"! <ä> 你好"}
SYSTEM = {"role": "system", "content": "  Be brief. "}
ANSWER = {"role": "assistant", "content": "Hello\nyou "}

INPUTS = {
    "user": {"messages": [USER]},
    "turns": {"messages": [SYSTEM, USER, ANSWER, {"role": "user", "content": "More"}]},
    "no_prompt": {"messages": [USER, ANSWER], "add_generation_prompt": False},
    "tools": {"messages": [SYSTEM, USER], "tools": TOOLS},
    "tool_result": {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                                 {"role": "tool", "name": "get_weather", "tool_call_id": "abcd12345",
                                  "content": "{\"t\": 21}"},
                                 {"role": "assistant", "content": "21 degrees"},
                                 {"role": "user", "content": "Thanks"}], "tools": TOOLS},
    "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": " a "}, {"type": "image"},
                                                        {"type": "text", "text": "b"}]}]},
    "reasoning": {"messages": [USER, {"role": "assistant", "content": "x", "reasoning": "because\n"}]},
    "think_text": {"messages": [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nx"},
                                {"role": "user", "content": "y"}], "extra": {"enable_thinking": False}},
    "wrong_order": {"messages": [ANSWER, USER]},
    "continue": {"messages": [USER, {"role": "assistant", "content": "The answer is "}],
                 "add_generation_prompt": False, "continue_final_message": True},
    "continue_trimmed": {"messages": [USER, {"role": "assistant", "content": "  The answer "}],
                         "add_generation_prompt": False, "continue_final_message": True},
}


def render(template, values):
    values = {"add_generation_prompt": True, "continue_final_message": False, "tools": None, "documents": None,
              "extra": {}, **values}
    try:
        messages = chat_template_utils._normalize_chat_messages(values["messages"])
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], tools=values["tools"], documents=values["documents"],
            chat_template=template,
            continue_final_message=values["continue_final_message"],
            add_generation_prompt=values["add_generation_prompt"], bos_token="<BOS>", eos_token="<EOS>",
            **values["extra"])
        return {"text": rendered[0]}
    except Exception as error:  # whatever a template does wrong
        return {"error": str(error), "raised": type(error).__name__ == "TemplateError"}


def golden(name, template):
    return {"name": name, "template": template,
            "results": {key: render(template, values) for key, values in INPUTS.items()}}


def embedded(path):
    import gguf

    return gguf.GGUFReader(str(path)).fields["tokenizer.chat_template"].contents()


def digest(text):
    """Enough of a checksum to tell texts apart that nobody made to collide."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fingerprint(result):
    if "text" in result:
        return {"digest": digest(result["text"]), "bytes": len(result["text"].encode())}
    return {"raised": result["error"]} if result["raised"] else {"error": result["error"][:60]}


def packaged():
    subprocess.run([str(ROOT / "tools/fetch_test_templates")], check=True)
    templates = {}
    for path in sorted((ROOT / "build/test-templates").glob("*.jinja")):
        source = path.read_bytes().decode()
        results = {name: render(source, values) for name, values in CONVERSATIONS.items()}
        if any("text" in result for result in results.values()):
            templates[path.name] = {"digest": digest(source), "results": {
                name: fingerprint(result) for name, result in results.items()}}
    out = ROOT / "src/text/testdata/packaged_templates.json"
    # One template a line, so that a change shows where it is.
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
                       for name, value in templates.items())
    conversations = json.dumps(CONVERSATIONS, separators=(",", ":"))
    out.write_text(f'{{"conversations": {conversations},\n"templates": {{\n{lines}}}}}\n')
    print(out, out.stat().st_size, len(templates))


def expressions():
    messages = [SYSTEM, USER]
    cases = []
    for template in [f"{{{{ {expression} }}}}" for expression in EXPRESSIONS] + STATEMENTS:
        result = render(template, {"messages": messages, "extra": VARIABLES})
        cases.append({"template": template, **({"text": result["text"]} if "text" in result else {})})
    out = ROOT / "src/text/testdata/template_expressions.json"
    lines = ",\n".join(json.dumps(case) for case in cases)
    out.write_text(f'{{"messages": {json.dumps(messages)}, "extra": {json.dumps(VARIABLES)},\n"cases": [\n{lines}]}}\n')
    print(out, out.stat().st_size, len(cases))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", nargs="*", type=pathlib.Path, default=[])
    parser.add_argument("--expressions", action="store_true")
    parser.add_argument("--package", action="store_true")
    arguments = parser.parse_args()
    if arguments.expressions or arguments.package:
        expressions() if arguments.expressions else packaged()
        return
    folder, out = ROOT / "src/text/testdata/templates", ROOT / "src/text/testdata/chat_templates.json"
    templates = [golden(path.stem, path.read_text()) for path in sorted(folder.glob("*.jinja"))]
    templates += [golden(path.stem, embedded(path)) for path in arguments.gguf]
    value = {"bos": "<BOS>", "eos": "<EOS>", "inputs": INPUTS, "templates": templates}
    out.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n")
    print(out, out.stat().st_size)


if __name__ == "__main__":
    main()
