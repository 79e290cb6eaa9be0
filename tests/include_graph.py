"""Fails when a folder includes what it must not. The rules are those of docs/architecture.md.

Usage: include_graph.py [ROOT]
"""

import re
import sys
from pathlib import Path

# What each folder of core/ may include of the others (itself always).
ALLOWED = {
    "base": set(),
    "model": {"base"},
    "config": {"base", "model"},
    "store": {"base", "model"},
    "bus": {"base", "model"},
    "expr": {"base", "model"},
    "engine": {"base", "model", "store", "bus", "expr"},
    "gateway": {"base"},
    "api": {"base", "model", "store", "bus", "engine", "gateway"},
    "host": {"base", "model", "config", "store", "bus", "engine", "gateway"},
    "console": {"base"},
    # store, bus and engine: `tappet init` makes a token before there is a daemon.
    "cli": {"base", "model", "config", "store", "bus", "engine", "host", "expr"},
    "daemon": {"base", "model", "config", "store", "bus", "engine", "gateway", "api", "host", "console", "cli",
               "expr"},
}

# The parts of plugins that the core links: which folders may include which header of them. The plugin runs the same code.
SHARED = {
    "schedule/rules/schedule.h": {"cli"},
    "webhook/sender.h": {"cli"},
}

# What the testkit is built with, none of which its own header shows.
TESTKIT = "sdk/testkit/"
TESTKIT_ALLOWED = {"base", "config", "gateway"}
# The same for the client library.
CLIENT = "sdk/client/"
CLIENT_ALLOWED = {"base", "gateway"}

# Who may include these headers of libraries: prefixes of paths.
LIBRARIES = {
    r"sqlite3\.h": ["core/store/sqlite/"],
    r"http_parser\.h": ["core/gateway/"],
    r"libwebsockets\.h": ["core/gateway/ws_client_link.c"],
    r"wslay/.*|zlib\.h": ["core/gateway/"],
    r"jq\.h": ["core/expr/helper/"],
    r"seccomp\.h": ["core/expr/helper/"],
    r"cjson/.*|cJSON\.h": ["core/base/json", "plugins/", "examples/plugins/"],
    r"openssl/.*": ["core/base/", "core/gateway/", "plugins/webhook/", "plugins/filewatch/tell"],
    r"jwt\.h": ["plugins/webhook/"],
    r"pcre2\.h": ["plugins/filewatch/patterns"],
    r"sys/inotify\.h": ["plugins/filewatch/", "plugins/schedule/tzdata"],
    r"yaml\.h": ["core/cli/yaml.c"],
    r"curl/.*": ["core/cli/", "core/engine/"],
    r"systemd/.*": ["core/daemon/", "core/cli/", "core/base/log"],
    r"dlfcn\.h": ["core/host/loader", "core/host/probe/object.c", "core/host/probe/pure.c", "sdk/testkit/"],
    r"tappet/.*": ["core/host/", "core/cli/socket_", "plugins/", "sdk/", "examples/plugins/", "examples/actions/"],
    r"glib(/.*)?\.h|glib/.*": ["plugins/schedule/rules/zone.c"],
}

# Folders whose headers core/ could reach by the name of one that it may include.
PLUGINS = {name.split("/")[0] for name in SHARED}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
SYSTEM_DLOPEN = re.compile(r"\b(dlopen|dlsym|uv_dlopen)\s*\(")


def sources(root):
    for folder in ("core", "plugins", "sdk", "examples"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".in") and path.is_file():
                yield path


def check_core(folder, kind, name):
    """A breach by a file of core/FOLDER that includes NAME, or None."""
    target = name.split("/")[0]
    if kind == '"' and target in ALLOWED and target != folder and target not in ALLOWED[folder]:
        return f"core/{folder} must not include core/{target}"
    if kind == '"' and target in PLUGINS and folder not in SHARED.get(name, ()):
        return f"core/{folder} must not include plugins/{name}"
    return None


def check_outside(relative, kind, name):
    target = name.split("/")[0]
    if kind != '"' or target not in ALLOWED:
        return None
    if relative.startswith(TESTKIT) and "/include/" not in relative and target in TESTKIT_ALLOWED:
        return None
    if relative.startswith(CLIENT) and target in CLIENT_ALLOWED:
        return None
    return f"{relative.split('/')[0]} sees the SDK and nothing of core/"


def check_library(path, name):
    for pattern, places in LIBRARIES.items():
        if re.fullmatch(pattern, name) and not any(path.startswith(place) for place in places):
            return f"<{name}> is for {', '.join(places)} only"
    return None


def breaches(root, path):
    relative = path.relative_to(root).as_posix()
    parts = relative.split("/")
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        kind, name = match.groups()
        line = text.count("\n", 0, match.start(2)) + 1
        if parts[0] == "core" and len(parts) > 2:
            found = check_core(parts[1], kind, name)
        else:
            found = check_outside(relative, kind, name)
        found = found or check_library(relative, name)
        if found:
            yield f"{relative}:{line}: {found}"
    if SYSTEM_DLOPEN.search(text) and not relative.startswith(
            ("core/host/loader", "core/host/probe/object.c", "core/host/probe/pure.c", TESTKIT)):
        yield f"{relative}: dlopen and dlsym are for core/host/loader.c, the check of plugins and the testkit only"


def unknown_folders(root):
    for path in sorted((root / "core").iterdir()):
        if path.is_dir() and path.name not in ALLOWED:
            yield f"core/{path.name}: a folder without rules in tests/include_graph.py"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    found = list(unknown_folders(root))
    for path in sources(root):
        found.extend(breaches(root, path))
    for line in found:
        print(line)
    print(f"{len(found)} breaches")
    return 1 if found else 0


sys.exit(main())
