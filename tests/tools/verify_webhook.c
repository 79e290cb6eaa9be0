/* Verifies webhooks that come as lines of JSON: {"signature": OPTIONS, "headers": {NAME: VALUE}, "body": TEXT, "now": MS}.
 * Prints "ok", or why not, for each of them. With --sign it prints the line again, with the headers that are right now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include "../../plugins/webhook/verify.h"

static tappet_str header_of(void *arg, const char *name, size_t index)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, (const cJSON *)arg) if (strcasecmp(item->string, name) == 0 &&
							 index-- == 0) return tappet_cstr(item->valuestring);
	return tappet_strn(NULL, 0);
}

static void add_header(void *arg, const char *name, const char *value)
{
	cJSON_AddStringToObject(arg, name, value);
}

static void print_mistake(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s[%zu]%s: %s\n", key, index, pointer, message);
}

static struct verifier *read_verifier(const cJSON *line)
{
	struct verify_mistakes mistakes = {.mistake = print_mistake};
	char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(line, "signature"));
	struct verify_options options = {.signature = tappet_cstr(text), .secrets_resolved = true};
	struct verifier *v = NULL;
	verifier_new(&options, &mistakes, &v);
	free(text);
	return v;
}

static void check(const struct verifier *v, const struct verify_request *request)
{
	struct verify_result result;
	verifier_check(v, request, &result);
	puts(result.ok ? "ok" : result.detail);
}

static void sign(const struct verifier *v, struct verify_request *request, cJSON *line)
{
	cJSON *headers = cJSON_CreateObject();
	int32_t r = verifier_sign(v, request, add_header, headers);
	cJSON_ReplaceItemInObjectCaseSensitive(line, "headers", headers);
	char *text = cJSON_PrintUnformatted(line);
	puts(r == TAPPET_OK && text ? text : "null");
	free(text);
}

static bool take(const char *text, bool signs)
{
	cJSON *line = cJSON_Parse(text);
	struct verifier *v = line ? read_verifier(line) : NULL;
	struct verify_request request = {
		.method = tappet_cstr("POST"),
		.path_query = tappet_cstr("/"),
		.body = tappet_cstr(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "body"))),
		.remote = tappet_cstr("unix"),
		.now_ms = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(line, "now")),
		.header = header_of,
		.arg = cJSON_GetObjectItemCaseSensitive(line, "headers"),
	};
	if (v && signs)
		sign(v, &request, line);
	else if (v)
		check(v, &request);
	bool ok = v != NULL;
	verifier_free(v);
	cJSON_Delete(line);
	return ok;
}

int main(int argc, char **argv)
{
	char *text = NULL;
	size_t size = 0;
	bool ok = true, signs = argc > 1 && strcmp(argv[1], "--sign") == 0;
	while (ok && getline(&text, &size, stdin) > 0)
		ok = take(text, signs);
	free(text);
	return ok ? 0 : 1;
}
