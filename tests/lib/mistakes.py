"""The tables of broken files in tests/unit/config/mistakes: what stands in them, and what `tappet check` says."""

import json
import re
import subprocess
from pathlib import Path

from daemon import BUILD, ROOT

TABLES = ROOT / "tests" / "unit" / "config" / "mistakes"
CASE = re.compile(r"^### (?P<name>.*?)(?P<schema> \[schema\])?\n(?P<text>.*?)\n---\n(?P<expected>.*?)(?=^### |\Z)",
                  re.MULTILINE | re.DOTALL)


class Case:
    def __init__(self, match):
        self.name = match["name"]
        self.schema = bool(match["schema"])
        self.text = match["text"]
        self.expected = match["expected"].split("\n")
        while self.expected and not self.expected[-1]:
            self.expected.pop()


def cases(table):
    return [Case(match) for match in CASE.finditer((TABLES / f"{table}.txt").read_text(encoding="utf-8"))]


def check(folder):
    """The mistakes that `tappet check` tells of a folder as {path: ["LINE:COLUMN: message"]}, and its exit code."""
    done = subprocess.run([BUILD / "tappet", "check", "--json"], cwd=folder, text=True, capture_output=True,
                          check=False, timeout=60)
    found = {}
    for item in json.loads(done.stdout)["mistakes"]:
        line = f"{item['line']}:{item['column']}: {item['message']}"
        found.setdefault(str(Path(item["file"]).name), []).append(line)
    return found, done.returncode


def check_workflows(folder, items):
    """All cases at once, each a file of its own: a list of lists of mistakes, and the exit code."""
    (folder / "workflows").mkdir()
    (folder / "tappet.json").write_text("{}", encoding="utf-8")
    for number, case in enumerate(items):
        (folder / "workflows" / f"case-{number}.json").write_text(case.text, encoding="utf-8")
    found, code = check(folder)
    return [found.get(f"case-{number}.json", []) for number in range(len(items))], code


def check_config(folder, case):
    folder.mkdir()
    (folder / "workflows").mkdir()
    (folder / "tappet.json").write_text(case.text, encoding="utf-8")
    found, code = check(folder)
    return found.get("tappet.json", []), code
