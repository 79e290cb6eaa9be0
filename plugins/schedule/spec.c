/* Options: one reader for the `with` of a trigger and for a schedule that is made by API. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

#define DAY_MS INT64_C(86400000)
#define TEXT_MAX 1000
#define LABELS_MAX 32
#define CATCHUP_MAX 5000

const struct policy policy_default = {MISFIRE_ONCE, DAY_MS, 1000, 100};

/* What the options are called; the order is that of the docs. */
const tappet_option spec_options[SPEC_OPTIONS] = {
	{"cron", TAPPET_STRING, 0, NULL, "A cron pattern: \"0 9 * * 1-5\", \"@daily\".", NULL},
	{"every", TAPPET_STRING, 0, NULL, "An interval, such as \"90s\" or \"1h30m\"; at least 1s.", NULL},
	{"at", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "A date and time, or several: \"2027-01-01T09:00:00\", in the schedule's zone or with an offset.", NULL},
	{"timezone", TAPPET_STRING, 0, NULL, "An IANA name such as \"Europe/Amsterdam\"; the plugin's by default.",
	 NULL},
	{"dialect", TAPPET_STRING, 0, "auto",
	 "How the pattern is read: auto, unix, vixie, ocps, quartz, spring, robfig or aws.", NULL},
	{"day", TAPPET_STRING, 0, NULL, "When both day fields are restricted: or, and.", NULL},
	{"dow", TAPPET_STRING, 0, NULL, "How days of the week are counted: 0-7, 0-6 or 1-7.", NULL},
	{"dst_gap", TAPPET_STRING, 0, NULL, "Local times that the clock passes over: run_after or skip.", NULL},
	{"dst_overlap", TAPPET_STRING, 0, NULL, "Local times that come twice: first, last or both.", NULL},
	{"anchor", TAPPET_STRING, 0, NULL, "From when an interval counts; from its making by default.", NULL},
	{"start", TAPPET_STRING, 0, NULL, "Nothing fires before this date and time.", NULL},
	{"end", TAPPET_STRING, 0, NULL, "Nothing fires after this date and time.", NULL},
	{"exclude", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "What is left out: cron patterns, dates, or ranges of dates (\"2026-12-24/2027-01-02\").", NULL},
	{"jitter", TAPPET_STRING, 0, NULL, "Each fire comes up to so much later.", NULL},
	{"jitterBy", TAPPET_STRING, 0, "stable",
	 "stable: by a hash of the trigger, always the same; random: another one each time.", NULL},
	{"misfire", TAPPET_STRING, 0, "once",
	 "What becomes of instants that were missed: skip, once (the last of them) or all.", NULL},
	{"catchupWindow", TAPPET_DURATION, 0, "24h", "Instants that are longer ago are not made up for.", NULL},
	{"catchupMax", TAPPET_INTEGER, 0, "100", "With misfire all: at most so many, the newest ones.", NULL},
	{"grace", TAPPET_DURATION, 0, "1s", "A fire that comes no later than this is on time.", NULL},
	{"paused", TAPPET_BOOLEAN, 0, "false", "It fires only once this is gone.", NULL},
	{"params", TAPPET_OBJECT, 0, NULL, "The workflow's parameters, as they are.", NULL},
	{"name", TAPPET_STRING, 0, NULL, "For people.", NULL},
	{"description", TAPPET_STRING, 0, NULL, "For people.", NULL},
	{"labels", TAPPET_OBJECT, 0, NULL, "Words to find it by: {\"team\": \"web\"}.", NULL},
};

/* ---- Mistakes ---- */

static int fail(struct spec_error *e, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct spec_error *e, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	e->key = key;
	return -EINVAL;
}

const char *spec_error_text(const struct spec_error *e, char *text, size_t size)
{
	const bool named = !e->key || strncmp(e->message, e->key, strlen(e->key)) == 0;
	snprintf(text, size, "%s%s%s", named ? "" : e->key, named ? "" : ": ", e->message);
	return text;
}

/* ---- Values ---- */

static const cJSON *get(const cJSON *object, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNull(value) ? NULL : value;
}

static int read_text(const cJSON *object, const char *key, const char **ret, struct spec_error *e)
{
	const cJSON *value = get(object, key);
	if (!value)
		return 0;
	if (!cJSON_IsString(value))
		return fail(e, key, "expected a text");
	if (strlen(value->valuestring) > TEXT_MAX)
		return fail(e, key, "expected at most %d bytes", TEXT_MAX);
	*ret = value->valuestring;
	return 0;
}

/* One text or a list of them. *ret is to be freed. */
static int read_list(const cJSON *object, const char *key, size_t most, const char *const **ret, size_t *ret_count,
		     struct spec_error *e)
{
	const cJSON *value = get(object, key);
	if (!value)
		return 0;
	const bool one = cJSON_IsString(value);
	if (!one && !cJSON_IsArray(value))
		return fail(e, key, "expected a text or a list of texts");
	const cJSON *item = one ? value : value->child;
	const size_t count = one ? 1 : (size_t)cJSON_GetArraySize(value);
	if (count == 0 || count > most)
		return fail(e, key, "expected 1 to %zu of them, found %zu", most, count);
	const char **texts = calloc(count, sizeof(char *));
	if (!texts)
		return -ENOMEM;
	*ret = texts;
	for (size_t i = 0; i < count; i++, item = item->next) {
		e->index = i;
		if (!cJSON_IsString(item) || strlen(item->valuestring) > TEXT_MAX)
			return fail(e, key, "expected a text of at most %d bytes", TEXT_MAX);
		texts[i] = item->valuestring;
	}
	e->index = 0;
	*ret_count = count;
	return 0;
}

/* As text, or in milliseconds (as the host has read it). */
static int read_duration(const cJSON *object, const char *key, int64_t *ret_ms, struct spec_error *e)
{
	const cJSON *value = get(object, key);
	if (!value)
		return 0;
	if (cJSON_IsString(value) && duration_parse(value->valuestring, ret_ms) == 0)
		return 0;
	if (cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 1e15) {
		*ret_ms = (int64_t)value->valuedouble;
		return 0;
	}
	return fail(e, key, "expected a duration such as 90s, 15m or 1h30m");
}

static int read_whole(const cJSON *object, const char *key, int64_t least, int64_t most, int64_t *ret,
		      struct spec_error *e)
{
	const cJSON *value = get(object, key);
	if (!value)
		return 0;
	if (!cJSON_IsNumber(value) || value->valuedouble < (double)least || value->valuedouble > (double)most ||
	    value->valuedouble != floor(value->valuedouble))
		return fail(e, key, "expected a number from %lld to %lld", (long long)least, (long long)most);
	*ret = (int64_t)value->valuedouble;
	return 0;
}

static int read_flag(const cJSON *object, const char *key, bool *ret, struct spec_error *e)
{
	const cJSON *value = get(object, key);
	if (value && !cJSON_IsBool(value))
		return fail(e, key, "expected true or false");
	*ret = cJSON_IsTrue(value);
	return 0;
}

static int read_object(const cJSON *object, const char *key, const cJSON **ret, struct spec_error *e)
{
	const cJSON *value = get(object, key);
	if (value && !cJSON_IsObject(value) && !cJSON_IsRaw(value))
		return fail(e, key, "expected an object");
	*ret = value;
	return 0;
}

/* ---- Words ---- */

#define WORD(reader, key, text, result, expected)                                                                      \
	((text) && reader(text, result) < 0 ? fail(e, key, "expected %s, found \"%.40s\"", expected, text) : 0)

static int read_rules(const cJSON *object, struct pattern_options *o, struct spec_error *e)
{
	const char *dialect = NULL, *day = NULL, *dow = NULL, *gap = NULL, *overlap = NULL;
	int r = read_text(object, "dialect", &dialect, e);
	if (r == 0)
		r = WORD(dialect_of_word, "dialect", dialect, &o->dialect,
			 "auto, unix, vixie, ocps, quartz, spring, robfig or aws");
	if (r == 0 && (r = read_text(object, "day", &day, e)) == 0)
		r = WORD(day_of_word, "day", day, &o->day, "or, and");
	if (r == 0 && (r = read_text(object, "dow", &dow, e)) == 0)
		r = WORD(dow_of_word, "dow", dow, &o->dow, "0-7, 0-6 or 1-7");
	if (r == 0 && (r = read_text(object, "dst_gap", &gap, e)) == 0)
		r = WORD(gap_of_word, "dst_gap", gap, &o->gap, "run_after or skip");
	if (r == 0 && (r = read_text(object, "dst_overlap", &overlap, e)) == 0)
		r = WORD(overlap_of_word, "dst_overlap", overlap, &o->overlap, "first, last or both");
	return r;
}

static int jitter_of_word(const char *word, enum jitter_kind *ret)
{
	if (strcmp(word, "stable") != 0 && strcmp(word, "random") != 0)
		return -EINVAL;
	*ret = word[0] == 's' ? JITTER_STABLE : JITTER_RANDOM;
	return 0;
}

static int misfire_of_word(const char *word, enum misfire *ret)
{
	static const char *const words[] = {"skip", "once", "all"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum misfire)i;
			return 0;
		}
	return -EINVAL;
}

static int read_policy(const cJSON *object, struct policy *ret, struct spec_error *e)
{
	const char *misfire = NULL;
	int r = read_text(object, "misfire", &misfire, e);
	if (r == 0)
		r = WORD(misfire_of_word, "misfire", misfire, &ret->misfire, "skip, once or all");
	if (r == 0)
		r = read_duration(object, "catchupWindow", &ret->window_ms, e);
	if (r == 0)
		r = read_duration(object, "grace", &ret->grace_ms, e);
	return r == 0 ? read_whole(object, "catchupMax", 1, CATCHUP_MAX, &ret->max, e) : r;
}

static int read_times(const cJSON *object, struct schedule_options *o, struct spec_error *e)
{
	const char *by = NULL;
	int r = read_text(object, "timezone", &o->timezone, e);
	if (r == 0)
		r = read_text(object, "anchor", &o->anchor, e);
	if (r == 0)
		r = read_text(object, "start", &o->start, e);
	if (r == 0)
		r = read_text(object, "end", &o->end, e);
	if (r == 0)
		r = read_text(object, "jitter", &o->jitter, e);
	if (r == 0)
		r = read_text(object, "jitterBy", &by, e);
	return r == 0 ? WORD(jitter_of_word, "jitterBy", by, &o->jitter_kind, "stable or random") : r;
}

static int read_kind(const cJSON *object, struct schedule_options *o, struct spec_error *e)
{
	int r = read_text(object, "cron", &o->cron, e);
	if (r == 0)
		r = read_text(object, "every", &o->every, e);
	if (r == 0)
		r = read_list(object, "at", SCHEDULE_AT_MAX, &o->at, &o->at_count, e);
	if (r == 0)
		r = read_list(object, "exclude", SCHEDULE_EXCLUDE_MAX, &o->exclude, &o->exclude_count, e);
	if (r == 0 && (o->cron != NULL) + (o->every != NULL) + (o->at_count > 0) != 1)
		r = fail(e, NULL, "expected one of \"cron\", \"every\" and \"at\"");
	return r;
}

static int read_labels(const cJSON *object, const cJSON **ret, struct spec_error *e)
{
	const cJSON *label;
	const int r = read_object(object, "labels", ret, e);
	if (r < 0)
		return r;
	if (cJSON_GetArraySize(*ret) > LABELS_MAX)
		return fail(e, "labels", "expected at most %d of them", LABELS_MAX);
	cJSON_ArrayForEach(label, *ret)
	{
		if (!cJSON_IsString(label) || strlen(label->valuestring) > TEXT_MAX)
			return fail(e, "labels", "expected a text for \"%.60s\"", label->string);
	}
	return 0;
}

static int read_people(const cJSON *object, struct spec *s, struct spec_error *e)
{
	int r = read_text(object, "name", &s->name, e);
	if (r == 0)
		r = read_text(object, "description", &s->description, e);
	if (r == 0)
		r = read_flag(object, "paused", &s->paused, e);
	if (r == 0)
		r = read_object(object, "params", &s->params, e);
	return r == 0 ? read_labels(object, &s->labels, e) : r;
}

int spec_read(const cJSON *object, const char *id, struct spec *ret, struct spec_error *ret_error)
{
	struct spec s = {.policy = policy_default, .rules.pattern.id = id};
	*ret_error = (struct spec_error){0};
	int r = read_kind(object, &s.rules, ret_error);
	if (r == 0)
		r = read_rules(object, &s.rules.pattern, ret_error);
	if (r == 0)
		r = read_times(object, &s.rules, ret_error);
	if (r == 0)
		r = read_policy(object, &s.policy, ret_error);
	if (r == 0)
		r = read_people(object, &s, ret_error);
	if (r < 0)
		spec_release(&s);
	else
		*ret = s;
	return r;
}

void spec_release(struct spec *s)
{
	free((void *)(uintptr_t)s->rules.at);
	free((void *)(uintptr_t)s->rules.exclude);
}

/* ---- Rules ---- */

static uint64_t mix(uint64_t hash, const char *text)
{
	return stable_hash(text ? text : "", hash);
}

uint64_t spec_fingerprint(const struct spec *s, const char *default_zone)
{
	const struct schedule_options *o = &s->rules;
	const int rules[] = {(int)o->pattern.dialect, (int)o->pattern.day, (int)o->pattern.dow, (int)o->pattern.gap,
			     (int)o->pattern.overlap};
	const char *const texts[] = {o->cron,   o->every, o->timezone ? o->timezone : default_zone,
				     o->anchor, o->start, o->end};
	uint64_t hash = 1;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		hash = mix(hash, texts[i]);
	for (size_t i = 0; i < o->at_count; i++)
		hash = mix(hash, o->at[i]);
	for (size_t i = 0; i < o->exclude_count; i++)
		hash = mix(hash ^ 1, o->exclude[i]);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		hash = hash * 31 + (uint64_t)rules[i];
	return hash;
}

/* The rules say in their first word what they are about. */
static const char *key_of_message(const struct schedule_options *o, const char *message)
{
	static const char *const keys[] = {"at", "every", "anchor", "start", "end", "exclude", "jitter"};
	if (strncmp(message, "time zone", 9) == 0)
		return "timezone";
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const size_t len = strlen(keys[i]);
		if (strncmp(message, keys[i], len) == 0 && strchr(" ,:", message[len]))
			return keys[i];
	}
	return o->cron ? "cron" : NULL;
}

int spec_compile(const struct spec *s, const char *default_zone, struct zones *zones, struct schedule **ret,
		 struct spec_error *ret_error)
{
	struct schedule_options o = s->rules;
	struct pattern_error error = {0};
	*ret_error = (struct spec_error){0};
	if (!o.timezone)
		o.timezone = default_zone;
	const int r = schedule_compile(&o, zones, ret, &error);
	if (r == -EINVAL)
		return fail(ret_error, key_of_message(&o, error.message), "%s", error.message);
	return r;
}

/* ---- From the host ---- */

static cJSON *text_value(const struct option_reader *reader, const tappet_config *config, const char *key, size_t index)
{
	tappet_str value;
	if (reader->str(config, key, index, &value) < 0)
		return NULL;
	char *copy = strndup(value.len ? value.ptr : "", value.len);
	cJSON *item = copy ? cJSON_CreateString(copy) : NULL;
	free(copy);
	return item;
}

/* Parameters go on as they are written, whatever their numbers. */
static cJSON *raw_value(tappet_str text)
{
	char *copy = strndup(text.ptr, text.len);
	cJSON *item = copy ? cJSON_CreateRaw(copy) : NULL;
	free(copy);
	return item;
}

static cJSON *option_value(const struct option_reader *reader, const tappet_config *config, const tappet_option *o)
{
	tappet_str text;
	int64_t number;
	int32_t flag;
	const size_t count = reader->count(config, o->key);
	cJSON *list;
	switch (o->type) {
	case TAPPET_STRING:
		if (!(o->flags & TAPPET_MULTI))
			return text_value(reader, config, o->key, 0);
		list = cJSON_CreateArray();
		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(list, text_value(reader, config, o->key, i));
		return list;
	case TAPPET_OBJECT:
		if (reader->str(config, o->key, 0, &text) < 0)
			return NULL;
		return strcmp(o->key, "params") == 0 ? raw_value(text) : cJSON_ParseWithLength(text.ptr, text.len);
	case TAPPET_BOOLEAN:
		return reader->boolean(config, o->key, &flag) < 0 ? NULL : cJSON_CreateBool(flag);
	default:
		return reader->integer(config, o->key, 0, &number) < 0 ? NULL : cJSON_CreateNumber((double)number);
	}
}

cJSON *spec_of_config(const struct option_reader *reader, const tappet_config *config)
{
	cJSON *object = cJSON_CreateObject();
	for (size_t i = 0; object && i < SPEC_OPTIONS; i++) {
		const tappet_option *o = &spec_options[i];
		if (reader->count(config, o->key) == 0)
			continue;
		cJSON *value = option_value(reader, config, o);
		if (!value || !cJSON_AddItemToObjectCS(object, o->key, value)) {
			cJSON_Delete(value);
			cJSON_Delete(object);
			return NULL;
		}
	}
	return object;
}
