"""`tappet plugin-check` as its users see it; which breach it finds by which rule is tested in tests/host."""

import json
import re
import subprocess

from daemon import BUILD, ROOT

WEBHOOK = BUILD / "plugins" / "webhook.so"
BROKEN = BUILD / "tests" / "tiny" / "broken_mem_fds.so"


def plugin_check(*arguments):
    return subprocess.run([BUILD / "tappet", "plugin-check", *arguments], text=True, capture_output=True, check=False,
                          timeout=300)


def test_a_plugin_that_keeps_the_rules_ends_with_0_and_a_line_for_each_rule():
    done = plugin_check(WEBHOOK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS            HTTP-COMMIT" in done.stdout
    assert "FAIL" not in done.stdout
    assert done.stdout.endswith("0 rules are broken\n")


def test_a_broken_rule_ends_with_1_and_is_explained_in_json():
    done = plugin_check(BROKEN, "--json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["broken"] == 1
    broken = [rule for rule in report["rules"] if rule["result"] == "fail"]
    assert [rule["id"] for rule in broken] == ["MEM-FDS"]
    assert "descriptors were left open" in broken[0]["detail"]


def test_options_that_the_plugin_does_not_have_are_told():
    done = plugin_check(BROKEN, "--with", '{"nonsense": 1}')
    assert done.returncode == 1
    assert re.search(r"FAIL +LIFE-CREATE", done.stdout)
    assert "nonsense" in done.stdout


def test_options_that_are_no_object_are_an_error_of_usage():
    done = plugin_check(WEBHOOK, "--with", "[]")
    assert done.returncode == 2
    assert "--with must be a JSON object" in done.stderr


def test_a_file_that_is_no_plugin_breaks_the_rule_about_loading(tmp_path):
    (tmp_path / "text.so").write_text("nothing\n", encoding="utf-8")
    done = plugin_check(tmp_path / "text.so")
    assert done.returncode == 1
    assert re.search(r"FAIL +DESC-LOAD", done.stdout)
    assert plugin_check(tmp_path / "missing.so").returncode == 4


def test_the_list_of_rules_in_the_promise_is_that_of_the_program():
    report = json.loads(plugin_check(WEBHOOK, "--json").stdout)
    text = (ROOT / "sdk" / "ABI.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z]+-[A-Z]+)` \| (.*) \|$", text, re.MULTILINE)
    assert listed == [(rule["id"], rule["rule"]) for rule in report["rules"]]
