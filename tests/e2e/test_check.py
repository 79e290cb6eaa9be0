"""`tappet check` against the tables of broken files, and the JSON Schemas against the same, the examples and the docs."""

import json
import re
import subprocess

import jsonschema
import pytest
from daemon import BUILD, ROOT
from mistakes import cases, check, check_config, check_workflows

WORKFLOWS = cases("workflow")
CONFIGS = cases("config")
COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
BLOCK = re.compile(r"^```jsonc?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def names(items):
    return [case.name for case in items]


def parse(text):
    return json.loads(COMMENT.sub(lambda match: match.group(1) or "", text))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    lists, code = check_workflows(tmp_path_factory.mktemp("check"), WORKFLOWS)
    assert code == 1
    return dict(zip(names(WORKFLOWS), lists))


@pytest.fixture(scope="module")
def schemas():
    made = {}
    for name in ("workflow", "config"):
        done = subprocess.run([BUILD / "tappet", "schema", name], text=True, capture_output=True, check=True, timeout=60)
        schema = json.loads(done.stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        made[name] = jsonschema.Draft202012Validator(schema)
    return made


def test_the_tables_have_cases_and_no_name_twice():
    assert len(WORKFLOWS) + len(CONFIGS) >= 100
    for items in (WORKFLOWS, CONFIGS):
        assert len(set(names(items))) == len(items)


@pytest.mark.parametrize("case", WORKFLOWS, ids=names(WORKFLOWS))
def test_mistakes_of_a_workflow_have_their_place_and_words(case, found):
    assert case.expected
    assert found[case.name] == case.expected


@pytest.mark.parametrize("case", CONFIGS, ids=names(CONFIGS))
def test_mistakes_of_the_configuration_have_their_place_and_words(case, tmp_path):
    mistakes, code = check_config(tmp_path / "c", case)
    assert case.expected
    assert mistakes == case.expected
    assert code == 1


@pytest.mark.parametrize("table,items", [("workflow", WORKFLOWS), ("config", CONFIGS)])
def test_the_schema_refuses_what_is_marked_and_nothing_else(table, items, schemas):
    wrong = []
    for case in items:
        try:
            value = parse(case.text)
        except ValueError:
            continue
        if schemas[table].is_valid(value) == case.schema:
            wrong.append(case.name)
    assert wrong == []


def test_examples_and_docs_fit_the_schemas(schemas):
    files = [(path, "workflow") for path in (ROOT / "examples" / "workflows").glob("*.json")]
    files += [(ROOT / "examples" / "tappet.json", "config")]
    assert len(files) > 3
    for path, name in files:
        schemas[name].validate(parse(path.read_text(encoding="utf-8")))
    blocks = 0
    for path in (ROOT / "docs").glob("*.md"):
        for block in BLOCK.findall(path.read_text(encoding="utf-8")):
            if '"steps"' in block:
                schemas["workflow"].validate(parse(block))
                blocks += 1
    assert blocks > 0


def test_what_is_well_is_said_so(tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "tappet.json").write_text("{}", encoding="utf-8")
    (tmp_path / "workflows" / "a.json").write_text('{"steps": [{"id": "a", "run": ["true"]}]}', encoding="utf-8")
    assert check(tmp_path) == ({}, 0)


def test_an_unknown_schema_is_a_mistake_of_the_command_line():
    done = subprocess.run([BUILD / "tappet", "schema", "store"], text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "expected workflow or config" in done.stderr
