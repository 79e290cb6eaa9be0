"""The form that comments in the SDK's headers have, as far as a machine can check it (sdk/ABI.md, "Comments in the
headers"): everything public has a comment, and a function's says what its declaration cannot.
"""

import re

# The one field that all growing structs begin with; sdk/ABI.md tells of it.
SELF_EXPLAINING = {"struct_size"}
RESULT = re.compile(r"Errors:|Errors \(|\b1\b.*\b0\b|\b0\b.*\b1\b|\b1 when|TAPPET_HEALTH_|[Tt]he status|0 when",
                    re.DOTALL)
CALLS = re.compile(r"\b(calls?|called|fires?|runs?)\b", re.IGNORECASE)
UNTIL = re.compile(r"\b(valid|stays?|kept|owns|constant)\b|Errors: as ", re.IGNORECASE)
UNIT = re.compile(r"seconds|\bbytes?\b|how (many|often)|\bunit\b|\bindex|number|`since` \(|\bnth\b", re.IGNORECASE)
NUMBER = re.compile(r"\b(?:u?int64_t|double|size_t)\s*\*?(?:const\s*)?(\w+)\b(?!\s*\()")
NAMED_UNIT = re.compile(r"_(ms|s|size|count|bytes|seq)$|^(count|index|len|nth|ms|bytes|emissions|ret_\w+|event_size)$")
HANDLE = re.compile(r"\b(?:tappet|testkit)_\w+ \*\*ret\b|^(?:const )?(?:\w+ \*\(?|tappet_str \(?)")
FORM = (
    (lambda source: re.match(r"int(32_t)? ", source), RESULT, 'what it gives: "Errors: ...", or when 1 and when 0'),
    (lambda source: re.search(r"\b(cb|fn|done|work)\)?\(|_cb (cb|done)\b", source), CALLS, "when its callback fires"),
    (lambda source: HANDLE.search(source), UNTIL, "how long that which it hands out is valid"),
    (lambda source: [name for name in NUMBER.findall(source) if not NAMED_UNIT.search(name)]
     or re.match(r"(u?int64_t|double|size_t) ", source), UNIT, "the unit of its numbers"),
)


def function(header, item):
    source = re.sub(r"\s+", " ", item.source)
    text = re.sub(r"\s+", " ", item.text)
    for applies, wanted, what in FORM:
        if applies(source) and not wanted.search(text):
            yield f"{header.path}:{item.line}: the comment of {item.name} does not say {what}"


def items(header):
    for item in header.items:
        yield item
        yield from item.members


def mistakes(header):
    """One line for each comment that is missing or does not have the form."""
    for item in items(header):
        name = item.name or f"the list of {item.members[0].name}"
        if item.name in SELF_EXPLAINING:
            continue
        if not item.text:
            yield f"{header.path}:{item.line}: {name} has no comment"
        elif item.kind == "function":
            yield from function(header, item)
    if not all(re.search(rf"\b{word}: ", header.opening) for word in ("Threads", "Memory", "Errors")) \
            and "tappet/plugin.h" not in header.opening:
        yield f"{header.path}:1: neither rules for threads, memory and errors, nor a word of those in plugin.h"
