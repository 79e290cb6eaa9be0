/* A request as a sender shapes it: a first line with the query, a second one with the Content-Type, header fields up to an
 * empty line, a body. What is emitted is JSON of one value, with the members that it always has and no others. */
#include "../../plugins/webhook/in.h"
#include "base/json.h"
#include "verify_fuzz.h"

static struct {
	tappet_str query, type, body;
	tappet_http_header fields[16];
	size_t count;
} now;

static tappet_str of_request(tappet_request *request)
{
	(void)request;
	return tappet_cstr("POST");
}

static tappet_str query(tappet_request *request)
{
	(void)request;
	return now.query;
}

static tappet_str body(tappet_request *request)
{
	(void)request;
	return now.body;
}

static int32_t header_at(tappet_request *request, size_t index, tappet_http_header *ret)
{
	(void)request;
	if (index >= now.count)
		return TAPPET_ENOTFOUND;
	*ret = now.fields[index];
	return TAPPET_OK;
}

static tappet_str header(tappet_request *request, const char *name)
{
	(void)request;
	if (strcmp(name, "Content-Type") == 0)
		return now.type;
	for (size_t i = 0; i < now.count; i++)
		if (now.fields[i].name.len == strlen(name) &&
		    strncasecmp(now.fields[i].name.ptr, name, strlen(name)) == 0)
			return now.fields[i].value;
	return tappet_strn(NULL, 0);
}

static void split_request(tappet_str rest)
{
	memset(&now, 0, sizeof(now));
	now.query = fuzz_line(&rest);
	now.type = fuzz_line(&rest);
	for (tappet_str line = fuzz_line(&rest); line.len > 0 && now.count < 16; line = fuzz_line(&rest)) {
		const char *colon = memchr(line.ptr, ':', line.len);
		const size_t len = colon ? (size_t)(colon - line.ptr) : line.len;
		now.fields[now.count].name = tappet_strn(line.ptr, len);
		now.fields[now.count++].value =
			colon ? tappet_strn(colon + 1, line.len - len - 1) : tappet_strn(NULL, 0);
	}
	now.body = rest;
}

static void check_members(const struct json *tree)
{
	static const char known[] = " method path query headers remote bodyType body encoding event ";
	char word[64];
	for (const struct json *m = json_first(tree); m; m = json_next(m)) {
		snprintf(word, sizeof(word), " %.60s ", json_key(m));
		demand(strstr(known, word), "nobody brings members of his own");
	}
	demand(json_get(tree, "body") && json_get(tree, "query"), "there is always a body and a query");
}

static void check_emission(const struct webhook *w, const struct settings *s, const struct cloud_event *event)
{
	struct text out = {0};
	struct json *tree = NULL;
	if (payload_write(w, s, NULL, event, &out) == PAYLOAD_OK && json_parse(out.bytes, out.len, &tree, NULL) == 0)
		check_members(tree);
	json_free(tree);
	text_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const tappet_http1 http = {.struct_size = sizeof(http),
					  .method = of_request,
					  .path = of_request,
					  .query = query,
					  .header = header,
					  .header_at = header_at,
					  .body = body,
					  .remote = of_request};
	static struct verifier *verifier;
	static struct webhook w = {.http = &http};
	const struct verify_options options = {.auth = {.ptr = "\"none\"", .len = 6}, .secrets_resolved = true};
	if (!verifier && verifier_new(&options, &(struct verify_mistakes){0}, &verifier) < 0)
		abort();
	split_request(tappet_strn((const char *)data, size));
	for (int kind = BODY_AUTO; kind <= BODY_BYTES; kind++) {
		const struct settings s = {.verifier = verifier, .all_headers = true, .body = (enum body_kind)kind};
		check_emission(&w, &s, NULL);
	}
	struct cloud_event *events = NULL;
	const char *problem = NULL;
	size_t count = 0;
	const enum cloud_mode mode = cloud_read(w.http, NULL, &events, &count, &problem);
	for (size_t i = 0; i < count; i++) {
		const struct settings s = {.verifier = verifier};
		if (mode != CLOUD_MALFORMED && mode != CLOUD_NONE)
			check_emission(&w, &s, &events[i]);
		cloud_event_release(&events[i]);
	}
	free(events);
	return 0;
}
