/* `concurrency`: what happens when another activity of the workflow has not ended yet. */
#include <string.h>

#include "model/workflow_reader.h"

#define LIMIT_MAX 100000
#define QUEUE_MAX 100000000

static void read_overlap(struct reader *r, void *into, const struct json *v)
{
	static const char *const words[] = {
		[OVERLAP_ALLOW] = "allow",
		[OVERLAP_SKIP] = "skip",
		[OVERLAP_QUEUE] = "queue",
		[OVERLAP_CANCEL] = "cancel-running",
	};
	struct concurrency_def *c = into;

	for (size_t i = 0; json_is_string(v) && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(json_str(v), words[i]) != 0)
			continue;
		c->overlap = (enum overlap)i;
		return;
	}
	reader_mistake(r, v, false, "\"overlap\": expected \"allow\", \"skip\", \"queue\" or \"cancel-running\"");
}

#define AT(member) READER_AT(struct concurrency_def, member)

static const struct reader_key concurrency_keys[] = {
	{"limit", READ_INT, AT(limit), .min = 1, .max = LIMIT_MAX,
	 .help = "How many activities may be under way at once; 1 by default."},
	{"overlap", READ_CUSTOM, .read = read_overlap,
	 .schema = "{\"enum\":[\"allow\",\"skip\",\"queue\",\"cancel-running\"]}",
	 .help = "What becomes of one more: `queue` (it waits; the default), `skip` (it is refused), `cancel-running` "
		 "(the "
		 "oldest is cancelled for it) or `allow`."},
	{"queue", READ_INT, AT(queue_max), .min = 1, .max = QUEUE_MAX,
	 .help = "With `queue`: how many may wait; further ones are refused. No bound of its own by default."},
	{"key", READ_PROGRAM, AT(key),
	 .help = "A jq program over `{params, payload, cause, trigger}`: the limit holds for each key apart."},
};

const struct reader_table workflow_concurrency_table = {"concurrency", "\"concurrency\"", concurrency_keys,
							sizeof(concurrency_keys) / sizeof(concurrency_keys[0]), NULL};

static void useless(struct reader *r, const struct json *v, const char *key, const char *why)
{
	const struct json *member = json_get(v, key);

	if (member)
		reader_mistake(r, member, true, "\"%s\" means nothing %s", key, why);
}

void workflow_read_concurrency(struct reader *r, void *into, const struct json *v)
{
	struct concurrency_def *c = &((struct workflow *)into)->concurrency;

	*c = (struct concurrency_def){.overlap = OVERLAP_QUEUE, .limit = 1};
	reader_object(r, &workflow_concurrency_table, v, c);
	if (c->overlap != OVERLAP_QUEUE)
		useless(r, v, "queue", "without \"overlap\": \"queue\": nothing waits");
	if (c->overlap != OVERLAP_ALLOW)
		return;
	useless(r, v, "limit", "beside \"overlap\": \"allow\": there is no limit");
	useless(r, v, "key", "beside \"overlap\": \"allow\": there is no limit");
	c->limit = 0;
}
