"""Answers in a form that the client asks for: always complete, always valid.

TRIVET_STRUCTURED_SCHEMAS: how many random schemas (default 60); TRIVET_STRUCTURED_MODEL: a file of the test models.
"""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import sys

import jsonschema
import openai
import pytest

from conftest import SMOLLM, Server, model_path, run_trivet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structured"))
from judge import ask, problem_of  # noqa: E402
from schemas import make_schema, size_of  # noqa: E402

COUNT = int(os.environ.get("TRIVET_STRUCTURED_SCHEMAS", "60"))
MODEL = os.environ.get("TRIVET_STRUCTURED_MODEL", SMOLLM)


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def schema_server(server):
    if MODEL == SMOLLM:
        yield server
        return
    with Server("--memory", "3GiB", "--max-model-len", "2048", model=MODEL) as running:
        yield running


def check(text: str, schema: dict, what: str):
    problem = problem_of(text, schema)
    assert problem is None, f"{what}: {problem}"


def answer(url: str, seed: int) -> tuple[str, str | None]:
    """What became of one schema; every third answer has just the room for a small instance."""
    schema, instance = make_schema(seed)
    least = size_of(instance)
    jsonschema.Draft202012Validator(schema).validate(instance)
    budget = least + random.Random(seed).randrange(8) if seed % 3 == 0 else max(least, 24) + seed % 40
    kind, problem = ask(url, schema, seed, budget)
    return kind, problem and f"schema {seed}, {budget} tokens: {kind}: {problem}"


def test_every_random_schema_gets_a_valid_answer(schema_server):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda seed: answer(schema_server.url, seed), range(COUNT)))
    outcomes = {kind: sum(result[0] == kind for result in results) for kind in ("stop", "length", "refused", "failed", "wrong")}
    print(outcomes)
    problems = [problem for _, problem in results if problem]
    assert not problems, f"{outcomes}\n" + "\n".join(problems[:5])
    assert outcomes["stop"] > COUNT // 10 and outcomes["length"] > COUNT // 10, outcomes


def complete(client, **extra) -> str:
    reply = client.chat.completions.create(model=client.models.list().data[0].id, messages=[{"role": "user", "content": "Go."}],
                                           seed=5, extra_body=extra, max_tokens=40, temperature=1)
    return reply.choices[0].message.content


def test_forms_of_vllm_and_llama_cpp(client):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
    for extra in ({"guided_json": schema}, {"structured_outputs": {"json": json.dumps(schema)}}, {"json_schema": schema},
                  {"response_format": {"type": "json_object", "schema": schema}}):
        check(complete(client, **extra), schema, str(extra))
    for extra in ({"guided_regex": "[ab]{3}-[0-9]{2}"}, {"structured_outputs": {"regex": "[ab]{3}-[0-9]{2}"}}):
        assert re.fullmatch("[ab]{3}-[0-9]{2}", complete(client, **extra))
    choices = ["yes (sure)", "no.", "naïve"]
    for extra in ({"guided_choice": choices}, {"structured_outputs": {"choice": choices}}):
        assert complete(client, **extra) in choices
    assert re.fullmatch("(the (cat|dog) )+sat", complete(client, grammar='root ::= ("the " ("cat" | "dog") " ")+ "sat"'))
    assert re.fullmatch(r"\(*x\)*", complete(client, guided_grammar='start: "(" start ")" | "x"'))
    assert isinstance(json.loads(complete(client, structured_outputs={"json_object": True})), dict)
    assert isinstance(json.loads(complete(client, response_format={"type": "json_object"})), dict)


def test_structural_tags(client):
    item = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    tag = {"type": "structural_tag", "format": {"type": "sequence", "elements": [
        {"type": "const_string", "value": "<call>"}, {"type": "json_schema", "json_schema": item}, {"type": "const_string", "value": "</call>"}]}}
    text = complete(client, response_format=tag)
    check(re.fullmatch("<call>(.*)</call>", text, re.S).group(1), item, text)
    legacy = {"type": "structural_tag", "structures": [{"begin": "<f=one>", "schema": item, "end": "</f>"}], "triggers": ["<f="]}
    text = complete(client, response_format=legacy)
    for part in re.findall("<f=(.*?)</f>", text, re.S):
        check(part.removeprefix("one>"), item, text)


def test_streamed_equals_not_streamed_and_choices_differ(client):
    model = client.models.list().data[0].id
    options = dict(model=model, messages=[{"role": "user", "content": "A person, as JSON."}], temperature=1, seed=3, max_tokens=60, n=2,
                   response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": {
                       "type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}}})
    whole = [choice.message.content for choice in client.chat.completions.create(**options).choices]
    parts = ["", ""]
    for chunk in client.chat.completions.create(**options, stream=True):
        for choice in chunk.choices:
            parts[choice.index] += choice.delta.content or ""
    assert parts == whole and whole[0] != whole[1]
    assert all({"name", "age"} <= json.loads(text).keys() for text in whole)


@pytest.mark.parametrize("extra, word", [
    ({"guided_json": {"type": "array", "uniqueItems": True}}, "uniqueItems"),
    ({"guided_json": {"type": "object", "if": {}, "then": {}}}, "then"),
    ({"guided_json": {"not": {"type": "string"}}}, "not"),
    ({"guided_json": {"type": "strange"}}, "strange"),
    ({"guided_json": "{"}, "JSON"),
    ({"guided_regex": "(a"}, "guided_regex"),
    ({"guided_grammar": "start: missing"}, "missing"),
    ({"grammar": 'root ::= "a'}, "line 1"),
    ({"guided_choice": []}, "guided_choice"),
    ({"guided_regex": "a", "guided_choice": ["a"]}, "more than one"),
    ({"response_format": {"type": "xml"}}, "xml"),
    ({"response_format": {"type": "json_schema"}}, "schema"),
    ({"response_format": {"type": "structural_tag", "format": {"type": "odd"}}}, "odd"),
])
def test_what_is_wrong_with_a_form_is_said(client, extra, word):
    with pytest.raises(openai.BadRequestError) as refused:
        complete(client, **extra)
    assert word in refused.value.message


def test_the_cli_takes_schemas_and_grammars(tmp_path):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
    (tmp_path / "s.json").write_text(json.dumps(schema))
    (tmp_path / "g.gbnf").write_text('root ::= ("ha" | "ho")+ "!"')
    model = str(model_path())
    done = run_trivet("run", model, "Where?", "--json-schema", str(tmp_path / "s.json"), "--max-tokens", "30", "--temperature", "1")
    assert done.returncode == 0, done.stderr
    check(done.stdout, schema, "run --json-schema")
    done = run_trivet("run", model, "Laugh.", "--grammar", str(tmp_path / "g.gbnf"), "--max-tokens", "20")
    assert re.fullmatch("(ha|ho)+!", done.stdout.strip()), done.stderr
