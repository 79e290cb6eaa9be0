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

static void read_name(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	(void)reader_string(r, v, &w->name);
}

static void read_team(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	(void)reader_string(r, v, &w->team);
}

static void read_description(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	(void)reader_string(r, v, &w->description);
}

static void read_manual(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	(void)reader_bool(r, v, &w->manual);
}

static void read_enabled(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	(void)reader_bool(r, v, &w->enabled);
}

static void read_timeout(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;

	(void)reader_duration(r, v, 1, &w->timeout_ms);
}

static const struct reader_key workflow_keys[] = {
	{"$schema", read_schema},
	{"slug", read_slug},
	{"id", read_id},
	{"name", read_name},
	{"team", read_team},
	{"description", read_description},
	{"params", workflow_read_params},
	{"triggers", workflow_read_triggers},
	{"steps", workflow_read_steps},
	{"manual", read_manual},
	{"enabled", read_enabled},
	{"timeout", read_timeout},
	/* of later versions */
	{"concurrency", NULL},
	{"onFailure", NULL},
};

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
	const struct json *root = r->file->root;

	reader_object(r, "a workflow", workflow_keys, sizeof(workflow_keys) / sizeof(workflow_keys[0]), root, wr->w);
	if (!json_is_object(root))
		return;
	if (!json_get(root, "steps"))
		reader_mistake(r, root, false, "a workflow needs \"steps\"");
	else if (json_is_array(json_get(root, "steps")) && !json_first(json_get(root, "steps")))
		reader_mistake(r, json_get(root, "steps"), false, "a workflow needs at least one step");
	fill_defaults(r, wr->w, slug);
	if (!r->error)
		workflow_check(wr);
}

static int finish(struct workflow_reader *wr)
{
	int r = reader_finish(&wr->reader);

	if (r < 0)
		return r;
	r = workflow_make_canonical(wr->w, wr->reader.file->root);
	if (r == -E2BIG) {
		reader_mistake(&wr->reader, NULL, false, "larger than %d bytes together with its scripts",
			       WORKFLOW_SIZE_MAX);
		return -EINVAL;
	}
	return r;
}

int workflow_parse(const struct json_file *file, const char *slug,
		   int (*read_file)(void *arg, const char *path, char **ret_text, size_t *ret_len), void *arg,
		   struct diag *d, struct workflow **ret)
{
	struct workflow_reader wr = {.read_file = read_file, .arg = arg};
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

int workflow_from_canonical(const char *text, size_t len, struct workflow **ret)
{
	struct json_file *file = NULL;
	struct diag d;
	int r;

	diag_init(&d);
	r = json_file_parse("revision", text, len, &d, &file);
	if (r == 0)
		r = workflow_parse(file, "", NULL, NULL, &d, ret);
	json_file_free(file);
	diag_release(&d);
	return r;
}
