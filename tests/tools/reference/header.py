"""What a header declares and what its comments say of it.

clang tells what is declared and where; the text of declarations and comments is taken from the file, so that it stays
as it was written. A comment belongs to what begins on the line after it, or to what ends on the line that it begins on.
"""

import json
import re
import subprocess
from dataclasses import dataclass, field

COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
SECTION = re.compile(r"^-{4} (.*?) -+$")
MACRO = re.compile(rb"^#define (\w+)(?:\([^)]*\))?[ \t]*([^\n]*?)[ \t]*(?=/\*|\n)", re.MULTILINE)
KINDS = {"FunctionDecl": "function", "TypedefDecl": "type"}


@dataclass
class Comment:
    start: int
    end: int
    text: str
    used: bool = False


@dataclass
class Item:
    """A function, type, struct (with fields), enum (with constants), macro, or a field or constant of these."""
    kind: str
    name: str
    start: int
    end: int
    line: int
    source: str
    text: str = ""
    members: list = field(default_factory=list)


def plain(comment):
    """The text between the signs of a comment, without the stars at the beginning of lines."""
    lines = comment[2:-2].decode("utf-8").split("\n")
    lines = [re.sub(r"^[ \t]*\* ?", "", line).rstrip() if number else line.strip() for number, line in enumerate(lines)]
    return "\n".join(lines).strip("\n").rstrip()


def offset(place, last=False):
    """Where a place of clang's is in the file: for what a macro made, where the macro stands."""
    place = place.get("expansionLoc", place)
    return place["offset"] + (place.get("tokLen", 0) if last else 0)


def bounds(node):
    return offset(node["range"]["begin"]), offset(node["range"]["end"], last=True)


class Header:
    def __init__(self, path, include_folders):
        self.path = path
        self.data = path.read_bytes()
        self.comments = [Comment(match.start(), match.end(), plain(match.group()))
                         for match in COMMENT.finditer(self.data)]
        self.items = [*self._macros(), *self._declared(include_folders)]
        self.items.sort(key=lambda item: item.start)
        self.opening = re.sub(r"^SPDX-[^\n]*\n\s*", "", self.comments[0].text)
        self.comments[0].used = True

    def line(self, position):
        return self.data.count(b"\n", 0, position) + 1

    def free_within(self, item):
        """The comments inside a struct that belong to none of its fields."""
        return [comment for comment in self.comments if not comment.used and item.start < comment.start < item.end]

    def sections(self):
        """(title, free texts and items in their order) for each section; the first has no title."""
        found = [("", [])]
        free = [comment for comment in self.comments if not comment.used
                and not any(item.start < comment.start < item.end for item in self.items)]
        for part in sorted([*self.items, *free], key=lambda part: part.start):
            title = SECTION.match(part.text) if isinstance(part, Comment) else None
            if title:
                found.append((title.group(1), []))
            else:
                found[-1][1].append(part)
        return [section for section in found if section[1]]

    def _comment_of(self, start, end):
        for comment in self.comments:
            before = self.data[comment.end:start] if comment.end <= start else None
            after = self.data[end:comment.start] if comment.start >= end else None
            if before is not None and re.fullmatch(rb"\n[ \t]*", before):
                alone = not self.data[self.data.rfind(b"\n", 0, comment.start) + 1:comment.start].strip()
            else:
                alone = after is not None and b"\n" not in after and self._ends(after)
            if alone and not SECTION.match(comment.text):
                comment.used = True
                return comment.text
        return ""

    @staticmethod
    def _ends(between):
        """Only what ends a declaration, or its value, or further names of it, stands before the comment."""
        return re.fullmatch(rb"[^/;]*;?[ \t]*|[^/,;]*,?[ \t]*", between) is not None

    def _item(self, kind, name, start, end):
        source = self.data[start:end].decode("utf-8")
        return Item(kind, name, start, end, self.line(start), source, self._comment_of(start, end))

    def _macros(self):
        names = set()
        for match in MACRO.finditer(self.data):
            name, value = match.group(1).decode(), match.group(2)
            if name.endswith("_H") and not value or name in names:
                continue
            names.add(name)
            yield self._item("macro", name, match.start(), match.end())

    def _declared(self, include_folders):
        command = ["clang", "-x", "c", "-std=c17", "-fsyntax-only", "-Xclang", "-ast-dump=json",
                   *(f"-I{folder}" for folder in include_folders), str(self.path)]
        done = subprocess.run(command, check=True, capture_output=True)
        nodes = [node for node in json.loads(done.stdout)["inner"] if self._is_mine(node)]
        records = {node["id"]: node for node in nodes if node["kind"] == "RecordDecl"}
        for node in nodes:
            item = self._declaration(node, records)
            if item:
                yield item

    @staticmethod
    def _is_mine(node):
        place = node.get("loc", {})
        place = place.get("expansionLoc", place)
        return "offset" in place and "includedFrom" not in place

    def _declaration(self, node, records):
        if node["kind"] == "EnumDecl":
            return self._enum(node)
        if node["kind"] not in KINDS:
            return None
        start, end = bounds(node)
        for inner in node.get("inner", []):
            if inner["kind"] == "CompoundStmt":
                end = offset(inner["range"]["begin"])
        record = next((records[inner["ownedTagDecl"]["id"]] for inner in node.get("inner", [])
                       if inner.get("ownedTagDecl", {}).get("id") in records), None)
        item = self._item(KINDS[node["kind"]], node["name"], start, end)
        item.source = re.sub(r"^TAPPET_EXPORT ", "", item.source.strip()) + ";"
        if record and record.get("completeDefinition"):
            item.kind = "struct"
            item.members = [self._member(inner) for inner in record["inner"] if inner["kind"] == "FieldDecl"]
        return item

    def _member(self, node):
        start, end = bounds(node)
        function = "(*" in node["type"]["qualType"]
        return self._item("function" if function else "field", node["name"], start, end)

    def _enum(self, node):
        start, end = bounds(node)
        constants = [inner for inner in node["inner"] if inner["kind"] == "EnumConstantDecl"]
        members = [self._item("constant", inner["name"], *bounds(inner)) for inner in constants]
        item = self._item("enum", "", start, end)
        item.members = members
        return item
