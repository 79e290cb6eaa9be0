/* One schedule under watch. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

#define JITTER_MAX_MS INT64_C(2592000000) /* 30 days */
/* So many fires are looked at, always the same ones. */
#define SOUND_COUNT 50
#define SOUND_FROM_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* "name":"…","description":"…","labels":{…}: what its fires carry for people and filters. */
static int make_words(const struct spec *s, char **ret)
{
	cJSON *object = cJSON_CreateObject();
	char *text = NULL;
	int r = object ? 0 : -ENOMEM;
	if (r == 0 && s->name && !cJSON_AddStringToObject(object, "name", s->name))
		r = -ENOMEM;
	if (r == 0 && s->description && !cJSON_AddStringToObject(object, "description", s->description))
		r = -ENOMEM;
	if (r == 0 && s->labels) {
		cJSON *labels = cJSON_Duplicate(s->labels, 1);
		if (!labels || !cJSON_AddItemToObjectCS(object, "labels", labels))
			r = -ENOMEM;
	}
	if (r == 0 && !(text = cJSON_PrintUnformatted(object)))
		r = -ENOMEM;
	cJSON_Delete(object);
	if (r == 0) {
		/* Without the braces. */
		text[strlen(text) - 1] = '\0';
		memmove(text, text + 1, strlen(text));
		*ret = text;
	}
	return r;
}

static int take_words(struct unit *u, const struct spec *s)
{
	if ((s->name || s->description || s->labels) && make_words(s, &u->words) < 0)
		return -ENOMEM;
	if (s->params && !(u->params = cJSON_PrintUnformatted(s->params)))
		return -ENOMEM;
	return 0;
}

static int take_policy(struct unit *u, const struct spec *s)
{
	const struct policy *d = &policy_default, *own = &s->policy;
	u->policy = d;
	if (own->misfire == d->misfire && own->window_ms == d->window_ms && own->grace_ms == d->grace_ms &&
	    own->max == d->max)
		return 0;
	struct policy *copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *own;
	u->policy = copy;
	u->own_policy = true;
	return 0;
}

bool unit_is_sound(const struct unit *u, struct spec_error *ret_error)
{
	struct schedule_fire fire;
	int64_t before_ms = SOUND_FROM_MS, least_ms = INT64_MAX;
	const int64_t jitter_ms = schedule_jitter_max(u->schedule);
	if (jitter_ms == 0 || schedule_next(u->schedule, before_ms, &fire) < 0)
		return true;
	before_ms = fire.at_ms;
	for (int i = 0; i < SOUND_COUNT && schedule_next(u->schedule, before_ms, &fire) == 0; i++) {
		least_ms = fire.at_ms - before_ms < least_ms ? fire.at_ms - before_ms : least_ms;
		before_ms = fire.at_ms;
	}
	if (jitter_ms < least_ms)
		return true;
	*ret_error = (struct spec_error){.key = "jitter"};
	snprintf(ret_error->message, sizeof(ret_error->message), "expected less than the %llds between two fires",
		 (long long)(least_ms / 1000));
	return false;
}

static int check_jitter(const struct unit *u, struct spec_error *e)
{
	if (schedule_jitter_max(u->schedule) <= JITTER_MAX_MS)
		return 0;
	*e = (struct spec_error){.key = "jitter", .message = "expected at most 30d"};
	return -EINVAL;
}

static int fill(struct plugin *p, struct unit *u, const struct spec *s, int64_t since_ms, struct spec_error *e)
{
	int r = spec_compile(s, p->timezone, p->zones, &u->schedule, e);
	if (r < 0)
		return r;
	u->cursor_ms = since_ms;
	u->own_paused = s->paused;
	u->fingerprint = spec_fingerprint(s, p->timezone);
	if (schedule_interval(u->schedule) && schedule_anchor(u->schedule) == INT64_MIN)
		schedule_set_anchor(u->schedule, since_ms - since_ms % 1000);
	r = check_jitter(u, e);
	if (r == 0)
		r = take_policy(u, s);
	return r == 0 ? take_words(u, s) : r;
}

int unit_new(struct plugin *p, const cJSON *options, const char *id, int64_t since_ms, struct unit **ret,
	     struct spec_error *ret_error)
{
	struct spec spec;
	struct unit *u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	int r = spec_read(options, id, &spec, ret_error);
	if (r == 0) {
		r = fill(p, u, &spec, since_ms, ret_error);
		spec_release(&spec);
	}
	if (r < 0)
		unit_free(u);
	else
		*ret = u;
	return r;
}

static void release(struct unit *u)
{
	if (u->own_policy)
		free((void *)(uintptr_t)u->policy);
	schedule_free(u->schedule);
	free(u->words);
	free(u->params);
}

int unit_change(struct plugin *p, struct unit *u, const cJSON *options, int64_t since_ms, struct spec_error *ret_error)
{
	struct unit *fresh;
	char id[UNIT_ID_SIZE];
	const int r = unit_new(p, options, unit_id(u, id), since_ms, &fresh, ret_error);
	if (r < 0)
		return r;
	if (fresh->fingerprint == u->fingerprint) {
		fresh->cursor_ms = u->cursor_ms;
		fresh->skip_ms = u->skip_ms;
		fresh->quiet_ms = u->quiet_ms;
		fresh->missed = u->missed;
		if (schedule_anchor(u->schedule) != INT64_MIN)
			schedule_set_anchor(fresh->schedule, schedule_anchor(u->schedule));
	}
	release(u);
	u->schedule = fresh->schedule;
	u->policy = fresh->policy;
	u->own_policy = fresh->own_policy;
	u->own_paused = fresh->own_paused;
	u->words = fresh->words;
	u->params = fresh->params;
	u->cursor_ms = fresh->cursor_ms;
	u->skip_ms = fresh->skip_ms;
	u->quiet_ms = fresh->quiet_ms;
	u->missed = fresh->missed;
	u->fingerprint = fresh->fingerprint;
	u->completed = false;
	u->unsaved = true;
	free(fresh);
	return 0;
}

void unit_free(struct unit *u)
{
	if (!u)
		return;
	release(u);
	free(u->backfill);
	free(u);
}

char *id_format(const uint8_t id[static ID_BYTES], char text[static ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < ID_BYTES; i++) {
		text[2 * i] = digits[id[i] >> 4];
		text[2 * i + 1] = digits[id[i] & 15];
	}
	text[ID_LEN] = '\0';
	return text;
}

char *unit_name(const struct unit *u, char name[static UNIT_NAME_SIZE])
{
	char id[UNIT_ID_SIZE];
	unit_id(u, id);
	if (u->object)
		snprintf(name, UNIT_NAME_SIZE, "%s", id);
	else
		snprintf(name, UNIT_NAME_SIZE, "%s/%s", u->binding->workflow_id, id);
	return name;
}

char *unit_id(const struct unit *u, char text[static UNIT_ID_SIZE])
{
	if (u->object)
		return id_format(u->id, text);
	snprintf(text, UNIT_ID_SIZE, "%s", u->binding->trigger_id);
	return text;
}
