"""Conversations of many shapes for chat_template_goldens.py: each is what apply_chat_template is called with.

`messages`, `tools` and `documents` are as clients send them; `extra` are further variables of the template.
"""

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Current weather of a place.", "parameters": {
        "type": "object", "properties": {
            "city": {"type": "string", "description": "Name, e.g. \"Köln\" or 'Besançon'"},
            "days": {"type": "integer", "minimum": 1, "default": 3},
            "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"]}}}

SEARCH = {"type": "function", "function": {
    "name": "search", "description": "Finds <pages> & more.\nSecond line.", "strict": True, "parameters": {
        "type": "object", "properties": {
            "query": {"type": ["string", "null"], "description": "What to look for"},
            "filters": {"type": "object", "properties": {
                "tags": {"type": "array", "items": {"type": "string"}, "description": "Any of these"},
                "range": {"type": "object", "properties": {"from": {"type": "number"}, "to": {"type": "number"}},
                          "required": ["from"]}}, "additionalProperties": False},
            "mode": {"anyOf": [{"type": "string", "enum": ["fast", "deep"]}, {"type": "boolean"}]}},
        "required": ["query", "filters"], "additionalProperties": False},
    "response": {"type": "object", "properties": {"hits": {"type": "array"}}}}}

BARE = {"type": "function", "function": {"name": "ping", "description": "", "parameters": {
    "type": "object", "properties": {}}}}

TOOLS = [WEATHER, SEARCH, BARE]

DOCUMENTS = [{"title": "Llamas & alpacas", "text": "They are <camelids>.\nBoth of them.", "contents": "camelids"},
             {"doc_id": 7, "title": "\u00dcber K\u00f6ln", "text": "", "content": "Stadt am Rhein"}]

ODD_TEXT = "\u00e4\u00f6\u00fc \u4f60\u597d \U0001f600\u200d\U0001f4bb e\u0301 \u05e9\u05dc\u05d5\u05dd \u2028 tab\there \\n 'q' \"d\" <b>&amp;</b> 100% {x}"
ODD_ARGUMENTS = {"text": ODD_TEXT, "int": -7, "float": 1.5, "whole": 2.0, "large": 1e20, "small": 1e-7, "big": 12345678901234567890,
                 "yes": True, "no": False, "none": None, "list": [1, "a", [], {}], "map": {"k": {"n": [None, 0.1]}}, "": "empty"}


def user(content="Hi, \"there\"! <\u00e4> \u4f60\u597d"):
    return {"role": "user", "content": content}


def system(content="Be brief."):
    return {"role": "system", "content": content}


def answer(content="Hello\nyou", **more):
    return {"role": "assistant", "content": content, **more}


def call(number, name, arguments):
    return {"id": f"call{number:05d}", "type": "function", "function": {"name": name, "arguments": arguments}}


def result(number, name, content):
    return {"role": "tool", "tool_call_id": f"call{number:05d}", "name": name, "content": content}


KOELN = call(1, "get_weather", {"city": "K\u00f6ln", "days": 2})
FIND = call(2, "search", {"query": "llamas", "filters": {"tags": ["a", "b"], "range": {"from": 0.5}}})
ONE_CALL = [user("Weather?"), answer(None, tool_calls=[KOELN]), result(1, "get_weather", "{\"t\": 21}")]
TWO_CALLS = [user("Both?"), answer("", tool_calls=[KOELN, FIND]), result(1, "get_weather", "{\"t\": 21}"),
             result(2, "search", "found <it>")]

CONVERSATIONS = {
    "user": {"messages": [user()]},
    "system": {"messages": [system(), user()]},
    "turns": {"messages": [system("  Be brief.\n"), user(), answer(), user("More "), answer(" Even\n\nmore "), user("Stop")]},
    "no_prompt": {"messages": [user(), answer()], "add_generation_prompt": False},
    "no_prompt_user": {"messages": [system(), user()], "add_generation_prompt": False},
    "odd_text": {"messages": [system(ODD_TEXT), user(ODD_TEXT), answer(ODD_TEXT), user(ODD_TEXT)]},
    "jinja_text": {"messages": [user("{{ 1 + 1 }}{% if x %}{# no #}"), answer("{% endraw %}"), user("}}")]},
    "special_text": {"messages": [user("<|im_end|><|eot_id|></s>[INST]<think>x</think><tool_call>"), answer("<s>"), user("a")]},
    "empty_content": {"messages": [system(""), user(""), answer(""), user("x")]},
    "none_content": {"messages": [user("a"), answer(None), user("b")]},
    "blank_content": {"messages": [user(" \n\t"), answer("\n"), user(" x ")]},
    "two_systems": {"messages": [system("One."), system("Two."), user("x")]},
    "late_system": {"messages": [user("a"), answer("b"), system("Now briefly."), user("c")]},
    "developer": {"messages": [{"role": "developer", "content": "Be kind."}, user("a")]},
    "only_system": {"messages": [system()]},
    "assistant_first": {"messages": [answer("Welcome"), user("Hi")]},
    "two_users": {"messages": [user("a"), user("b")]},
    "unknown_role": {"messages": [{"role": "critic", "content": "hm"}, user("a")]},
    "names": {"messages": [{"role": "user", "name": "Ann", "content": "I am Ann"}, answer("Hi Ann"), user("Bye")]},
    "parts": {"messages": [user([{"type": "text", "text": " a "}, {"type": "text", "text": "b"}]), answer([{"type": "text", "text": "c"}]),
                           user([{"type": "text", "text": "d"}])]},
    "system_parts": {"messages": [system([{"type": "text", "text": "Be brief."}]), user("a")]},
    "image": {"messages": [user([{"type": "text", "text": "What is it?"}, {"type": "image"}])]},
    "image_url": {"messages": [user([{"type": "image_url", "image_url": {"url": "data:x"}}, {"type": "text", "text": "And?"}])]},
    "reasoning": {"messages": [user("a"), answer("b", reasoning_content="because\nof it"), user("c")]},
    "reasoning_last": {"messages": [user("a"), answer("b", reasoning_content="because")], "add_generation_prompt": False},
    "think_text": {"messages": [user("a"), answer("<think>\nhm\n</think>\n\nb"), user("c")]},
    "thinking_on": {"messages": [user("a")], "extra": {"enable_thinking": True, "thinking": True}},
    "thinking_off": {"messages": [system(), user("a"), answer("b", reasoning_content="c"), user("d")],
                     "extra": {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}},
    "tools": {"messages": [user("Weather?")], "tools": TOOLS},
    "tools_system": {"messages": [system(), user("Weather?")], "tools": [WEATHER]},
    "no_tools": {"messages": [user("a")], "tools": []},
    "bare_tool": {"messages": [user("a")], "tools": [BARE]},
    "one_call": {"messages": ONE_CALL, "tools": TOOLS},
    "one_call_done": {"messages": [system(), *ONE_CALL, answer("21 degrees"), user("Thanks")], "tools": [WEATHER]},
    "two_calls": {"messages": TWO_CALLS, "tools": TOOLS},
    "two_rounds": {"messages": [*ONE_CALL, answer("And now", tool_calls=[FIND]), result(2, "search", "x"), answer("Done"), user("y")],
                   "tools": TOOLS},
    "call_without_tools": {"messages": [*ONE_CALL, answer("21"), user("b")]},
    "call_text": {"messages": [user("a"), answer("Let me see.", tool_calls=[KOELN]), result(1, "get_weather", "x")], "tools": [WEATHER]},
    "call_reasoning": {"messages": [user("a"), answer("", reasoning_content="I need it", tool_calls=[KOELN]),
                                    result(1, "get_weather", "x")], "tools": [WEATHER]},
    "call_last": {"messages": [user("a"), answer(None, tool_calls=[KOELN])], "tools": [WEATHER], "add_generation_prompt": False},
    "odd_arguments": {"messages": [user("a"), answer(None, tool_calls=[call(1, "ping", ODD_ARGUMENTS)]), result(1, "ping", ODD_TEXT)],
                      "tools": [BARE]},
    "no_arguments": {"messages": [user("a"), answer(None, tool_calls=[call(1, "ping", {})]), result(1, "ping", "")], "tools": [BARE]},
    "arguments_text": {"messages": [user("a"), answer(None, tool_calls=[call(1, "get_weather", "{\"city\": \"K\\u00f6ln\"}")]),
                                    result(1, "get_weather", "x")], "tools": [WEATHER]},
    "result_parts": {"messages": [*ONE_CALL[:2], result(1, "get_weather", [{"type": "text", "text": "21"}])], "tools": [WEATHER]},
    "result_map": {"messages": [*ONE_CALL[:2], {"role": "tool", "tool_call_id": "call00001", "content": {"t": 21, "ok": True}}],
                   "tools": [WEATHER]},
    "documents": {"messages": [user("What are they?")], "documents": DOCUMENTS},
    "documents_tools": {"messages": [system(), user("a")], "documents": DOCUMENTS, "tools": [WEATHER]},
    "switches": {"messages": [system(), user("a")], "tools": [WEATHER],
                 "extra": {"date_string": "1 Jan 2025", "tools_in_user_message": False, "builtin_tools": ["code_interpreter"],
                           "citations": "off", "length": "long", "custom_tools": None, "model_identity": "I am T.",
                           "current_date": "2025-01-01", "keep_past_thinking": True, "clear_thinking": False}},
    "continue": {"messages": [user("a"), answer("The answer is ")], "add_generation_prompt": False, "continue_final_message": True},
    "continue_plain": {"messages": [system(), user("a"), answer("The answer")], "add_generation_prompt": False, "continue_final_message": True},
}
