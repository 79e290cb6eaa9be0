"""docs/asyncapi.yaml: read, checked as a document, and asked about messages of either direction."""

import json

import jsonschema
import yaml
from action import Client
from daemon import ROOT
from openapi import Document as OpenDocument

CHANNEL = "/action"
# What a client says is "publish" in AsyncAPI 2, what it hears "subscribe".
SAID, HEARD = "publish", "subscribe"


class Document:
    def __init__(self, path=ROOT / "docs" / "asyncapi.yaml"):
        self.root = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.resolver = jsonschema.RefResolver("", self.root)
        self.messages = {direction: {message["name"]: message for message in map(self.resolve, self._listed(direction))}
                         for direction in (SAID, HEARD)}

    resolve = OpenDocument.resolve
    _check_references = OpenDocument._check_references

    def _listed(self, direction):
        return self.root["channels"][CHANNEL][direction]["message"]["oneOf"]

    def check(self):
        """References resolve, schemas are schemas, every message is used and has examples that are what they show."""
        assert self.root["asyncapi"] == "2.6.0"
        self._check_references(self.root)
        used = {name for direction in self.messages.values() for name in direction}
        assert used == set(self.root["components"]["messages"])
        for schema in self.root["components"]["schemas"].values():
            jsonschema.Draft7Validator.check_schema(schema)
        for direction, messages in self.messages.items():
            for name, message in messages.items():
                jsonschema.Draft7Validator.check_schema(message["payload"])
                assert message["summary"] and message["examples"], name
                for example in message["examples"]:
                    assert self.check_message(direction, example["payload"]) == name

    def is_valid(self, direction, message):
        schema = self.messages[direction].get(message.get("type"))
        return schema is not None and jsonschema.Draft7Validator(schema["payload"], resolver=self.resolver).is_valid(message)

    def check_message(self, direction, message):
        """It is as the document says; gives its name."""
        name = message.get("type")
        assert name in self.messages[direction], f"{direction}: {message} is not documented"
        jsonschema.Draft7Validator(self.messages[direction][name]["payload"], resolver=self.resolver).validate(message)
        return name


class Witness(Client):
    """A client that keeps what was heard, and lets nothing pass that is not documented."""

    def __init__(self, document, seen, *arguments, **keywords):
        self.document, self.seen = document, seen
        super().__init__(*arguments, **keywords)

    def _take(self, *arguments):
        message = super()._take(*arguments)
        self.seen.append(message)
        self.document.check_message(HEARD, message)
        return message

    def say(self, **message):
        json.dumps(message)
        self.document.check_message(SAID, message)
        super().say(**message)
