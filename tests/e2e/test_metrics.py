"""What /metrics tells: well-formed, as docs/metrics.md has it, bounded, and true; and whether the dashboard and the alerts ask
for what is there."""

import json
import re
import subprocess
import time

import exposition
import pytest
from certificates import Authority
from daemon import ROOT, wait_until

ROW = re.compile(r"^\| `(tappet_\w+)` \| (\w+)( \*)? \|([^|]*)\| ([^|]+) \|$", re.MULTILINE)
STRANGERS = 5000
PATHS = 500

# Holds the loop for 60 ms when it is started.
SLOW = r"""
#include "tappet/plugin.h"
#include <time.h>

static const tappet_host *host;
static tappet_instance *instance;

static int32_t create(const tappet_host *h, tappet_instance *self, const tappet_config *config, void **ret)
{
	(void)config;
	host = h;
	instance = self;
	*ret = &host;
	return 0;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret)
{
	(void)info;
	(void)trigger;
	*ret = state;
	return 0;
}

static void trigger_end(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

static int32_t start(void *state)
{
	(void)state;
	nanosleep(&(struct timespec){.tv_nsec = 60 * 1000 * 1000}, NULL);
	host->metric_set(host->metric(instance, TAPPET_GAUGE, "odd", "Two\nlines and a \\."), 1);
	return 0;
}

static void stop(void *state, int64_t deadline_ms)
{
	(void)state;
	(void)deadline_ms;
	host->stopped(instance);
}

static void destroy(void *state)
{
	(void)state;
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin), .abi_minor = TAPPET_ABI_MINOR, .name = "slow", .version = "1.0",
	.license = "MIT", .summary = "Is slow.", .option_size = sizeof(tappet_option), .sample = "{}",
	.create = create, .trigger_add = trigger_add, .trigger_remove = trigger_end, .trigger_free = trigger_end,
	.start = start, .stop = stop, .destroy = destroy,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
"""


def documented():
    """name -> (type, label names, whether it may be missing)"""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = ROW.findall(text)
    assert len(rows) == len({row[0] for row in rows}) == text.count("| `tappet_"), "a row that is odd or comes twice"
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), bool(lazy)) for name, kind, lazy, labels, _ in rows}


@pytest.fixture
def hook(daemon):
    daemon.workflow("w", [{"id": "go", "sleep": "0s"}])
    cert, key = Authority(daemon.folder).issue("server", "localhost")
    daemon.configure(listen=[{"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key)}}, "127.0.0.1:0"])
    daemon.start()
    # The plain one; the daemon of these tests has TLS, so that there is something to tell of it.
    listening = [line["address"] for line in daemon.logs() if line["message"] == "listening"]
    daemon.address = "127.0.0.1", int(listening[-1].rpartition(":")[2])
    daemon.secret = daemon.token("w")
    return daemon


def test_the_page_and_the_documentation_have_the_same_metrics(hook):
    quiet = hook.metrics()
    hook.wait_end(hook.secret, hook.fire(hook.secret))
    assert hook.post("nobody").status == 401
    families = hook.metrics()
    expected = documented()
    assert set(families) == set(expected)
    for name, family in families.items():
        assert (family.type, family.label_names) == expected[name][:2], name
        assert family.help.endswith("."), name
    # The webhook's callbacks have been called already.
    missing = {name for name in families if name not in quiet}
    there = ("tappet_plugin_", "tappet_tls_")
    assert missing == {name for name, row in expected.items() if row[2] and not name.startswith(there)}


def test_emissions_refusals_and_ends_are_told_by_workflow_and_trigger(hook):
    assert hook.wait_end(hook.secret, hook.fire(hook.secret))["status"] == "completed"
    key = {"Idempotency-Key": "once"}
    assert hook.fire(hook.secret, headers=key) == hook.fire(hook.secret, headers=key)
    assert hook.post("nobody").status == 401
    wait_until(lambda: hook.metrics()["tappet_activities_total"].value(outcome="completed") == 2, "both ends")
    families = hook.metrics()
    emissions, refusals = families["tappet_trigger_emissions_total"], families["tappet_refusals_total"]
    assert emissions.value(workflow="w", trigger="webhook", outcome="ok") == 2
    assert emissions.value(workflow="w", trigger="webhook", outcome="duplicate") == 1
    assert refusals.value(workflow="w", trigger="webhook", reason="duplicate") == 1
    assert refusals.value(workflow="", trigger="webhook", reason="token") == 1
    assert families["tappet_workflow_activities_total"].value(workflow="w", outcome="completed") == 2


def refuse_many(daemon, count, make):
    """Over one connection; every answer is an error of the client."""
    connection = daemon.connect()
    for i in range(count):
        method, path, body = make(i)
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
        assert 400 <= answer.status < 500
        if answer.will_close:
            connection.close()
    connection.close()


def test_strangers_do_not_make_series(hook):
    def with_token(i):
        return "POST", "/webhook/payload", json.dumps({"token": f"tpt_{i}"})

    def with_path(i):
        return "GET", f"/nowhere/{i}?x={i}", None

    refuse_many(hook, 1, with_token)
    refuse_many(hook, 1, with_path)
    before = hook.metrics()
    refuse_many(hook, STRANGERS, with_token)
    refuse_many(hook, PATHS, with_path)
    after = hook.metrics()
    assert {name: set(family.samples) for name, family in before.items()} \
        == {name: set(family.samples) for name, family in after.items()}
    refused = [families["tappet_refusals_total"].value(workflow="", trigger="webhook", reason="token")
               for families in (before, after)]
    assert refused[1] - refused[0] == STRANGERS


def test_a_loop_with_nothing_to_do_sleeps_and_its_sleep_does_not_count(hook):
    def loop():
        samples = hook.metrics()["tappet_loop_turn_seconds"].samples
        return [samples[exposition.Series("tappet_loop_turn_seconds" + part, ())] for part in ("_count", "_sum")]

    mark = hook.folder / "mark"
    hook.workflow("long", [{"id": "wait", "script": f"sleep 2; touch {mark}"}])
    hook.cli("reload")
    token = hook.token("long")
    before = loop()
    begin = time.monotonic()
    hook.fire(token)
    wait_until(mark.exists, "the step to end")
    took = time.monotonic() - begin
    turns, seconds = (after - first for first, after in zip(before, loop()))
    assert took >= 2
    assert 0 < turns < 200
    assert seconds < took / 2


def test_a_plugin_that_holds_the_loop_is_seen_and_its_odd_help_text_does_no_harm(daemon, tmp_path):
    source, target = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW)
    subprocess.run(["gcc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden",
                    f"-I{ROOT}/sdk/include", "-o", target, source], check=True)
    daemon.configure(plugins={"webhook": {}, "slow": {"load": str(target)}})
    daemon.start()
    families = daemon.metrics()
    turns = families["tappet_loop_turn_seconds"].samples
    within = turns[exposition.Series("tappet_loop_turn_seconds_bucket", (("le", "0.05"),))]
    assert turns[exposition.Series("tappet_loop_turn_seconds_count", ())] - within >= 1
    assert families["tappet_plugin_callback_slow_total"].value(plugin="slow", callback="start") == 1
    assert families["tappet_plugin_odd"].help == r"Two\nlines and a \\."


# ---- What asks for them


def check_expression(expression, metrics):
    """Its metrics are documented, and so are the labels that it selects by."""
    assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}")
    names = re.findall(r"\btappet_\w+", expression)
    for name in names:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        known = metrics.get(name if name in metrics else base)
        assert known, f"{name} is not in docs/metrics.md: {expression}"
        assert (known[0] == "histogram") == (name not in metrics), f"{name} is no series: {expression}"
    for name, selector in re.findall(r"\b(tappet_\w+)\{([^}]*)\}", expression):
        labels = metrics[name if name in metrics else re.sub(r"_(bucket|sum|count)$", "", name)][1]
        for label in re.findall(r"(\w+)(?:=|!=|=~|!~)\"", selector):
            assert label in labels | {"instance", "job"}, f"{name} has no label {label}"
    return names


def targets(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def dashboard_of_examples():
    return json.loads((ROOT / "examples" / "grafana" / "tappet.json").read_text(encoding="utf-8"))


def test_the_dashboard_asks_for_what_is_there():
    metrics = documented()
    dashboard = dashboard_of_examples()
    expressions = targets(dashboard) + [variable["definition"] for variable in dashboard["templating"]["list"][1:]]
    for expression in expressions:
        assert check_expression(expression, metrics), expression


def test_the_dashboard_can_be_imported_with_any_data_source():
    dashboard = dashboard_of_examples()
    assert dashboard["schemaVersion"] >= 38
    assert [variable["type"] for variable in dashboard["templating"]["list"]] == ["datasource", "query", "query"]
    ids, places = set(), set()
    for panel in dashboard["panels"]:
        assert panel["id"] not in ids, panel["title"]
        ids.add(panel["id"])
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places, f"{panel['title']} lies on another panel"
        places |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}" and panel["description"] and panel["targets"]
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    assert rows == ["Admission", "Queue", "Activities and steps", "Store", "Loop and plugins", "HTTP"]


def test_the_alerts_ask_for_what_is_there():
    text = (ROOT / "examples" / "prometheus-alerts.yml").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)\n\s+expr: (.*?)\n\s+for: ", text, re.DOTALL)
    assert len(alerts) == text.count("- alert:") > 0
    metrics = documented()
    for name, expression in alerts:
        assert check_expression(expression, metrics) or name == "TappetDown"
    assert "prometheus-alerts.yml" in (ROOT / "examples" / "prometheus.yml").read_text(encoding="utf-8")
