#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "model/names.h"
#include "model/workflow_reader.h"

static void read_schema(struct reader *r, void *into, const struct json *v)
{
	(void)into;
	if (!json_is_string(v)) /* for editors only */
		reader_expected(r, v, "a string");
}

static void read_slug(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	if (json_is_string(v) && !name_is_slug(json_str(v)))
		reader_mistake(r, v, false,
			       "\"%.120s\" is no slug: expected 1 to %d of a-z, 0-9 and -, not a dash first, "
			       "not 24 hex digits",
			       json_str(v), SLUG_MAX_LEN);
	else
		(void)reader_string(r, v, &w->slug);
}

static void read_id(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	if (json_is_string(v) && !id_valid(json_str(v)))
		reader_mistake(r, v, false, "\"id\": expected 24 lower-case hex digits");
	else
		(void)reader_string(r, v, &w->imported_id);
}

#define AT(member) READER_AT(struct workflow, member)

static const struct reader_key workflow_keys[] = {
	{"$schema", READ_CUSTOM, .read = read_schema, .schema = "{\"type\":\"string\"}",
	 .help = "For editors: the JSON Schema of this file. Not read."},
	{"slug", READ_CUSTOM, .read = read_slug, .schema = READER_REF("slug"),
	 .help = "Its short name in URLs and commands; by default the file's name."},
	{"id", READ_CUSTOM, .read = read_id, .schema = "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$\"}",
	 .help = "A 24-hex id to keep when a workflow moves here from elsewhere; by default one is made once and "
		 "kept."},
	{"name", READ_STRING, AT(name), .help = "For people; the slug by default."},
	{"team", READ_STRING, AT(team), .help = "For people; empty by default."},
	{"description", READ_STRING, AT(description), .help = "For people; empty by default."},
	{"params", READ_CUSTOM, .read = workflow_read_params,
	 .schema = "{\"type\":\"object\",\"propertyNames\":" READER_REF(
		 "identifier") ",\"additionalProperties\":" READER_REF("param") "}",
	 .help = "The parameters by name."},
	{"triggers", READ_CUSTOM, .read = workflow_read_triggers,
	 .schema = "{\"type\":\"array\",\"items\":" READER_REF("trigger") "}", .help = "What starts it."},
	{"concurrency", READ_CUSTOM, .read = workflow_read_concurrency, .schema = READER_REF("concurrency"),
	 .help = "How many activities of it may be under way at once; any number by default."},
	{"priority", READ_INT, AT(priority), .min = -WORKFLOW_PRIORITY_MAX, .max = WORKFLOW_PRIORITY_MAX,
	 .help = "Each step up doubles its share of the steps that may start; 0 by default."},
	{"steps", READ_CUSTOM, .read = workflow_read_steps,
	 .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/step\",\"required\":[\"id\"]}}",
	 .help = "At least one."},
	{"onFailure", READ_ANY, .schema = READER_REF("onFailure"),
	 .help = "A step that runs when all others have ended and the activity has failed; null: none, whatever "
		 "`defaults.onFailure` says."},
	{"manual", READ_BOOL, AT(manual), .help = "`false`: it cannot be started by hand; true by default."},
	{"enabled", READ_BOOL, AT(enabled), .help = "`false`: nothing starts it; what runs goes on. True by default."},
	{"timeout", READ_DURATION, AT(timeout_ms), .min = 1, .help = "Of an activity as a whole; none by default."},
};

const struct reader_table workflow_table = {"workflow", "a workflow", workflow_keys,
					    sizeof(workflow_keys) / sizeof(workflow_keys[0]),
					    "\"required\":[\"steps\"]"};

static void fill_defaults(struct reader *r, struct workflow *w, const char *slug)
{
	if (!w->slug && !json_get(r->file->root, "slug")) {
		if (!name_is_slug(slug))
			reader_mistake(r, NULL, false,
				       "the file's name \"%.120s\" is no slug (a-z, 0-9 and -): give the workflow a "
				       "\"slug\"",
				       slug);
		w->slug = reader_strdup(r, slug);
	}
	if (!w->name && w->slug)
		w->name = reader_strdup(r, w->slug);
	if (!w->team)
		w->team = reader_strdup(r, "");
	if (!w->description)
		w->description = reader_strdup(r, "");
}

static void read_all(struct workflow_reader *wr, const char *slug)
{
	struct reader *r = &wr->reader;
	const struct json *root = r->file->root, *own;

	reader_object(r, &workflow_table, root, wr->w);
	if (!json_is_object(root))
		return;
	if (!json_get(root, "steps"))
		reader_mistake(r, root, false, "a workflow needs \"steps\"");
	else if (json_is_array(json_get(root, "steps")) && !json_first(json_get(root, "steps")))
		reader_mistake(r, json_get(root, "steps"), false, "a workflow needs at least one step");
	own = json_get(root, "onFailure");
	workflow_read_on_failure(wr, own ? own : wr->options->on_failure, !own);
	fill_defaults(r, wr->w, slug);
	if (!r->error)
		workflow_check_triggers(wr);
	if (!r->error)
		workflow_check(wr);
}

static int finish(struct workflow_reader *wr)
{
	int r = reader_finish(&wr->reader);

	if (r < 0)
		return r;
	r = workflow_make_canonical(wr->w, wr->reader.file->root, wr->options->on_failure);
	if (r == -E2BIG) {
		reader_mistake(&wr->reader, NULL, false, "larger than %d bytes together with its scripts",
			       WORKFLOW_SIZE_MAX);
		return -EINVAL;
	}
	return r;
}

int workflow_parse(const struct json_file *file, const char *slug, const struct workflow_options *options,
		   struct diag *d, struct workflow **ret)
{
	static const struct workflow_options none;
	struct workflow_reader wr = {.options = options ? options : &none};
	int r;

	wr.w = calloc(1, sizeof(*wr.w));
	if (!wr.w)
		return -ENOMEM;
	*wr.w = (struct workflow){.references = 1, .manual = true, .enabled = true};
	reader_init(&wr.reader, file, d);
	map_init(&wr.steps);
	read_all(&wr, slug);
	r = finish(&wr);
	map_release(&wr.steps);
	free(wr.sources);
	free(wr.uses);
	if (r < 0) {
		workflow_unref(wr.w);
		return r;
	}
	*ret = wr.w;
	return 0;
}

void workflow_check_on_failure(struct reader *r, const struct json *step)
{
	static const struct workflow_options none;
	struct workflow w = {0};
	struct workflow_reader wr = {.w = &w, .options = &none};

	reader_init(&wr.reader, r->file, r->d);
	map_init(&wr.steps);
	w.steps = reader_calloc(r, 1, sizeof(*w.steps));
	wr.sources = reader_calloc(r, 1, sizeof(*wr.sources));
	workflow_read_on_failure(&wr, step, true);
	if (!r->error && !wr.reader.error)
		workflow_check(&wr);
	r->mistakes += wr.reader.mistakes;
	if (wr.reader.error)
		r->error = wr.reader.error;
	workflow_release_parts(&w);
	map_release(&wr.steps);
	free(wr.sources);
	free(wr.uses);
}

int workflow_from_canonical(const char *text, size_t len, struct workflow **ret)
{
	struct json_file *file = NULL;
	struct diag d;
	int r;

	diag_init(&d);
	r = json_file_parse("revision", text, len, &d, &file);
	if (r == 0)
		r = workflow_parse(file, "", NULL, &d, ret);
	json_file_free(file);
	diag_release(&d);
	return r;
}
