/* `retry`: how often, when, and for which failures. */
#include <stdlib.h>
#include <string.h>

#include "model/workflow_reader.h"

#define ATTEMPTS_MAX 1000
#define FACTOR_MAX 100
#define WORDS "exit, exit:75, exit:1-9, signal, timeout, start, status:429, status:5xx, network, output or child"

/* The kinds of steps that can fail so. */
static unsigned kinds_of(enum failure_kind failure)
{
	switch (failure) {
	case FAILURE_EXIT:
	case FAILURE_SIGNAL:
		return STEP_PROCESS;
	case FAILURE_STATUS:
	case FAILURE_NETWORK:
		return STEP_BIT(STEP_HTTP);
	case FAILURE_CHILD:
		return STEP_BIT(STEP_WORKFLOW);
	case FAILURE_NONE:
	case FAILURE_TIMEOUT:
	case FAILURE_START:
	case FAILURE_OUTPUT:
	case FAILURE_REJECTED:
	case FAILURE_OTHER:
		break;
	}
	return ~0u;
}

static void read_filter(struct reader *r, const struct json *item, struct retry_def *retry)
{
	if (!json_is_string(item))
		reader_expected(r, item, WORDS);
	else if (failure_filter_parse(json_str(item), &retry->on[retry->on_count]) < 0)
		reader_mistake(r, item, false, "\"%.60s\" is no failure: expected " WORDS, json_str(item));
	else
		retry->on_count++;
}

static void read_on(struct reader *r, void *into, const struct json *v)
{
	struct retry_def *retry = into;

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of failures: " WORDS);
		return;
	}
	if (!json_first(v))
		reader_mistake(r, v, false, "\"on\" is empty: nothing would be tried again");
	retry->on = reader_calloc(r, json_count(v), sizeof(*retry->on));
	for (const struct json *item = json_first(v); item && retry->on; item = json_next(item))
		read_filter(r, item, retry);
}

#define AT(member) READER_AT(struct retry_def, member)

static const struct reader_key retry_keys[] = {
	{"attempts", READ_INT, AT(attempts), .min = 1, .max = ATTEMPTS_MAX,
	 .help = "How often the step is tried in all."},
	{"backoff", READ_DURATION, AT(backoff_ms), .help = "The wait before the second attempt; 1s by default."},
	{"factor", READ_NUMBER, AT(factor), .min = 1, .max = FACTOR_MAX,
	 .help = "What the wait grows by each time; 2 by default."},
	{"max", READ_DURATION, AT(max_ms), .help = "The longest wait; 1h by default."},
	{"jitter", READ_NUMBER, AT(jitter), .min = 0, .max = 1,
	 .help = "The share of the wait that is left to chance; 0.1 by default."},
	{"on", READ_CUSTOM, .read = read_on,
	 .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\"}}",
	 .help = "The failures that are worth another attempt: " WORDS "; any by default."},
};

const struct reader_table workflow_retry_table = {
	"retry", "\"retry\"", retry_keys, sizeof(retry_keys) / sizeof(retry_keys[0]), "\"required\":[\"attempts\"]"};

void workflow_read_retry(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	struct retry_def *retry = &def->retry;

	if (json_is_object(v) && !json_get(v, "attempts"))
		reader_mistake(r, v, false, "\"retry\" needs \"attempts\": how often the step is tried in all");
	reader_object(r, &workflow_retry_table, v, retry);
	if (retry->max_ms >= retry->backoff_ms)
		return;
	if (json_get(v, "max"))
		reader_mistake(r, json_get(v, "max"), false, "\"max\" is shorter than \"backoff\"");
	retry->max_ms = retry->backoff_ms;
}

void workflow_check_retry(struct reader *r, const struct step_def *def, const struct json *v)
{
	const struct json *item = json_first(json_get(v, "on"));

	/* With a mistake in the list its items are not those of the filters. */
	if (json_count(json_get(v, "on")) != def->retry.on_count)
		return;
	for (size_t i = 0; i < def->retry.on_count; i++, item = json_next(item)) {
		enum failure_kind kind = def->retry.on[i].kind;

		if (!(kinds_of(kind) & STEP_BIT(def->kind)))
			reader_mistake(r, item, false, "\"%s\": a step with \"%s\" never fails so", json_str(item),
				       step_kind_name(def->kind));
	}
}
