"""Checks what the Markdown files say against what is there: docs_check.py PATH/TO/tappet

Relative links lead somewhere; json and jsonc blocks are JSON; jsonc blocks with steps are workflows that `tappet check` takes; C blocks that are whole plugins compile; scripts and
files that shell blocks name exist; subcommands of tappet in shell blocks exist.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
# Where a command stands: at the beginning of a line, or behind a prompt, an operator or sudo.
TAPPET = re.compile(r"(?:^\s*|[;&|(]\s*)(?:\$ )?(?:sudo )?(?:\S*/)?tappet ([a-z][a-z-]*(?: [a-z][a-z-]*)?)",
                    re.MULTILINE)
SHELL_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
SCRIPT = re.compile(r"^(?:sudo )?\./([\w./-]+)", re.MULTILINE)


def markdown_files():
    for path in sorted(ROOT.rglob("*.md")):
        if not {"build", ".git"} & set(path.relative_to(ROOT).parts):
            yield path


def links(path, text):
    without_code = BLOCK.sub("", text)
    for target in LINK.findall(without_code):
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
            yield f"a link to {target}, which is not there"


def json_block(block):
    try:
        json.loads(COMMENT.sub(lambda match: match.group(1) or "", block))
    except ValueError as error:
        yield f"a block that is not JSON ({error}): {block[:60]!r}"


def workflow_block(block, tappet):
    if '"steps"' not in block:
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "workflows").mkdir()
        (Path(folder) / "workflows" / "block.json").write_text(block, encoding="utf-8")
        (Path(folder) / "tappet.json").write_text("{}", encoding="utf-8")
        done = subprocess.run([Path(tappet).resolve(), "check"], cwd=folder, text=True, capture_output=True, check=False)
    # A plugin that the reader has yet to build is not there.
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if line and "is not loaded" not in line]
    if done.returncode and wrong:
        yield "a workflow with mistakes: " + "; ".join(wrong)


def c_block(block):
    # What includes files of its own belongs to the tutorial, which tests/sdk/tutorial_test builds.
    if not re.search(r"tappet_plugin_v1\(void\)\s*{", block) or '#include "' in block:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(block)
        file.flush()
        done = subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                               f"-I{ROOT}/sdk/include", f"-I{ROOT}/sdk/testkit/include", file.name], text=True, capture_output=True, check=False)
    if done.returncode:
        yield f"a plugin that does not compile: {done.stderr}"


def shell_block(block, commands):
    block = SHELL_COMMENT.sub("", block)
    for target in SCRIPT.findall(block):
        if not target.startswith("build/") and not (ROOT / target).exists():
            yield f"./{target}, which is not there"
    for words in TAPPET.findall(block):
        first, _, second = words.partition(" ")
        if f"{first} {second}" not in commands and first not in commands:
            yield f"tappet {words}, which is no command"


def commands_of(tappet):
    text = subprocess.run([tappet, "help"], text=True, capture_output=True, check=True).stdout
    found = set()
    for line in re.findall(r"^  ([a-z][a-z-]*(?: [a-z][a-z-]*)?)\b", text, re.MULTILINE):
        found.add(line)
    return found


def mistakes(path, commands, tappet):
    text = path.read_text(encoding="utf-8")
    yield from links(path, text)
    for language, block in BLOCK.findall(text):
        if language in ("json", "jsonc"):
            yield from json_block(block)
            if language == "jsonc":
                yield from workflow_block(block, tappet)
        elif language == "c":
            yield from c_block(block)
        elif language in ("sh", "bash", "console"):
            yield from shell_block(block, commands)


def main():
    commands = commands_of(sys.argv[1])
    count = files = 0
    for path in markdown_files():
        files += 1
        for line in mistakes(path, commands, sys.argv[1]):
            print(f"{path.relative_to(ROOT)}: {line}")
            count += 1
    print(f"{count} mistakes in {files} files")
    return 1 if count or not files else 0


sys.exit(main())
