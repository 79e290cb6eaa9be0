"""docs/openapi.yaml: read, checked as a document, and asked about answers."""

import json
import re

import jsonschema
import yaml
from daemon import ROOT

METHODS = ("get", "put", "post", "delete", "patch", "options")


class Document:
    def __init__(self, path=ROOT / "docs" / "openapi.yaml"):
        self.root = yaml.safe_load(path.read_text(encoding="utf-8"))
        # Those of the daemon itself, and those that a plugin adds.
        self.operations, self.of_plugins = {}, {}
        for pattern, item in self.root["paths"].items():
            for method in METHODS:
                if method in item:
                    (self.of_plugins if "x-plugin" in item else self.operations)[method.upper(), pattern] = item[method]
        self.patterns = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", pattern) + "$"), pattern)
                         for pattern in sorted(self.root["paths"], key=lambda path: path.count("{"))]

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.root
            kind, *keys = node["$ref"].split("/")
            assert kind == "#", node["$ref"]
            for key in keys:
                target = target[key]
            node = target
        return node

    def check(self):
        """References resolve, schemas are schemas, paths name their parameters."""
        assert self.root["openapi"].startswith("3.1.")
        self._check_references(self.root)
        for name, schema in self.root["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            assert isinstance(schema, dict), name
        for (_, pattern), operation in [*self.operations.items(), *self.of_plugins.items()]:
            there = [self.resolve(one) for one in
                     self.root["paths"][pattern].get("parameters", []) + operation.get("parameters", [])]
            assert {one["name"] for one in there if one["in"] == "path"} == set(re.findall(r"\{([^}]+)\}", pattern))
            assert operation["summary"] and operation["responses"], pattern
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[2-5]\d\d", status) and self.resolve(response)["description"], (pattern, status)

    def _check_references(self, node):
        if isinstance(node, dict):
            self.resolve(node)
            node = node.values()
        if not isinstance(node, str) and hasattr(node, "__iter__"):
            for child in node:
                self._check_references(child)

    def pattern_of(self, path):
        path = path.partition("?")[0]
        return next((pattern for regex, pattern in self.patterns if regex.match(path)), None)

    def documented(self, operations=None):
        return {(method, pattern, int(status)) for (method, pattern), operation in (operations or self.operations).items()
                for status in operation["responses"]}

    def response(self, method, pattern, status):
        operation = self.operations.get((method, pattern)) or self.of_plugins.get((method, pattern))
        assert operation, f"{method} {pattern} is not documented"
        assert str(status) in operation["responses"], f"{method} {pattern} {status} is not documented"
        return self.resolve(operation["responses"][str(status)])

    def validate(self, schema, value):
        resolver = jsonschema.RefResolver("", self.root)
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)

    def check_answer(self, method, path, answer):
        """An answer is as the document says; gives (method, pattern, status)."""
        pattern = self.pattern_of(path)
        response = self.response(method, pattern, answer.status)
        content = response.get("content", {})
        kind = (answer.headers["Content-Type"] or "").partition(";")[0]
        if not content:
            assert answer.body == b"" and not kind, (path, answer.body)
        else:
            assert kind in content, f"{method} {path} {answer.status} is {kind}"
            for value in bodies(kind, answer.body):
                self.validate(content[kind]["schema"], value)
        return method, pattern, answer.status


def bodies(kind, body):
    text = body.decode()
    if kind == "application/json" or kind.endswith("+json"):
        return [json.loads(text)]
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in text.splitlines() if line]
    if kind == "text/event-stream":
        return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    return [text]
