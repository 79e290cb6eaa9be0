"""docs/reference from the comments of the SDK's headers: python3 tests/tools/reference [--check]

Writes the pages. With --check nothing is written: it fails when a page is not current. Either way it fails when a
comment is missing or does not have the form that sdk/ABI.md asks for (house_form.py). It needs clang.
"""

import os
import sys
from pathlib import Path

import house_form
import pages
from header import Header

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path("docs/reference")
INCLUDES = ("sdk/include", "sdk/testkit/include")


def read_headers():
    first = Path("sdk/include/tappet/plugin.h")
    found = [first, *(path for folder in INCLUDES for path in sorted(Path(folder).rglob("*.h")) if path != first)]
    return [Header(path, INCLUDES) for path in found]


def wanted_pages(headers):
    names = pages.Names(headers)
    wanted = {pages.page_name(header): pages.Page(header, names).write(pages.title_of(header)) for header in headers}
    wanted["README.md"] = pages.index(headers, names)
    return wanted


def stale(wanted):
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*")}
    for name in sorted({*wanted, *there}):
        if wanted.get(name) != there.get(name):
            yield f"{FOLDER / name}: is not what the headers say; build the target docs"


def write(wanted):
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def main():
    os.chdir(ROOT)
    headers = read_headers()
    mistakes = [line for header in headers for line in house_form.mistakes(header)]
    wanted = wanted_pages(headers)
    if "--check" in sys.argv[1:]:
        mistakes += stale(wanted)
    else:
        write(wanted)
    print(*mistakes, sep="\n", end="\n" if mistakes else "", file=sys.stderr)
    return 1 if mistakes else 0


sys.exit(main())
