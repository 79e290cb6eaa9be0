/* The commands: what there is, what each takes, and what its help says. */
#include "cli/command.h"

#define OPTIONS(table) table, sizeof(table) / sizeof((table)[0])
#define NO_OPTIONS NULL, 0

const struct cli_option cli_common[] = {
	{'c', "config", "FILE", "the configuration (tappet.json in this folder)"},
	{0, "server", "URL", "the daemon: http://HOST:PORT, https://HOST or unix:PATH ($TAPPET_SERVER)"},
	{0, "json", NULL, "print JSON, for programs"},
	{'h', "help", NULL, "show help"},
};
const size_t cli_common_count = sizeof(cli_common) / sizeof(cli_common[0]);

static const struct cli_option init_options[] = {
	{0, "listen", "ADDRESS", "where the daemon will listen (127.0.0.1:8080)"},
};
static const struct cli_option new_plugin_options[] = {
	{0, "kind", "KIND", "what it listens to: http, timer, fd or ws (timer)"},
	{0, "lang", "LANGUAGE", "c or c++ (c)"},
};
static const struct cli_option serve_options[] = {
	{0, "plugin", "NAME|FILE", "load this plugin, in place of those that the configuration names; may be repeated"},
	{0, "log-json", NULL, "log one JSON object a line"},
	{0, "log-level", "LEVEL", "debug, info, warn or error (info)"},
};
static const struct cli_option check_options[] = {
	{0, "store", NULL, "check a store"},
};
static const struct cli_option run_options[] = {
	{'p', "param", "NAME=VALUE", "a parameter; NAME:=JSON for values that are not text; may be repeated"},
	{0, "payload", "JSON", "what the activity gets as its trigger's payload; @FILE reads it, @- from stdin"},
	{'f', "follow", NULL, "show its steps and logs until it ends; the exit code is its outcome"},
};
static const struct cli_option emit_options[] = {
	{'k', "key", "KEY", "makes it unique: sent again, it starts nothing again"},
};
static const struct cli_option subscribe_options[] = {
	{'w', "workflow", "WORKFLOW", "of this workflow only"},
	{0, "team", "TEAM", "of the workflows of this team only"},
	{'t', "types", "TYPE,...", "of these types only: activity.*, step.ended, trigger.health, step.log, ..."},
	{0, "activity", "ID", "of this activity only"},
	{0, "since", "NUMBER", "begin behind this event, from what is kept (what comes next)"},
	{'n', "count", "COUNT", "end after so many events"},
};
static const struct cli_option import_options[] = {
	{0, "prefix", "PATH", "the URL prefix there (hooks); \"\" for none"},
};
static const struct cli_option import_crontab_options[] = {
	{0, "system", NULL, "each entry names a user behind its fields, as in /etc/crontab and /etc/cron.d"},
	{0, "user", "NAME", "whose crontab it is: its steps run as this user"},
	{0, "timezone", "ZONE", "what its times go by where it has no CRON_TZ (that of this machine)"},
	{0, "dry-run", NULL, "show the workflows and write nothing"},
};
static const struct cli_option plugin_check_options[] = {
	{0, "with", "JSON", "the plugin's options (else plausible ones)"},
	{0, "trigger", "JSON", "the options of its triggers, the with of a trigger (else plausible ones)"},
};
static const struct cli_option test_options[] = {
	{'e', "event", "FILE", "the emission's payload as JSON (- for stdin); see 'tappet plugins show' for a sample"},
	{'t', "trigger", "ID", "as this trigger only; manual: as a run by hand"},
	{'p', "param", "NAME=VALUE", "a parameter that comes with it; NAME:=JSON for values that are not text"},
};
/* Of a pattern; `next` has some more. */
#define PATTERN_OPTIONS                                                                                                \
	{0, "timezone", "ZONE", "the time zone (UTC)"},                                                                \
		{0, "dialect", "DIALECT", "auto, unix, vixie, ocps, quartz, spring, robfig or aws (auto)"},            \
		{0, "from", "TIME", "after this time: 2026-12-31T09:00 of the zone, or with an offset (now)"},         \
		{0, "day", "or|and", "when both day fields are restricted: one is enough, or both are needed"},        \
		{0, "dow", "NUMBERS", "days of the week are 0-7, 0-6 or 1-7 (Sunday is 0, 1 in 1-7)"},                 \
		{0, "dst-gap", "RULE", "times that the clock passes over: run_after or skip"},                         \
		{0, "dst-overlap", "RULE", "times that come twice: first, last or both"},                              \
	{                                                                                                              \
		0, "id", "ID", "the trigger's id, which H and ~ go by"                                                 \
	}
static const struct cli_option schedule_next_options[] = {
	PATTERN_OPTIONS,
	{'n', "limit", "COUNT", "so many instants (5; of all schedules 20)"},
	{0, "to", "TIME", "of schedules: up to this time"},
	{'w', "workflow", "WORKFLOW", "of all schedules: those of this workflow only"},
	{0, "jsonl", NULL, "answer every line of FILE or stdin, a JSON object with expr, with a line"},
};
static const struct cli_option schedule_explain_options[] = {PATTERN_OPTIONS};
static const struct cli_option schedule_list_options[] = {
	{'w', "workflow", "WORKFLOW", "of this workflow only"},
	{0, "status", "STATUS", "active, paused or completed"},
	{'l', "label", "NAME[=VALUE]", "with this label"},
	{'n', "limit", "COUNT", "at most so many (100; at most 500)"},
	{0, "after", "CURSOR", "behind this one: the next page"},
};
/* What a schedule is made of; docs/schedules.md says more about each. */
#define SCHEDULE_OPTIONS                                                                                               \
	{0, "cron", "EXPR", "by a cron pattern: '0 9 * * 1-5', @daily"},                                               \
		{0, "every", "DURATION", "by an interval: 90s, 1h30m"},                                                \
		{0, "at", "TIME", "at a date and time: 2027-01-01T09:00; may be repeated"},                            \
		{0, "timezone", "ZONE", "the time zone (the plugin's)"},                                               \
		{0, "name", "TEXT", "what it is called, for people"}, {0, "description", "TEXT", "what it is for"},    \
		{'l', "label", "NAME=VALUE", "a label to find it by; may be repeated"},                                \
		{'p', "param", "NAME=VALUE", "a parameter; NAME:=JSON for values that are not text; may be repeated"}, \
		{0, "start", "TIME", "nothing before this time"}, {0, "end", "TIME", "nothing after this time"},       \
		{0, "exclude", "EXPR|DATE", "left out: a cron pattern, a date, dates FROM/TO; may be repeated"},       \
		{0, "anchor", "TIME", "from when the interval counts (now)"},                                          \
		{0, "jitter", "DURATION", "each fire comes up to so much later"},                                      \
		{0, "jitter-by", "WORD", "stable: always as much; random (stable)"},                                   \
		{0, "misfire", "WORD", "what becomes of missed ones: skip, once or all (once)"},                       \
		{0, "catchup-window", "DURATION", "what is longer ago is not made up for (24h)"},                      \
		{0, "catchup-max", "COUNT", "with --misfire all at most so many (100)"},                               \
		{0, "grace", "DURATION", "no later than this is on time (1s)"},                                        \
		{0, "dialect", "DIALECT", "auto, unix, vixie, ocps, quartz, spring, robfig or aws (auto)"},            \
		{0, "day", "or|and", "when both day fields are restricted"},                                           \
		{0, "dow", "NUMBERS", "days of the week are 0-7, 0-6 or 1-7"},                                         \
		{0, "dst-gap", "RULE", "times that the clock passes over: run_after or skip"},                         \
	{                                                                                                              \
		0, "dst-overlap", "RULE", "times that come twice: first, last or both"                                 \
	}
static const struct cli_option schedule_create_options[] = {
	SCHEDULE_OPTIONS,
	{0, "paused", NULL, "it fires once it is resumed"},
	{0, "file", "FILE", "a JSON file with one or a list of any length, in place of all these; - is stdin"},
};
static const struct cli_option schedule_set_options[] = {
	SCHEDULE_OPTIONS,
	{0, "unset", "OPTION", "as if this one had not been said, such as end or label; may be repeated"},
};
static const struct cli_option schedule_skip_options[] = {
	{0, "undo", NULL, "do not leave it out after all"},
};
static const struct cli_option schedule_run_options[] = {
	{'f', "follow", NULL, "show its steps and logs until it ends; the exit code is its outcome"},
};
static const struct cli_option schedule_backfill_options[] = {
	{0, "from", "TIME", "from this time on: 2026-11-01T00:00 of its zone, or with an offset"},
	{0, "to", "TIME", "up to this time (now)"},
	{'y', "yes", NULL, "do not ask"},
	{0, "stop", NULL, "end the one that is under way"},
};
static const struct cli_option replay_options[] = {
	{0, "latest", NULL, "on the latest revision of the workflow, in place of its own"},
	{'f', "follow", NULL, "show its steps and logs until it ends; the exit code is its outcome"},
};
static const struct cli_option approve_options[] = {
	{0, "reject", NULL, "say no: the step fails"},
	{0, "comment", "TEXT", "why; an output of the step"},
	{0, "by", "NAME", "who decides (your user name)"},
};
static const struct cli_option show_options[] = {
	{0, "definition", NULL, "print its definition alone, as JSON"},
};
static const struct cli_option revisions_options[] = {
	{'n', "limit", "COUNT", "at most so many (50; at most 500)"},
	{0, "before", "NUMBER", "older than this revision: the next page"},
};
static const struct cli_option why_options[] = {
	{0, "at", "TIME",
	 "around a time: 09:00, '2026-01-31 09:00', an instant, or how long ago: 30m, 12h (the last 24h)"},
	{0, "window", "DURATION", "so long on either side of it (5m), or so long up to now"},
	{'n', "limit", "COUNT", "at most so many (100; at most 500)"},
};
static const struct cli_option activities_options[] = {
	{'w', "workflow", "WORKFLOW", "of this workflow only"},
	{0, "team", "TEAM", "of this team's workflows only"},
	{0, "trigger", "TRIGGER", "started by this trigger, or by this plugin, or manual"},
	{0, "status", "STATUS",
	 "notstarted, inProgress, waiting, completed, failure, invalid or cancelled; several with commas"},
	{0, "since", "TIME", "accepted since an instant, or how long ago: 30m, 12h, 7d"},
	{0, "until", "TIME", "accepted before an instant, or longer ago than this"},
	{'n', "limit", "COUNT", "at most so many (50; at most 500)"},
	{0, "before", "ID", "older than this activity: the next page"},
};
static const struct cli_option logs_options[] = {
	{'f', "follow", NULL, "go on until the activity has ended"},
};
static const struct cli_option token_create_options[] = {
	{0, "team", "TEAM", "cover all workflows of a team, instead of naming workflows"},
	{0, "label", "TEXT", "what it is for"},
	{0, "expires", "WHEN", "30d, a day such as 2030-01-31, an instant, or never (never)"},
	{0, "scope", "SCOPE",
	 "trigger, status, cancel, subscribe or action:PATTERN; may be repeated (trigger status cancel)"},
};
static const struct cli_option token_renew_options[] = {
	{0, "label", "TEXT", "which of several tokens of the workflow"},
	{0, "expires", "WHEN", "30d, a day, an instant, or never (the same lifetime again)"},
};
static const struct cli_option token_revoke_options[] = {
	{0, "label", "TEXT", "which of several tokens of the workflow"},
};
#define WEBHOOK_PLUGIN                                                                                                 \
	{                                                                                                              \
		0, "plugin", "NAME", "what tappet.json calls the plugin (webhook)"                                     \
	}
static const struct cli_option webhook_options[] = {WEBHOOK_PLUGIN};
static const struct cli_option webhook_test_options[] = {
	{0, "preset", "PRESET", "sign as this sender does (that of the trigger)"},
	{0, "body", "FILE", "the body (- for stdin); none by default"},
	{0, "header", "NAME:VALUE", "one more header; may be repeated"},
	{0, "method", "METHOD", "POST, if the trigger takes it"},
	{0, "url", "URL", "where to, in place of the daemon's first listener; with a path or without"},
	{0, "secret-env", "NAME", "sign here, with the secret in this variable"},
	{0, "secret-file", "FILE", "sign here, with the secret in this file"},
	{0, "key", "FILE", "sign here, with this private key (Ed25519)"},
	{0, "wait", "DURATION", "ask for the answer at the end of the activity (?wait=)"},
	{0, "dry-run", NULL, "send nothing; print a line for curl, without secrets"},
	WEBHOOK_PLUGIN,
};

#define SCHEDULE_NAMES "SCHEDULE is WORKFLOW/TRIGGER, or the id of one that was made by API."

const struct cli_command cli_commands[] = {
	{"init", "[DIR]", 0, 1, TAKES_JSON, OPTIONS(init_options), "make a configuration, a first workflow and a token",
	 "Writes tappet.json and workflows/hello.json into DIR (this folder), makes a token for the workflow\n"
	 "and prints a curl line that starts it. Nothing that exists is overwritten.",
	 cmd_init},
	{"serve", "", 0, 0, TAKES_CONFIG, OPTIONS(serve_options), "run the daemon", NULL, cmd_serve},
	{"check", "[--store [FILE]]", 0, 1, TAKES_CONFIG | TAKES_JSON, OPTIONS(check_options),
	 "find every mistake in configuration and workflows, or in a store",
	 "Reads the configuration, the workflows and the option tables of the plugins, and prints each mistake as\n"
	 "FILE:LINE:COLUMN. Needs no daemon and starts nothing. With --store it checks the store of the "
	 "configuration,\n"
	 "or the one in FILE, such as a backup; a daemon may have it open meanwhile.",
	 cmd_check},
	{"schema", "workflow|config", 1, 1, 0, NO_OPTIONS, "print the JSON Schema of a workflow or of tappet.json",
	 "For editors; made from the tables that 'tappet check' goes by. The same files are installed in\n"
	 "share/tappet/schema.",
	 cmd_schema},
	{"test", "WORKFLOW", 1, 1, TAKES_CONFIG | TAKES_JSON, OPTIONS(test_options),
	 "show what a workflow would make of an event",
	 "Reads the workflow's file and tells which trigger matches, with what parameters, dedup key and lane, and "
	 "every\n"
	 "step's final arguments. Outputs of steps stand as they are written, secrets as ***. Runs nothing, needs no\n"
	 "daemon. Exit code 5: no trigger wants it.",
	 cmd_test},
	{"schedule list", "", 0, 0, TAKES_DAEMON, OPTIONS(schedule_list_options),
	 "list schedules: those of definitions, then those that were made by API", SCHEDULE_NAMES, cmd_schedule_list},
	{"schedule show", "SCHEDULE", 1, 1, TAKES_DAEMON, NO_OPTIONS, "show one schedule", SCHEDULE_NAMES,
	 cmd_schedule_show},
	{"schedule create", "WORKFLOW", 0, 1, TAKES_DAEMON, OPTIONS(schedule_create_options),
	 "make a schedule that starts a workflow",
	 "By one of --cron, --every and --at. Prints the id of the schedule; a time that is past is an error. With "
	 "--file\n"
	 "it makes one or many, as GET /schedules/{id} shows their \"options\", and \"workflow\" where the command "
	 "names none;\n"
	 "each 250 of them all or not at all. The ids come in the order of the file.",
	 cmd_schedule_create},
	{"schedule set", "SCHEDULE", 1, 1, TAKES_DAEMON, OPTIONS(schedule_set_options), "change a schedule",
	 "What is not said stays; --label and --param replace all that there were. A schedule of a definition is "
	 "changed\n"
	 "there.",
	 cmd_schedule_set},
	{"schedule delete", "SCHEDULE...", 1, 100, TAKES_DAEMON, NO_OPTIONS, "delete schedules",
	 "Those that were made by API. What a definition has is taken out there.", cmd_schedule_delete},
	{"schedule pause", "SCHEDULE...", 1, 100, TAKES_DAEMON, NO_OPTIONS, "pause schedules",
	 "What falls into the pause does not fire and is not made up for.", cmd_schedule_pause},
	{"schedule resume", "SCHEDULE...", 1, 100, TAKES_DAEMON, NO_OPTIONS, "end the pause of schedules",
	 SCHEDULE_NAMES, cmd_schedule_resume},
	{"schedule run", "SCHEDULE", 1, 1, TAKES_DAEMON, OPTIONS(schedule_run_options),
	 "start what a schedule starts, now",
	 "With its parameters, and whether or not it is paused. Prints the id of the activity.", cmd_schedule_run},
	{"schedule skip", "SCHEDULE", 1, 1, TAKES_DAEMON, OPTIONS(schedule_skip_options),
	 "leave out the next time of a schedule", SCHEDULE_NAMES, cmd_schedule_skip},
	{"schedule backfill", "SCHEDULE", 1, 1, TAKES_DAEMON, OPTIONS(schedule_backfill_options),
	 "start activities for times of the past",
	 "Says how many it would be and asks; --yes starts them at once. They come one after the other, the oldest "
	 "first.",
	 cmd_schedule_backfill},
	{"schedule next", "[EXPR|SCHEDULE]", 0, 1, TAKES_DAEMON, OPTIONS(schedule_next_options),
	 "show when a cron pattern fires, or a schedule, or all of them",
	 "Without an argument, what comes next of all schedules of the daemon. A pattern needs no daemon; its times "
	 "come\n"
	 "with the offsets of its time zone, and what the clock skips, shifts or doubles. Lines of\n"
	 "--jsonl are {\"expr\", \"dialect\", \"opts\": {\"day\", \"dow\", \"dst_gap\", \"dst_overlap\"}, \"tz\", "
	 "\"from\", "
	 "\"n\"};\n"
	 "answers are {\"valid\":true,\"next\":[...]} or {\"valid\":false,\"error\":\"...\"}.",
	 cmd_schedule_next},
	{"schedule explain", "EXPR", 1, 1, TAKES_JSON, OPTIONS(schedule_explain_options),
	 "say in words when a cron pattern fires", "And what the next changes of the clock do to it.",
	 cmd_schedule_explain},
	{"reload", "", 0, 0, TAKES_DAEMON, NO_OPTIONS, "make the daemon read workflows and certificates again",
	 "One mistake refuses the whole reload: nothing changes then.", cmd_reload},
	{"run", "WORKFLOW", 1, 1, TAKES_DAEMON, OPTIONS(run_options), "start a workflow by hand",
	 "Prints the id of the activity. With --follow the exit code is the outcome: 0 completed, 1 failure or\n"
	 "invalid, 6 cancelled.",
	 cmd_run},
	{"activities", "", 0, 0, TAKES_DAEMON, OPTIONS(activities_options), "list activities, the newest first", NULL,
	 cmd_activities},
	{"status", "ID", 1, 1, TAKES_DAEMON, NO_OPTIONS, "show one activity and its steps", NULL, cmd_status},
	{"logs", "ID [STEP]", 1, 2, TAKES_DAEMON, OPTIONS(logs_options), "print what the steps of an activity wrote",
	 "STEP is a step's id, or its place from 1.", cmd_logs},
	{"cancel", "ID", 1, 1, TAKES_DAEMON, NO_OPTIONS, "end an activity", NULL, cmd_cancel},
	{"replay", "ID", 1, 1, TAKES_DAEMON, OPTIONS(replay_options), "start what an activity was once more",
	 "With the same parameters and payload. Prints the id of the new activity. With --follow the exit code is its\n"
	 "outcome, as of 'run'.",
	 cmd_replay},
	{"approve", "ID STEP", 2, 2, TAKES_DAEMON, OPTIONS(approve_options), "answer a step that waits for approval",
	 "'tappet status ID' shows which step asks, and what.", cmd_approve},
	{"emit", "TOPIC [JSON|@FILE|-]", 1, 2, TAKES_DAEMON | TAKES_SOCKET, OPTIONS(emit_options),
	 "emit an action: for triggers that match it, and steps that wait for it",
	 "TOPIC is words joined by dots: order.7.paid. The data is {} by default; - reads it from stdin. Shows what "
	 "it\n"
	 "started, what was refused and why, and how many steps went on.\n\n"
	 "With --server ws://HOST:PORT or wss://HOST a token in $TAPPET_TOKEN with a scope action:PATTERN is enough, "
	 "and\n"
	 "only what it covers is started.\n\n"
	 "Exit codes: 0 it was taken, also when nobody listens; 2 the arguments are wrong; 3 no daemon answers;\n"
	 "5 it was not taken: topic, token, or too much now; 7 it may have been taken: send it again with the same "
	 "key.",
	 cmd_emit},
	{"subscribe", "[TYPE,...]", 0, 1, TAKES_DAEMON | TAKES_SOCKET, OPTIONS(subscribe_options),
	 "show events as they come",
	 "A line for each, with --json as JSON; TYPE is as of --types. When the daemon or the way to it breaks it "
	 "waits\n"
	 "and goes on behind the last event, without gap or double. Ctrl-C ends it.\n\n"
	 "With --server ws://HOST:PORT or wss://HOST a token in $TAPPET_TOKEN with the scope subscribe is enough, and "
	 "what\n"
	 "it covers is shown.\n\n"
	 "Exit codes: 0 after --count events; 2 the arguments are wrong; 3 no daemon answers at the beginning;\n"
	 "4 no such workflow; 5 it is not served: filter, token, or too much now.",
	 cmd_subscribe},
	{"workflows", "", 0, 0, TAKES_DAEMON, NO_OPTIONS, "list workflows and how their triggers are", NULL,
	 cmd_workflows},
	{"workflows show", "WORKFLOW", 1, 1, TAKES_DAEMON, OPTIONS(show_options),
	 "show a workflow, its triggers, parameters and steps", NULL, cmd_workflows_show},
	{"workflows put", "FILE|-", 1, 1, TAKES_DAEMON, NO_OPTIONS,
	 "make or change a workflow that is not in the folder",
	 "The definition is as in the daemon's folder; - reads it from stdin. It is called by its \"slug\", else as "
	 "its\n"
	 "file. What is a file of the daemon's folder is changed there, not by this command.",
	 cmd_workflows_put},
	{"workflows delete", "WORKFLOW", 1, 1, TAKES_DAEMON, NO_OPTIONS, "remove a workflow that is not in the folder",
	 "Nothing starts it any more; its tokens and its history stay.", cmd_workflows_delete},
	{"workflows revisions", "WORKFLOW", 1, 1, TAKES_DAEMON, OPTIONS(revisions_options),
	 "list the revisions of a workflow, the newest first", NULL, cmd_workflows_revisions},
	{"workflows diff", "WORKFLOW [FROM [TO]]", 1, 3, TAKES_DAEMON, NO_OPTIONS,
	 "show what changed between two revisions",
	 "FROM and TO are numbers or ids. By default what the latest revision has changed; with FROM alone, what has\n"
	 "changed since then.",
	 cmd_workflows_diff},
	{"why", "WORKFLOW", 1, 1, TAKES_DAEMON, OPTIONS(why_options), "tell why a workflow did or did not start",
	 "What started it, what was refused and why, which expected occurrences were missed, when it was switched on "
	 "and\n"
	 "off, and who changed it, in order of time; and how it and its triggers are now.",
	 cmd_why},
	{"enable", "WORKFLOW[/TRIGGER]", 1, 1, TAKES_DAEMON, NO_OPTIONS, "switch a workflow or a trigger on", NULL,
	 cmd_enable},
	{"disable", "WORKFLOW[/TRIGGER]", 1, 1, TAKES_DAEMON, NO_OPTIONS, "switch a workflow or a trigger off", NULL,
	 cmd_disable},
	{"backup", "FILE", 1, 1, TAKES_DAEMON, NO_OPTIONS, "copy the store to a new file while the daemon runs",
	 "Over the control socket only: the daemon writes the file (0600), which has its name once it is complete.",
	 cmd_backup},
	{"restore", "FILE", 1, 1, TAKES_CONFIG | TAKES_JSON, NO_OPTIONS, "put a backup in the place of the store",
	 "For a daemon that is stopped. The backup is checked first; the store that was there is moved aside.",
	 cmd_restore},
	{"token create", "[WORKFLOW...]", 0, 100, TAKES_DAEMON, OPTIONS(token_create_options), "make a token",
	 "Prints the secret once; it is stored nowhere. Programs may read it from stdout.", cmd_token_create},
	{"token list", "[WORKFLOW]", 0, 1, TAKES_DAEMON, NO_OPTIONS, "list tokens, without their secrets", NULL,
	 cmd_token_list},
	{"token renew", "TOKEN-ID|WORKFLOW", 1, 1, TAKES_DAEMON, OPTIONS(token_renew_options),
	 "give a token a new secret and lifetime",
	 "The old secret ends at once. A workflow's name will do when it has one token only.", cmd_token_renew},
	{"token revoke", "TOKEN-ID|WORKFLOW", 1, 1, TAKES_DAEMON, OPTIONS(token_revoke_options), "end a token", NULL,
	 cmd_token_revoke},
	{"webhook test", "WORKFLOW[/TRIGGER]", 1, 1, TAKES_DAEMON, OPTIONS(webhook_test_options),
	 "send a webhook as its sender would, signed",
	 "Goes to the daemon's own listener and prints what came back. The daemon makes the signature, but hands out "
	 "no\n"
	 "secret: where the sender shows the secret itself (GitLab's token, Docker Hub, bearer, basic, header) give it "
	 "with\n"
	 "--secret-env or --secret-file, and a private key with --key. What is sent starts the workflow.",
	 cmd_webhook_test},
	{"webhook secrets", "WORKFLOW[/TRIGGER]", 1, 1, TAKES_DAEMON, OPTIONS(webhook_options),
	 "show when each secret was used last",
	 "For changing a secret without a gap: the old one may go when it is not used any more. The place of a secret "
	 "is "
	 "that\n"
	 "in the definition; its fingerprint stays when it changes places. After a kill the times may be a minute "
	 "behind.",
	 cmd_webhook_secrets},
	{"webhook requests", "WORKFLOW[/TRIGGER]", 1, 1, TAKES_DAEMON, OPTIONS(webhook_options),
	 "list the last requests that a trigger keeps",
	 "Those with \"keep\" in their \"with\" keep the last ones that were verified, and a few that were refused. "
	 "Without "
	 "TRIGGER it\n"
	 "is the workflow's first webhook trigger.",
	 cmd_webhook_requests},
	{"webhook show", "WORKFLOW[/TRIGGER] ID", 2, 2, TAKES_DAEMON, OPTIONS(webhook_options),
	 "show one of the requests that a trigger keeps", "As its emission was, without anything secret.",
	 cmd_webhook_show},
	{"webhook replay", "WORKFLOW[/TRIGGER] ID", 2, 2, TAKES_DAEMON, OPTIONS(webhook_options),
	 "emit a request that a trigger keeps once more",
	 "On the way that it took, with the trigger's filter and parameters of today. Prints the id of the activity. "
	 "Exit "
	 "code 5:\n"
	 "it was turned down, or is one that cannot be replayed: refused as it came, or too large to be kept whole.",
	 cmd_webhook_replay},
	{"webhook forget", "WORKFLOW[/TRIGGER] ID", 2, 2, TAKES_DAEMON, OPTIONS(webhook_options),
	 "delete a request that a trigger keeps", NULL, cmd_webhook_forget},
	{"plugins", "", 0, 0, TAKES_CONFIG | TAKES_JSON, NO_OPTIONS, "list the plugins there are",
	 "Those that the configuration loads and those in the plugin folder. Needs no daemon.", cmd_plugins},
	{"plugins show", "NAME|FILE.so", 1, 1, TAKES_CONFIG | TAKES_JSON, NO_OPTIONS,
	 "show a plugin's options and a sample", NULL, cmd_plugins_show},
	{"new-plugin", "NAME [DIR]", 1, 2, 0, OPTIONS(new_plugin_options),
	 "write the beginning of a plugin, with its test",
	 "Makes the folder DIR (NAME) with NAME.c, a test that needs no daemon, CMakeLists.txt and README.md. It\n"
	 "builds and passes as it is: cmake -B build && cmake --build build && ctest --test-dir build",
	 cmd_new_plugin},
	{"plugin-check", "FILE.so", 1, 1, TAKES_JSON, OPTIONS(plugin_check_options),
	 "say which rules of the ABI a plugin breaks",
	 "Drives it through its life in hostile orders, each in a process of its own, with a host that is made up:\n"
	 "the clock is virtual, and nothing is stored. The exit code is 1 when a rule is broken. Needs no daemon.",
	 cmd_plugin_check},
	{"import", "FILE", 1, 1, TAKES_CONFIG | TAKES_JSON, OPTIONS(import_options),
	 "make workflows of the hooks of adnanh/webhook",
	 "FILE is its hooks.json or hooks.yaml. Each hook becomes a workflow that answers at the same URL, in the "
	 "folder of\n"
	 "workflows; secrets go into files of their own. What cannot be carried over is told, with its place. A "
	 "trigger\n"
	 "of which a check was not carried over is switched off. Nothing that is there is overwritten.",
	 cmd_import},
	{"import crontab", "FILE|-", 1, 1, TAKES_CONFIG | TAKES_JSON, OPTIONS(import_crontab_options),
	 "make workflows of the entries of a crontab",
	 "Each entry becomes a workflow with a schedule and one step, in the folder of workflows: crontab -l | tappet "
	 "import\n"
	 "crontab -. Comments right above an entry become its name and description, variables its environment. What "
	 "cannot be\n"
	 "carried over is told, with its line; entries that were commented out are left alone. Nothing that is there "
	 "is\n"
	 "overwritten. Exit code 1: there were entries that could not be imported.",
	 cmd_import_crontab},
	{"completion", "bash", 1, 1, 0, NO_OPTIONS, "print a script for completion",
	 "Use: source <(tappet completion bash)", cmd_completion},
	{"version", "", 0, 0, TAKES_JSON, NO_OPTIONS, "print the version", NULL, cmd_version},
	{"help", "[COMMAND|exit-codes]", 0, 2, 0, NO_OPTIONS, "show this, or the help of a command", NULL, cmd_help},
};
const size_t cli_command_count = sizeof(cli_commands) / sizeof(cli_commands[0]);
