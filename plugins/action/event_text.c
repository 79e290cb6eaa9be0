/* An event as it is sent. A thousand subscribers of the same events get the same bytes, made once: the last ones are kept, each
 * at a place that its number gives. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include "action.h"

#define KEPT_MAX 4096 /* bytes of one that is kept */

char *time_format(int64_t ms, char text[static TIME_SIZE])
{
	const int64_t rest = (ms % 1000 + 1000) % 1000;
	const time_t s = (time_t)((ms - rest) / 1000);
	struct tm utc = {0};
	char whole[TIME_SIZE - 8] = "";
	if (!gmtime_r(&s, &utc) || strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		whole[0] = '\0';
	snprintf(text, TIME_SIZE, "%s.%03dZ", whole, (int)rest);
	return text;
}

static void write_workflow(struct plugin *p, const char *id, struct text *t)
{
	tappet_workflow_info info = {.struct_size = sizeof(info)};
	if (!id[0])
		return;
	const bool known = p->events->workflow(p->self, tappet_cstr(id), &info) == TAPPET_OK;
	text_member(t, "workflow", tappet_cstr(known ? info.workflow_slug : id));
}

static void write_event(struct plugin *p, const tappet_event *e, struct text *t)
{
	char number[24], time[TIME_SIZE];
	t->len = 0;
	snprintf(number, sizeof(number), "%" PRIu64, e->seq);
	text_cstr(t, "{");
	text_key(t, "seq");
	text_cstr(t, number);
	text_member(t, "event", tappet_cstr(e->type));
	text_member(t, "time", tappet_cstr(time_format(e->time_ms, time)));
	write_workflow(p, e->workflow_id, t);
	if (e->activity_id[0])
		text_member(t, "activityId", tappet_cstr(e->activity_id));
	text_key(t, "data");
	if (e->data.len > 0)
		text_bytes(t, e->data.ptr, e->data.len);
	else
		text_cstr(t, "{}");
	text_cstr(t, "}");
}

tappet_str event_text(struct plugin *p, const tappet_event *e)
{
	struct event_text *kept = &p->texts[e->seq % EVENT_TEXTS];
	if (kept->seq == e->seq && e->seq != 0)
		return tappet_strn(kept->text.bytes, kept->text.len);
	const bool large = e->data.len > KEPT_MAX;
	struct text *t = large ? &p->large : &kept->text;
	if (!large)
		kept->seq = 0;
	write_event(p, e, t);
	if (t->failed) {
		text_release(t);
		return tappet_strn(NULL, 0);
	}
	if (!large)
		kept->seq = e->seq;
	return tappet_strn(t->bytes, t->len);
}

void event_texts_release(struct plugin *p)
{
	for (size_t i = 0; i < EVENT_TEXTS; i++)
		text_release(&p->texts[i].text);
	text_release(&p->large);
	text_release(&p->frame);
}
