"""What a machine can check of the house style: lengths of files and functions, white space, and words that must not
stay in the source; with --format also whether each C file is as clang-format writes it.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "plugins", "sdk", "tests", "examples")
LINES_MAX = 600
FUNCTION_MAX = 70
UNWANTED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# A definition's brace stands alone in column 0 and so does the one that ends it.
FUNCTION = re.compile(r"^\{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)


def c_files():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            yield path


def untidy_lines(name, lines):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield f"{name}:{number}: white space at the end"


def long_functions(name, text):
    for match in FUNCTION.finditer(text):
        length = match.group(1).count("\n")
        if length > FUNCTION_MAX:
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: a function of {length} lines"


def mistakes(path):
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    is_test = name.startswith("tests/")
    if len(lines) > LINES_MAX and not is_test:
        yield f"{name}: {len(lines)} lines, at most {LINES_MAX}"
    yield from untidy_lines(name, lines)
    if not is_test:
        yield from long_functions(name, text)
    for match in UNWANTED.finditer(text):
        yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group(1)}"


def unformatted(paths):
    if not shutil.which("clang-format"):
        return
    names = [str(path.relative_to(ROOT)) for path in paths]
    done = subprocess.run(["clang-format", "--dry-run", "--ferror-limit=1", *names], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    seen = set(re.findall(r"^([^:\n]+):\d+:\d+: .*-Wclang-format-violations", done.stderr, re.MULTILINE))
    for name in sorted(seen):
        yield f"{name}: not as clang-format writes it"


def main():
    paths = list(c_files())
    found = [line for path in paths for line in mistakes(path)]
    if "--format" in sys.argv[1:]:
        found.extend(unformatted(paths))
    print("\n".join(found))
    print(f"{len(found)} mistakes in {len(paths)} files")
    return 1 if found else 0


sys.exit(main())
