"""The libraries that senders themselves publish, against the verification of webhooks in both directions. tests/run puts
them into build/senders (tests/e2e/npm says which); npm_folder tells why when they are not there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ["TAPPET_BUILD"])
SENDERS = ROOT / "build" / "senders"
TOOL = BUILD / "tests" / "verify_webhook"


@pytest.fixture(scope="module", name="node")
def node_fixture():
    """Runs one of the scripts, beside the libraries, and gives its lines."""
    if not shutil.which("node"):
        pytest.skip("there is no node")
    if not (SENDERS / "node_modules").is_dir():
        pytest.skip(f"{SENDERS} is not there: tests/run e2e makes it")

    def run(script, text=""):
        shutil.copy(ROOT / "tests" / "e2e" / "npm" / script, SENDERS / script)
        done = subprocess.run(["node", script], cwd=SENDERS, input=text, text=True, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def verify(lines, *options):
    done = subprocess.run([str(TOOL), *options], input="".join(line + "\n" for line in lines), text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def changed(line, key):
    """The line with one character of the body, or of the signature, replaced by another."""
    request = json.loads(line)
    if key == "body":
        request["body"] = request["body"].replace("e", "E", 1)
    else:
        name = next(name for name in request["headers"] if "signature" in name)
        value = request["headers"][name]
        request["headers"][name] = value[:30] + ("1" if value[30] != "1" else "2") + value[31:]
    return json.dumps(request)


def test_what_their_libraries_sign_passes(node):
    lines = node("sign.mjs")
    assert len(lines) == 12
    assert verify(lines) == ["ok"] * 12


@pytest.mark.parametrize("key", ["body", "signature"])
def test_what_was_changed_on_its_way_does_not_pass(node, key):
    lines = [changed(line, key) for line in node("sign.mjs")]
    assert verify(lines) == ["The signature does not match."] * 12


def test_their_libraries_accept_what_is_signed_here(node):
    signed = verify(node("sign.mjs"), "--sign")
    assert node("verify.mjs", "".join(line + "\n" for line in signed)) == ["ok"] * 12
    wrong = [changed(line, "body") for line in signed]
    answers = node("verify.mjs", "".join(line + "\n" for line in wrong))
    assert len(answers) == 12 and all(answer.startswith("refused") for answer in answers)
