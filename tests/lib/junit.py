"""Prints "PASSED FAILED SKIPPED" of a JUnit report: junit.py REPORT STATUS.

STATUS is the exit status of the program that wrote it: when that says failure and the report does not, or when there
is no report, one failure is counted.
"""

import sys
import xml.etree.ElementTree as ElementTree


def was_skipped(case):
    """On purpose. What ctest could not even start (no executable, say) is "notrun" with another reason: a failure."""
    skipped = case.find("skipped")
    if case.get("status") == "notrun":
        return skipped is not None and (skipped.get("message") or "").startswith("SKIP_")
    return skipped is not None or case.get("status") == "disabled"


def counts(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        # ctest says it by an attribute, pytest by child elements
        bad = case.find("failure") is not None or case.find("error") is not None
        if was_skipped(case):
            skipped += 1
        elif bad or case.get("status") in ("fail", "notrun"):
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    path, status = sys.argv[1], int(sys.argv[2])
    try:
        passed, failed, skipped = counts(path)
    except (OSError, ElementTree.ParseError):
        passed, failed, skipped = 0, 0, 0
        status = status or 1
    if status != 0 and failed == 0:
        failed = 1
    print(passed, failed, skipped)


main()
