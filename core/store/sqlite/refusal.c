/* Refusals: one row per minute, trigger and reason, with a count and the last few samples. */
#include "store/sqlite/internal.h"

#include <errno.h>
#include "base/json.h"
#include "model/reason.h"

#define SAMPLES_KEPT 3
#define SAMPLE_MAX 200
#define DATA_MAX 4096

/* What is kept so far, one sample a line. */
struct kept {
	int64_t count, last_ms;
	char sample[SAMPLES_KEPT * (SAMPLE_MAX + 1)];
};

/* One line, cut at a bound and never in the middle of a character. */
static size_t clean(const char *sample, char to[static SAMPLE_MAX + 1])
{
	size_t len = sample ? strnlen(sample, SAMPLE_MAX + 1) : 0;
	if (len > SAMPLE_MAX) {
		len = SAMPLE_MAX;
		while (len > 0 && ((unsigned char)sample[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++)
		to[i] = (char)((unsigned char)sample[i] < ' ' ? ' ' : sample[i]);
	to[len] = '\0';
	return len;
}

/* Puts a sample in front, drops its double and what is too much. */
static void merge_sample(struct kept *kept, const char *sample)
{
	char merged[sizeof(kept->sample)];
	char line[SAMPLE_MAX + 1];
	size_t len = clean(sample, line), lines = 1;

	if (len == 0)
		return;
	memcpy(merged, line, len);
	for (const char *at = kept->sample; *at && lines < SAMPLES_KEPT;) {
		size_t old = strcspn(at, "\n");
		if ((old != strlen(line) || memcmp(at, line, old) != 0) && len + 1 + old < sizeof(merged)) {
			merged[len++] = '\n';
			memcpy(merged + len, at, old);
			len += old;
			lines++;
		}
		at += old + (at[old] == '\n');
	}
	memcpy(kept->sample, merged, len);
	kept->sample[len] = '\0';
}

static int load(struct backend *b, const struct store_refusal *refusal, const uint8_t *workflow, size_t workflow_len,
		struct kept *ret)
{
	sqlite3_stmt *st = NULL;
	int r = sql_bind(&b->writer, SQL_FIND_REFUSAL, &st, "ibtti", refusal->minute_ms, workflow, workflow_len,
			 text_or_empty(refusal->trigger_id), text_or_empty(refusal->trigger), (int64_t)refusal->reason);
	if (r == 0)
		r = sql_step(&b->writer, st);
	if (r <= 0)
		return r;
	ret->count = sqlite3_column_int64(st, 0);
	ret->last_ms = sqlite3_column_int64(st, 1);
	snprintf(ret->sample, sizeof(ret->sample), "%s", (const char *)sqlite3_column_text(st, 2));
	sqlite3_reset(st);
	return 0;
}

int refusal_add(struct backend *b, const struct store_refusal *refusal)
{
	struct kept kept = {0};
	uint8_t workflow[ID_BLOB];
	size_t workflow_len = id_to_blob(text_or_empty(refusal->workflow_id), workflow) == 0 ? ID_BLOB : 0;

	int r = load(b, refusal, workflow, workflow_len, &kept);
	if (r < 0)
		return r;
	kept.count += (int64_t)refusal->count;
	if (refusal->last_ms > kept.last_ms)
		kept.last_ms = refusal->last_ms;
	merge_sample(&kept, refusal->sample);
	return sql_run(&b->writer, SQL_SET_REFUSAL, "ibttiiit", refusal->minute_ms, workflow, workflow_len,
		       text_or_empty(refusal->trigger_id), text_or_empty(refusal->trigger), (int64_t)refusal->reason,
		       kept.count, kept.last_ms, kept.sample);
}

static char *event_data(const struct store_refusal *refusal)
{
	char sample[SAMPLE_MAX + 1];
	struct buf data;
	buf_init(&data, DATA_MAX);
	jsonw_open(&data, '{');
	if (text_or_empty(refusal->trigger_id)[0]) {
		jsonw_key(&data, "trigger");
		jsonw_str(&data, refusal->trigger_id);
	}
	if (text_or_empty(refusal->trigger)[0]) {
		jsonw_key(&data, "plugin");
		jsonw_str(&data, refusal->trigger);
	}
	jsonw_key(&data, "reason");
	jsonw_str(&data, reason_name(refusal->reason));
	jsonw_key(&data, "count");
	jsonw_int(&data, (int64_t)(refusal->count + refusal->known));
	if (clean(refusal->sample, sample) > 0) {
		jsonw_key(&data, "sample");
		jsonw_str(&data, sample);
	}
	jsonw_close(&data, '}');
	char *text = buf_detach(&data, NULL);
	buf_release(&data);
	return text;
}

static int add_event(struct backend *b, struct store_refusals *refusals, const struct store_refusal *refusal)
{
	const char *workflow_id = text_or_empty(refusal->workflow_id);
	int64_t workflow = 0;
	if (refusals->ret_event_count == STORE_REFUSED_EVENTS_MAX)
		return 0;
	int r = names_workflow(b, workflow_id, &workflow);
	if (r < 0 && r != -ENOENT)
		return r;
	struct event *event = event_append(&refusals->ret_events, &refusals->ret_event_count);
	if (!event)
		return -ENOMEM;
	event->data = event_data(refusal);
	if (!event->data)
		return -ENOMEM;
	event->type = EVENT_TRIGGER_REFUSED;
	event->time_ms = refusal->last_ms;
	if (workflow)
		memcpy(event->workflow_id, workflow_id, ID_SIZE);
	return event_add(b, event, workflow);
}

int apply_refusals(struct backend *b, struct store_refusals *refusals)
{
	int r = 0;
	for (size_t i = 0; i < refusals->count && r == 0; i++) {
		if (refusals->items[i].count > 0)
			r = refusal_add(b, &refusals->items[i]);
		if (r == 0)
			r = add_event(b, refusals, &refusals->items[i]);
	}
	return r;
}
