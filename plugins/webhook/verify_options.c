#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "verify_parts.h"

#define MESSAGE_MAX 320
#define NAME_LEN_MAX 40
#define DURATION_MIN_MS 1000
#define DURATION_MAX_MS (30 * INT64_C(86400000))

void options_mistake(struct reader *r, const char *pointer, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	r->failed = true;
	if (r->mistakes && r->mistakes->mistake)
		r->mistakes->mistake(r->mistakes->arg, r->key, r->index, pointer, message);
}

void options_warning(struct reader *r, const char *pointer, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (r->mistakes && r->mistakes->warning)
		r->mistakes->warning(r->mistakes->arg, r->key, r->index, pointer, message);
}

/* How many characters have to be put in, left out or changed (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_LEN_MAX + 1];
	size_t b_len = strlen(b);
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *nearest_name(const char *text, const char *const *names)
{
	size_t best = 3;
	const char *found = NULL;
	if (strlen(text) > NAME_LEN_MAX)
		return NULL;
	for (; *names; names++) {
		size_t d = distance(text, *names);
		if (d < best && d < strlen(*names)) {
			best = d;
			found = *names;
		}
	}
	return found;
}

/* One more segment of a JSON Pointer, with '~' and '/' escaped (RFC 6901 section 3). */
static void append_segment(const char *pointer, const char *name, char *out)
{
	size_t len = (size_t)snprintf(out, POINTER_MAX, "%s/", pointer);
	for (; *name && len + 3 < POINTER_MAX; name++) {
		bool special = *name == '~' || *name == '/';
		out[len++] = special ? '~' : *name;
		if (special)
			out[len++] = *name == '~' ? '0' : '1';
	}
	out[len] = '\0';
}

static bool is_one_of(const char *text, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(text, *names) == 0)
			return true;
	return false;
}

void options_only(struct reader *r, const char *pointer, const cJSON *object, const char *const *names)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, object)
	{
		if (is_one_of(item->string, names))
			continue;
		char at[POINTER_MAX];
		append_segment(pointer, item->string, at);
		const char *nearest = nearest_name(item->string, names);
		if (nearest)
			options_mistake(r, at, "unknown key \"%.40s\": did you mean \"%s\"?", item->string, nearest);
		else
			options_mistake(r, at, "unknown key \"%.40s\"", item->string);
	}
}

static bool is_reference(const cJSON *value)
{
	const cJSON *only = cJSON_IsObject(value) ? value->child : NULL;
	return only && !only->next && cJSON_IsString(only) &&
	       (strcmp(only->string, "env") == 0 || strcmp(only->string, "file") == 0);
}

const char *options_text(struct reader *r, const char *pointer, const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	if (!item)
		return NULL;
	if (cJSON_IsString(item) && item->valuestring[0])
		return item->valuestring;
	char at[POINTER_MAX];
	append_segment(pointer, name, at);
	if (is_reference(item))
		options_mistake(r, at, "expected a text in place: only a secret is read from a variable or a file");
	else
		options_mistake(r, at, "expected a text that is not empty");
	return NULL;
}

int options_word(struct reader *r, const char *pointer, const cJSON *object, const char *name, const char *const *names,
		 int otherwise)
{
	const char *text = options_text(r, pointer, object, name);
	if (!text)
		return otherwise;
	char list[160] = "", at[POINTER_MAX];
	size_t len = 0;
	for (int i = 0; names[i]; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s\"%s\"", i ? ", " : "", names[i]);
	}
	append_segment(pointer, name, at);
	options_mistake(r, at, "expected one of %s, found \"%.40s\"", list, text);
	return otherwise;
}

static int64_t parse_duration(const char *text)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	int64_t number = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9' && at - text < 10; at++)
		number = number * 10 + (*at - '0');
	for (size_t i = 0; at > text && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(at, units[i].name) == 0)
			return number * units[i].ms;
	return -1;
}

int64_t options_duration(struct reader *r, const char *pointer, const cJSON *object, const char *name,
			 int64_t otherwise)
{
	const char *text = options_text(r, pointer, object, name);
	if (!text)
		return otherwise;
	int64_t ms = parse_duration(text);
	if (ms >= DURATION_MIN_MS && ms <= DURATION_MAX_MS)
		return ms;
	char at[POINTER_MAX];
	append_segment(pointer, name, at);
	options_mistake(r, at, "expected a duration from \"1s\" to \"30d\", found \"%.40s\"", text);
	return otherwise;
}

/* ---- Secrets ---- */

void secret_pointer(const char *pointer, const cJSON *object, const char *name, size_t index, char *out)
{
	char at[POINTER_MAX];
	append_segment(pointer, name, at);
	if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(object, name)))
		snprintf(out, POINTER_MAX, "%.240s/%zu", at, index);
	else
		snprintf(out, POINTER_MAX, "%s", at);
}

static void read_secret(struct reader *r, const char *pointer, const cJSON *value, struct secrets *ret)
{
	if (!r->secrets_resolved && is_reference(value)) {
		ret->list[ret->count++] = (struct secret){0};
		return;
	}
	if (!cJSON_IsString(value)) {
		options_mistake(r, pointer, "expected a secret: {\"env\": \"NAME\"} or {\"file\": \"PATH\"}");
		return;
	}
	if (!value->valuestring[0]) {
		options_mistake(r, pointer, "the secret is empty");
		return;
	}
	struct secret secret = {.text = strdup(value->valuestring), .len = strlen(value->valuestring)};
	OPENSSL_cleanse(value->valuestring, secret.len);
	if (!secret.text) {
		r->no_memory = true;
		return;
	}
	ret->list[ret->count++] = secret;
}

void options_secrets(struct reader *r, const char *pointer, const cJSON *object, const char *name, struct secrets *ret)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name), *item;
	char at[POINTER_MAX];
	append_segment(pointer, name, at);
	if (!value) {
		options_mistake(r, pointer, "\"%s\" is missing", name);
		return;
	}
	if (!cJSON_IsArray(value)) {
		read_secret(r, at, value, ret);
		return;
	}
	int count = cJSON_GetArraySize(value);
	if (count < 1 || count > SECRETS_MAX) {
		options_mistake(r, at, "expected one secret or two (the old and the new one), found %d", count);
		return;
	}
	size_t index = 0;
	cJSON_ArrayForEach(item, value)
	{
		secret_pointer(pointer, object, name, index++, at);
		read_secret(r, at, item, ret);
	}
}

void secrets_release(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++) {
		if (secrets->list[i].text)
			OPENSSL_cleanse(secrets->list[i].text, secrets->list[i].len);
		free(secrets->list[i].text);
	}
	*secrets = (struct secrets){0};
}

bool secrets_unresolved(const struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++)
		if (!secrets->list[i].text)
			return true;
	return false;
}
