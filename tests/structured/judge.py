"""Asks a server for answers to schemas and has an independent validator judge them."""
import json
import re

import httpx
import jsonschema
import referencing


def problem_of(text: str, schema: dict) -> str | None:
    """What is wrong with an answer, if anything."""
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"not JSON ({error}): {text!r}"
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    problems = [e.message for e in kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(value)]
    if not problems:
        return None
    return f"{problems[:2]}: {text!r}\n    {json.dumps(schema, ensure_ascii=False)}"


def ask(url: str, schema: dict, seed: int, budget: int) -> tuple[str, str | None]:
    """("stop" | "length" | "refused" | "failed" | "wrong" | "unjudged", what the matter is)."""
    body = {"messages": [{"role": "user", "content": "Answer with JSON."}], "temperature": 1, "seed": seed, "max_tokens": budget,
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}
    reply = httpx.post(url + "/v1/chat/completions", json=body, timeout=600)
    if reply.status_code != 200:
        return ("refused" if reply.status_code == 400 else "failed"), reply.json()["error"]["message"]
    choice = reply.json()["choices"][0]
    try:
        problem = problem_of(choice["message"]["content"], schema)
    except (re.error, referencing.exceptions.Unresolvable) as error:  # patterns and references that the validator cannot use
        return "unjudged", str(error)
    return (choice["finish_reason"], None) if problem is None else ("wrong", problem)
