"""Which plugins a daemon has, and that one from outside works."""

import subprocess

import pytest
from daemon import BUILD, ROOT, wait_until

STEPS = [{"id": "nothing", "sleep": "0s"}]

PLUGIN = r"""
#include "tappet/plugin.h"
#include <stdlib.h>

/* Emits once, as soon as it has been started. */
struct state {
	const tappet_host *host;
	tappet_instance *self;
	tappet_trigger *trigger;
	int in_flight, stopping;
};

static void emitted(void *arg, const tappet_result *result)
{
	struct state *s = arg;
	tappet_field field = {"activity", tappet_cstr(result->activity_id)};
	s->host->log(s->self, TAPPET_LOG_INFO, "emitted", &field, 1);
	s->in_flight = 0;
	if (s->stopping)
		s->host->stopped(s->self);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret)
{
	(void)config;
	struct state *s = calloc(1, sizeof(*s));
	if (!s)
		return TAPPET_ENOMEM;
	s->host = host;
	s->self = self;
	*ret = s;
	return 0;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret)
{
	(void)info;
	((struct state *)state)->trigger = trigger;
	*ret = state;
	return 0;
}

static void trigger_end(void *state, void *trigger_state)
{
	(void)trigger_state;
	((struct state *)state)->trigger = NULL;
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

static int32_t start(void *state)
{
	struct state *s = state;
	tappet_emission emission = {.struct_size = sizeof(emission)};
	emission.payload = tappet_cstr("{\"hello\":\"world\"}");
	if (s->trigger && s->host->emit(s->trigger, &emission, emitted, s) == 0)
		s->in_flight = 1;
	return 0;
}

static void stop(void *state, int64_t deadline_ms)
{
	struct state *s = state;
	(void)deadline_ms;
	s->stopping = 1;
	if (!s->in_flight)
		s->host->stopped(s->self);
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin), .abi_minor = TAPPET_ABI_MINOR, .name = "once", .version = "1.0",
	.license = "MIT", .summary = "Emits once.", .option_size = sizeof(tappet_option), .sample = "{\"hello\":\"world\"}",
	.create = create, .trigger_add = trigger_add, .trigger_remove = trigger_end, .trigger_free = trigger_free,
	.start = start, .stop = stop, .destroy = free,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
"""


@pytest.fixture
def once(tmp_path):
    """A plugin built against nothing but the SDK's headers."""
    source, target = tmp_path / "once.c", tmp_path / "once.so"
    source.write_text(PLUGIN)
    subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden",
                    f"-I{ROOT}/sdk/include", "-o", target, source], check=True)
    return target


def fired(daemon):
    activities = daemon.cli_json("activities")["activities"]
    return activities if activities and activities[0]["status"] == "completed" else None


def test_a_plugin_from_the_configuration_starts_a_workflow(daemon, once):
    daemon.configure(plugins={"webhook": {}, "once": {"load": str(once)}})
    daemon.workflow("w", STEPS, triggers=[{"plugin": "once"}])
    daemon.start()
    activities = wait_until(lambda: fired(daemon), "the activity")
    assert [activity["trigger"] for activity in activities] == ["once"]


def test_a_plugin_from_the_command_line_starts_a_workflow(daemon, once):
    daemon.workflow("w", STEPS, triggers=[{"plugin": "once"}])
    daemon.start("--plugin", str(once))
    assert wait_until(lambda: fired(daemon), "the activity")


def test_only_the_plugins_that_are_named_are_loaded(daemon):
    daemon.configure(plugins={})
    daemon.workflow("w", STEPS, triggers=[])
    daemon.start()
    assert daemon.api("GET", "/plugins").json["plugins"] == []
    assert daemon.request("POST", "/webhook/payload", "{}").status == 404


def test_a_plugin_that_is_not_there_keeps_the_daemon_from_starting(daemon):
    daemon.configure(plugins={"nonsense": {}})
    daemon.start(wait=None)
    assert daemon.wait_exit() != 0
    assert "nonsense" in daemon.log_text()


def test_the_plugin_of_the_stock_daemon_describes_itself(daemon):
    shown = daemon.cli("plugins", "show", "webhook").stdout
    assert "webhook" in shown and "MIT" in shown and "properties" in shown
    assert "webhook" in daemon.cli("plugins").stdout
    assert (BUILD / "plugins" / "webhook.so").exists()


@pytest.fixture
def book(tmp_path):
    """One that emits for what is in its book, through the open triggers of all workflows."""
    target = tmp_path / "book.so"
    subprocess.run(["gcc", "-std=c17", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{ROOT}/sdk/include", "-o", target,
                    ROOT / "tests/abi/1.2/book.c"], check=True)
    return target


def booked(daemon, slug, behind=""):
    """Activities of a workflow that are newer than that one, if there are any."""
    activities = daemon.api("GET", f"/activities?workflow={slug}&trigger=book").json["activities"]
    return [one for one in activities if one["id"] > behind]


def test_what_no_definition_names_starts_workflows_through_their_open_triggers(daemon, book):
    daemon.configure(plugins={"book": {"load": str(book)}})
    daemon.workflow("w", STEPS, triggers=[])
    daemon.workflow("other", STEPS, triggers=[])
    daemon.start()
    one = wait_until(lambda: booked(daemon, "w"), "an activity")[0]
    subject = one["triggerId"]
    assert one["trigger"] == "book" and subject.startswith("entry-")
    assert daemon.detail(one["id"])["triggerId"] == subject
    assert wait_until(lambda: booked(daemon, "other"), "one of the other workflow")
    assert daemon.api("GET", "/triggers").json["triggers"] == []
    of_it = daemon.api("GET", f"/activities?workflow=w&trigger={subject}").json["activities"]
    assert of_it and {each["triggerId"] for each in of_it} == {subject}
    daemon.cli("disable", "w")
    # What was under way then is there as soon as something later is.
    last = booked(daemon, "other")[0]["id"]
    wait_until(lambda: booked(daemon, "other", last), "the other workflow goes on")
    last = booked(daemon, "w")[0]["id"]
    assert wait_until(lambda: booked(daemon, "other", last), "the other workflow goes on")
    assert booked(daemon, "w", last) == []
    daemon.cli("enable", "w")
    last = wait_until(lambda: booked(daemon, "w", last), "it goes on")[0]["id"]
    lines = daemon.request("GET", "/metrics").body.decode("utf-8").splitlines()
    emissions = [line for line in lines if line.startswith("tappet_trigger_emissions_total{")]
    assert emissions and all('trigger="+book"' in line for line in emissions)
    daemon.restart()
    assert wait_until(lambda: booked(daemon, "w", last), "it goes on after a restart")
