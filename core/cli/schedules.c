#include "cli/schedules.h"

#include <ctype.h>
#include "base/id.h"
#include "cli/input.h"
#include "cli/params.h"

/* ---- Names ----------------------------------------------------------------------------------------------------- */

/* A pattern has blanks between its fields or begins with '@'; a field such as 0/15 has no letter before the '/'. */
bool schedules_is_name(const char *text)
{
	const char *slash = strchr(text, '/');
	bool letter = false;
	if (id_valid(text))
		return true;
	if (!slash || slash == text || slash[1] == '\0')
		return false;
	for (const char *c = text; *c; c++) {
		letter = letter || (c < slash && isalpha((unsigned char)*c));
		if (!isalnum((unsigned char)*c) && !strchr("-_", *c) && c != slash)
			return false;
	}
	return letter;
}

void schedules_path(struct buf *path, const char *name, const char *verb)
{
	buf_init(path, 16 * 1024);
	buf_str(path, SCHEDULES_API "/schedules");
	if (!name)
		return;
	buf_char(path, '/');
	client_escape(path, name);
	if (verb)
		buf_printf(path, "/%s", verb);
}

/* ---- Calls ----------------------------------------------------------------------------------------------------- */

static bool has_plugin(struct cli *c)
{
	struct answer answer;
	bool found = false;
	if (client_try(c, "GET", "/plugins", NULL, &answer) != CLI_OK)
		return true;
	for (const struct json *p = json_first(json_get(answer.json, "plugins")); p; p = json_next(p))
		found = found || strcmp(json_get_str(p, "name"), "schedule") == 0;
	answer_release(&answer);
	return found;
}

int schedules_call(struct cli *c, const char *method, struct buf *path, const struct buf *body, struct answer *ret)
{
	const int code = client_call_path(c, method, path, body, ret);
	if (code == CLI_NOT_FOUND && !has_plugin(c))
		cli_error("the daemon has no plugin \"schedule\": name it under \"plugins\" in its tappet.json");
	return code;
}

/* ---- Options --------------------------------------------------------------------------------------------------- */

enum kind { TEXT, LIST, NUMBER, LABELS, PARAMS };

/* What they are called here and there. */
static const struct {
	const char *option, *key;
	enum kind kind;
} written[] = {
	{"cron", "cron", TEXT},
	{"every", "every", TEXT},
	{"at", "at", LIST},
	{"timezone", "timezone", TEXT},
	{"dialect", "dialect", TEXT},
	{"day", "day", TEXT},
	{"dow", "dow", TEXT},
	{"dst-gap", "dst_gap", TEXT},
	{"dst-overlap", "dst_overlap", TEXT},
	{"anchor", "anchor", TEXT},
	{"start", "start", TEXT},
	{"end", "end", TEXT},
	{"exclude", "exclude", LIST},
	{"jitter", "jitter", TEXT},
	{"jitter-by", "jitterBy", TEXT},
	{"misfire", "misfire", TEXT},
	{"catchup-window", "catchupWindow", TEXT},
	{"catchup-max", "catchupMax", NUMBER},
	{"grace", "grace", TEXT},
	{"name", "name", TEXT},
	{"description", "description", TEXT},
	{"label", "labels", LABELS},
	{"param", "params", PARAMS},
};
#define WRITTEN_COUNT (sizeof(written) / sizeof(written[0]))

static void write_list(const struct cli *c, const char *option, struct buf *out)
{
	const char *text;
	jsonw_open(out, '[');
	for (size_t i = 0; (text = cli_value_at(c, option, i)); i++)
		jsonw_str(out, text);
	jsonw_close(out, ']');
}

static bool write_number(const struct cli *c, const char *option, struct buf *out)
{
	char *end;
	const char *text = cli_value(c, option);
	const long long value = strtoll(text, &end, 10);
	if (end == text || *end) {
		cli_error("--%s must be a number, not '%s'", option, text);
		return false;
	}
	jsonw_int(out, value);
	return true;
}

static bool write_labels(const struct cli *c, struct buf *out)
{
	const char *label;
	jsonw_open(out, '{');
	for (size_t i = 0; (label = cli_value_at(c, "label", i)); i++) {
		const char *equals = strchr(label, '=');
		char *name = equals && equals > label ? strndup(label, (size_t)(equals - label)) : NULL;
		if (!name) {
			cli_error("a label is NAME=VALUE, not '%s'", label);
			return false;
		}
		jsonw_key(out, name);
		jsonw_str(out, equals + 1);
		free(name);
	}
	jsonw_close(out, '}');
	return true;
}

static bool write_option(const struct cli *c, size_t i, struct buf *out)
{
	const char *option = written[i].option;
	jsonw_key(out, written[i].key);
	switch (written[i].kind) {
	case LIST:
		write_list(c, option, out);
		return true;
	case NUMBER:
		return write_number(c, option, out);
	case LABELS:
		return write_labels(c, out);
	case PARAMS:
		return params_write(c, out);
	case TEXT:
	default:
		jsonw_str(out, cli_value(c, option));
		return true;
	}
}

bool schedules_write_options(const struct cli *c, struct buf *out)
{
	for (size_t i = 0; i < WRITTEN_COUNT; i++)
		if (cli_flag(c, written[i].option) && !write_option(c, i, out))
			return false;
	if (buf_error(out) == 0)
		return true;
	cli_error("the command line is too long");
	return false;
}

static const char *key_of(const char *option)
{
	for (size_t i = 0; i < WRITTEN_COUNT; i++)
		if (strcmp(written[i].option, option) == 0 || strcmp(written[i].key, option) == 0)
			return written[i].key;
	return NULL;
}

/* A schedule of another kind is no longer what it was. */
static void unset_other_kinds(const struct cli *c, struct buf *out)
{
	static const char *const kinds[] = {"cron", "every", "at"};
	if (!cli_flag(c, "cron") && !cli_flag(c, "every") && !cli_flag(c, "at"))
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (cli_flag(c, kinds[i]))
			continue;
		jsonw_key(out, kinds[i]);
		jsonw_null(out);
	}
}

bool schedules_write_unset(const struct cli *c, struct buf *out)
{
	const char *option;
	unset_other_kinds(c, out);
	for (size_t i = 0; (option = cli_value_at(c, "unset", i)); i++) {
		const char *key = key_of(option);
		if (!key) {
			cli_error("--unset must be an option of a schedule such as end, not '%s'", option);
			return false;
		}
		jsonw_key(out, key);
		jsonw_null(out);
	}
	return true;
}
