"""Pages of the reference as Markdown: one for each header, and their index."""

import posixpath
import re

# Spans of code as they were written, words that can be names, and what Markdown would take for a sign of its own.
TOKEN = re.compile(r"`[^`\n]*`|(?<![\w/\"])[A-Za-z_]\w*(?:\*|\(\))?(?![\w*]|\.h)|[<>|]|\*(?=[\s,.);:]|$)|\\|\[|\]")
LIST = re.compile(r"^ +- ", re.MULTILINE)
JSON_LINE = re.compile(r"^\s*[{\"]")


def anchor(heading):
    """As GitHub and others make them of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def heading_of(item, owner=None):
    if item.kind == "enum":
        first, last = item.members[0].name, item.members[-1].name
        return first if first == last else f"{first} to {last}"
    return f"{owner.name}.{item.name}" if owner else item.name


class Names:
    """Where each public name is explained: page and anchor."""

    def __init__(self, headers):
        self.places = {}
        for header in headers:
            for item in header.items:
                self._add(header, item.name, item)
                for member in item.members:
                    if item.kind == "enum":
                        self._add(header, member.name, item)
                    elif member.kind == "function":
                        self._add_member(header, member, item)

    def _add(self, header, name, item):
        if name:
            self.places[name] = (page_name(header), anchor(heading_of(item)))

    def _add_member(self, header, member, owner):
        for name in (member.name, f"{owner.name}.{member.name}"):
            self.places.setdefault((page_name(header), name), (page_name(header), anchor(heading_of(member, owner))))

    def link(self, name, page):
        """The name as code, with a link when it is one of ours."""
        bare = name.strip("`").rstrip("*").removesuffix("()")
        code = name if name.startswith("`") else f"`{name}`"
        place = self.places.get(bare) or self.places.get((page, bare))
        if not place:
            return code
        return f"[{code}]({'' if place[0] == page else place[0]}#{place[1]})"


def page_name(header):
    return header.path.with_suffix(".md").name


class Page:
    def __init__(self, header, names):
        self.header = header
        self.names = names
        self.name = page_name(header)
        self.lines = []

    def add(self, *lines):
        self.lines += [*lines, ""]

    def words(self, text):
        """A piece of a comment: names as code and with links, the rest so that Markdown leaves it alone."""
        def replace(match):
            token = match.group()
            if token.startswith("`"):
                return self.names.link(token, self.name)
            if not token[0].isalpha() and token[0] != "_":
                return {"<": "&lt;", ">": "&gt;"}.get(token, "\\" + token)
            known = token.rstrip("*").removesuffix("()") in self.names.places
            return self.names.link(token, self.name) if known or "_" in token else token
        return TOKEN.sub(replace, text)

    def text(self, comment):
        """A comment as paragraphs, lists and blocks."""
        for paragraph in re.split(r"\n\s*\n", comment):
            if LIST.search(paragraph):
                before, points = paragraph[:LIST.search(paragraph).start()], LIST.split(paragraph)[1:]
                if before.strip():
                    self.add(self.words(" ".join(before.split())))
                self.add(*(f"- {self.words(' '.join(point.split()))}" for point in points))
            else:
                self.paragraph(paragraph.split("\n"))

    def paragraph(self, lines):
        block = [line for line in lines if JSON_LINE.match(line)]
        if len(block) < 2:
            self.add(self.words(" ".join(" ".join(lines).split())))
            return
        first, last = lines.index(block[0]), lines.index(block[-1])
        self.add(self.words(" ".join(lines[:first])))
        self.add("```text", *lines[first:last + 1], "```")
        if lines[last + 1:]:
            self.add(self.words(" ".join(lines[last + 1:])))

    def code(self, source):
        column = re.compile(r"^\t")
        self.add("```c", *(column.sub("", line).expandtabs(8).rstrip() for line in source.split("\n")), "```")

    def table(self, head, rows):
        self.add(head, re.sub(r"[^|]+", "---", head), *rows)

    def cell(self, text):
        return self.words(" ".join(text.split())).replace("\n", " ")

    def _type_of(self, member):
        """`type name` of a field, also of one that shares its type with others; its type with a link."""
        declared = re.sub(r"\s+", " ", member.source)
        if declared.count(","):
            declared = re.match(r"(?:const )?\w+ ", declared).group() + declared.split(",")[-1].strip()
        match = re.match(r"((?:const |struct )*)(\w+)(.*?)(\w+)((?:\[\w+\])?)$", declared)
        const, base, stars, name, suffix = match.groups()
        spelled = f"{const}{base}{stars.rstrip()}{suffix}"
        linked = self.names.link(base, self.name)
        return f"`{name}`", linked.replace(f"`{base}`", f"`{spelled}`")

    def fields(self, item):
        fields = [member for member in item.members if member.kind == "field"]
        rows = []
        for member in fields:
            name, spelled = self._type_of(member)
            text = member.text or f"`sizeof({item.name})`"
            if "\n" in text:
                rows.append(f"| {name} | {spelled} | see below |")
            else:
                rows.append(f"| {name} | {spelled} | {self.cell(text)} |")
        if rows:
            self.table("| field | type | what it is |", rows)
        for member in fields:
            if "\n" in member.text:
                self.add(f"`{member.name}`:")
                self.text(member.text)

    def constants(self, item):
        rows = []
        for member in item.members:
            value = member.source.split("=")[-1].strip()
            rows.append(f"| `{member.name}` | {value} | {self.cell(member.text)} |")
        self.table("| constant | value | what it says |", rows)

    def functions(self, item):
        free = self.header.free_within(item)
        members = [member for member in item.members if member.kind == "function"]
        for part in sorted([*members, *free], key=lambda part: part.start):
            if part in free:
                self.text(part.text)
                continue
            self.add(f"#### {heading_of(part, item)}")
            self.code(part.source + ";")
            self.text(part.text)

    def item(self, item):
        self.add(f"### {heading_of(item)}")
        if item.kind in ("function", "type"):
            self.code(item.source)
        elif item.kind == "macro" and item.source != f"#define {item.name}":
            self.code(item.source)
        self.text(item.text)
        if item.kind == "enum":
            self.constants(item)
        elif item.kind == "struct":
            self.fields(item)
            self.functions(item)

    def contents(self, sections):
        lines = []
        for title, parts in sections:
            indent = ""
            if title:
                lines.append(f"- [{title}](#{anchor(title)})")
                indent = "  "
            for item in parts:
                if not hasattr(item, "kind"):
                    continue
                heading = heading_of(item)
                lines.append(f"{indent}- [`{heading}`](#{anchor(heading)})")
                lines += [f"{indent}  - [`{member.name}`](#{anchor(heading_of(member, item))})"
                          for member in item.members if member.kind == "function"]
        self.add(*lines)

    def write(self, title):
        sections = self.header.sections()
        self.add(f"# {title}")
        self.add("Generated from the comments of "
                 f"[{title}]({posixpath.join('../..', self.header.path.as_posix())}) by the build target `docs`. "
                 "Other headers: [the index](README.md).")
        self.text(self.header.opening)
        self.contents(sections)
        for section, parts in sections:
            if section:
                self.add(f"## {section}")
            for part in parts:
                self.item(part) if hasattr(part, "kind") else self.text(part.text)
        return "\n".join(self.lines).rstrip("\n") + "\n"


def index(headers, names):
    lines = ["# The SDK's headers", "",
             "What a plugin and its test can call, header by header, generated from their comments by the build target `docs`. "
             "The promises behind it are in [sdk/ABI.md](../../sdk/ABI.md); how to begin is in [docs/plugins.md](../plugins.md).",
             "", "| header | what it is |", "|---|---|"]
    for header in headers:
        page = Page(header, names)
        sentence = re.split(r"(?<=\.)\s", " ".join(header.opening.split("\n\n")[0].split()))[0]
        lines.append(f"| [{title_of(header)}]({page.name}) | {page.words(sentence)} |")
    lines += ["", "## Every function, type and constant", ""]
    found = sorted((name, place) for name, place in names.places.items() if isinstance(name, str))
    lines += [f"- [`{name}`]({page}#{place})" for name, (page, place) in found]
    return "\n".join(lines) + "\n"


def title_of(header):
    return "/".join(header.path.parts[-2:])
