/* plugin-check: which rules of the ABI a plugin breaks. Needs no project and no daemon. */
#include <stdlib.h>
#include "base/json.h"
#include "base/log.h"
#include "cli/command.h"
#include "host/probe/probe.h"

static const char *const states[] = {"not applicable", "PASS", "FAIL"};

static size_t broken(const struct probe_report *r)
{
	size_t count = 0;
	for (size_t i = 0; i < probe_rule_count(); i++)
		count += probe_rule_state(r, i) == PROBE_BROKEN;
	return count;
}

static void print_text(const struct probe_report *r)
{
	for (size_t i = 0; i < probe_rule_count(); i++) {
		const enum probe_state state = probe_rule_state(r, i);
		printf("%-14s  %-14s  %s\n", states[state], probe_rule_id(i), probe_rule_text(i));
		if (state == PROBE_BROKEN)
			printf("%-14s  %-14s  %s\n", "", "", probe_rule_detail(r, i));
	}
	const size_t count = broken(r);
	printf("%zu %s broken\n", count, count == 1 ? "rule is" : "rules are");
}

static void print_json(const char *path, const struct probe_report *r)
{
	static const char *const words[] = {"not applicable", "pass", "fail"};
	struct buf out;
	buf_init(&out, (size_t)1024 * 1024);
	jsonw_open(&out, '{');
	jsonw_key(&out, "path");
	jsonw_str(&out, path);
	jsonw_key(&out, "broken");
	jsonw_int(&out, (int64_t)broken(r));
	jsonw_key(&out, "rules");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < probe_rule_count(); i++) {
		const enum probe_state state = probe_rule_state(r, i);
		if (i)
			buf_char(&out, ',');
		jsonw_open(&out, '{');
		jsonw_key(&out, "id");
		jsonw_str(&out, probe_rule_id(i));
		jsonw_key(&out, "rule");
		jsonw_str(&out, probe_rule_text(i));
		jsonw_key(&out, "result");
		jsonw_str(&out, words[state]);
		if (state == PROBE_BROKEN) {
			jsonw_key(&out, "detail");
			jsonw_str(&out, probe_rule_detail(r, i));
		}
		jsonw_close(&out, '}');
	}
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	puts(buf_cstr(&out));
	buf_release(&out);
}

int cmd_plugin_check(struct cli *c)
{
	struct probe_options options = {.with = cli_value(c, "with"), .trigger = cli_value(c, "trigger")};
	struct probe_report *report;
	const char *wrong = NULL;
	char *path = realpath(c->args[0], NULL);
	if (!path) {
		cli_error("%s: no such file", c->args[0]);
		return CLI_NOT_FOUND;
	}
	options.path = path;
	const int r = probe_run(&options, &report, &wrong);
	if (r < 0) {
		if (wrong)
			cli_error("%s must be a JSON object", wrong);
		else
			cli_error("the plugin cannot be checked: %s", log_strerror(r));
		free(path);
		return wrong ? CLI_USAGE : CLI_FAILED;
	}
	if (c->json)
		print_json(path, report);
	else
		print_text(report);
	const int code = broken(report) ? CLI_FAILED : CLI_OK;
	probe_report_free(report);
	free(path);
	return code;
}
