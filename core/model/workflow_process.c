/* What a step says about its process. */
#include <string.h>

#include "model/workflow_reader.h"

#define USER_MAX_LEN 32
#define COUNT_MAX 1000000

void workflow_read_run(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_set_action(r, def, STEP_RUN, v);
	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of a program and its arguments");
		return;
	}
	if (!json_first(v) || (json_is_string(json_first(v)) && !*json_str(json_first(v)))) {
		reader_mistake(r, v, false, "\"run\" names no program");
		return;
	}
	def->argv = reader_calloc(r, json_count(v), sizeof(*def->argv));
	if (!def->argv)
		return;
	for (const struct json *item = json_first(v); item; item = json_next(item))
		workflow_read_subst(workflow_reader_of(r), item, &def->argv[def->argc++]);
}

void workflow_read_cwd(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_read_subst(workflow_reader_of(r), v, &def->cwd);
	if (json_is_string(v) && !*json_str(v))
		reader_mistake(r, v, false, "\"cwd\" is empty");
	def->has_cwd = true;
}

void workflow_read_user(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	const char *name = json_str(v);

	if (name && (!*name || strlen(name) > USER_MAX_LEN || strpbrk(name, ":/ \t\n") || *name == '-'))
		reader_mistake(r, v, false, "\"user\": \"%.60s\" is no name of a user", name);
	else
		(void)reader_string(r, v, &def->limits.user);
}

#define AT(member) READER_AT(struct limits_def, member)

static const struct reader_key limits_keys[] = {
	{"cpuTime", READ_DURATION, AT(cpu_ms), .min = 1000,
	 .help = "Time on a processor; a process that has used it up is ended."},
	{"memory", READ_SIZE, AT(memory), .min = 1, .max = INT64_MAX, .help = "Address space of each process."},
	{"fileSize", READ_SIZE, AT(file_size), .min = 1, .max = INT64_MAX,
	 .help = "The largest file that it may write."},
	{"files", READ_INT, AT(files), .min = 1, .max = COUNT_MAX, .help = "How many files it may have open."},
	{"processes", READ_INT, AT(processes), .min = 1, .max = COUNT_MAX,
	 .help = "How many processes its user may have, those of other steps included."},
};

const struct reader_table workflow_limits_table = {"limits", "\"limits\"", limits_keys,
						   sizeof(limits_keys) / sizeof(limits_keys[0]), NULL};

void workflow_read_limits(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	reader_object(r, &workflow_limits_table, v, &def->limits);
}

void workflow_read_on_crash(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	const char *text = json_str(v);

	if (!text || (strcmp(text, "fail") != 0 && strcmp(text, "rerun") != 0)) {
		reader_mistake(r, v, false, "\"onCrash\": expected \"rerun\" or \"fail\"");
		return;
	}
	def->on_crash_fail = strcmp(text, "fail") == 0;
}
