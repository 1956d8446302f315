#!/usr/bin/env python3
"""Writes what Hugging Face's apply_chat_template makes of conversations, as goldens for src/text.

  chat_template_goldens.py [--gguf GGUF...]        templates of src/text/testdata/templates and those inside
                                                   the models -> src/text/testdata/chat_templates.json
  chat_template_goldens.py --templates DIR --out FILE   other templates, for TRIVET_TEST_TEMPLATES

Needs the packages transformers, jinja2 and gguf.
"""
import argparse
import datetime
import json
import pathlib

from transformers.utils import chat_template_utils

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
    values = {"add_generation_prompt": True, "continue_final_message": False, "tools": None, "extra": {}, **values}
    try:
        messages = chat_template_utils._normalize_chat_messages(values["messages"])
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], tools=values["tools"], chat_template=template,
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", nargs="*", type=pathlib.Path, default=[])
    parser.add_argument("--templates", type=pathlib.Path, default=ROOT / "src/text/testdata/templates")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "src/text/testdata/chat_templates.json")
    arguments = parser.parse_args()
    templates = [golden(path.stem, path.read_text()) for path in sorted(arguments.templates.glob("*.jinja"))]
    templates += [golden(path.stem, embedded(path)) for path in arguments.gguf]
    value = {"bos": "<BOS>", "eos": "<EOS>", "inputs": INPUTS, "templates": templates}
    arguments.out.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n")
    print(arguments.out, arguments.out.stat().st_size)


if __name__ == "__main__":
    main()
