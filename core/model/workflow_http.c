/* `http`: a request as a step. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/names.h"
#include "model/workflow_reader.h"

#define ANSWER_DEFAULT (1024 * 1024)
#define ANSWER_MAX (64 * 1024 * 1024)
#define CONNECT_DEFAULT_MS 10000
#define REDIRECTS_MAX 20
#define HEADERS_MAX 100
#define EXPECT "a status such as 200, \"2xx\", \"200-204\" or a list of them"

static void read_method(struct reader *r, void *into, const struct json *v)
{
	struct http_def *http = into;

	if (json_is_string(v) && !name_is_token(json_str(v))) {
		reader_mistake(r, v, false, "\"method\": \"%.60s\" is no method of HTTP", json_str(v));
		return;
	}
	if (!reader_string(r, v, &http->method))
		return;
	for (char *c = http->method; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

/* Where the text begins with a substitution, only the step will tell. */
static bool is_url(const struct subst *url)
{
	const char *text = url->count > 0 ? url->parts[0].text : "";
	const char *host = NULL;

	if (url->count > 0 && url->parts[0].kind != SUBST_TEXT)
		return true;
	if (strncasecmp(text, "http://", 7) == 0)
		host = text + 7;
	else if (strncasecmp(text, "https://", 8) == 0)
		host = text + 8;
	if (!host || strchr("/?#", *host))
		return host && *host == '\0' && url->count > 1;
	return true;
}

static bool has_space(const struct subst *url)
{
	for (size_t i = 0; i < url->count; i++)
		for (const char *c = url->parts[i].text; url->parts[i].kind == SUBST_TEXT && *c; c++)
			if ((unsigned char)*c <= ' ' || *c == 0x7f)
				return true;
	return false;
}

static void read_url(struct reader *r, void *into, const struct json *v)
{
	struct http_def *http = into;
	size_t mistakes = r->mistakes;

	workflow_read_subst(workflow_reader_of(r), v, &http->url);
	if (mistakes != r->mistakes)
		return;
	if (!is_url(&http->url))
		reader_mistake(r, v, false, "\"url\": expected http:// or https:// with a host, found \"%.100s\"",
			       json_str(v));
	else if (has_space(&http->url))
		reader_mistake(r, v, false,
			       "\"url\": a space or control character has to be written as %%20 and so on");
}

static const char *header_problem(const char *name)
{
	static const char *const own[] = {"Host", "Content-Length", "Transfer-Encoding", "Connection"};

	if (!name_is_token(name))
		return "is no name for a header field";
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcasecmp(name, own[i]) == 0)
			return "is set by the daemon";
	return NULL;
}

static bool breaks_line(const char *text)
{
	return text && strpbrk(text, "\r\n");
}

static void read_headers(struct reader *r, void *into, const struct json *v)
{
	struct http_def *http = into;

	if (json_count(v) > HEADERS_MAX) {
		reader_mistake(r, v, false, "%zu header fields: at most %d are allowed", json_count(v), HEADERS_MAX);
		return;
	}
	workflow_read_texts(workflow_reader_of(r), v, "an object of header fields", header_problem, &http->headers,
			    &http->header_count);
	for (const struct json *member = json_first(v); member && json_is_object(v); member = json_next(member)) {
		if (breaks_line(json_str(member)))
			reader_mistake(r, member, false, "\"%.60s\": a header field has one line", json_key(member));
		for (const struct json *other = json_first(v); other != member; other = json_next(other))
			if (strcasecmp(json_key(other), json_key(member)) == 0)
				reader_mistake(r, member, true, "header fields \"%.60s\" and \"%.60s\" are the same",
					       json_key(other), json_key(member));
	}
}

static void read_body(struct reader *r, void *into, const struct json *v)
{
	struct http_def *http = into;

	http->body = workflow_read_template(workflow_reader_of(r), v);
}

static bool is_status(int64_t value)
{
	return value >= 100 && value <= 599;
}

static void read_status(struct reader *r, const struct json *v, struct http_def *http)
{
	struct status_range *range = &http->expect[http->expect_count];
	int64_t status;

	if (json_is_number(v) && json_int(v, &status) == 0 && is_status(status)) {
		range->first = range->last = (int)status;
	} else if (!json_is_string(v) || failure_codes_parse(json_str(v), &range->first, &range->last) < 0 ||
		   !is_status(range->first) || !is_status(range->last)) {
		reader_mistake(r, v, false, "\"expect\": expected " EXPECT ", from 100 to 599");
		return;
	}
	http->expect_count++;
}

static void read_expect(struct reader *r, void *into, const struct json *v)
{
	struct http_def *http = into;

	http->expect = reader_calloc(r, json_is_array(v) ? json_count(v) : 1, sizeof(*http->expect));
	if (!http->expect)
		return;
	if (json_is_array(v) && !json_first(v))
		reader_mistake(r, v, false, "\"expect\" is empty: no status would do");
	if (!json_is_array(v))
		read_status(r, v, http);
	for (const struct json *item = json_is_array(v) ? json_first(v) : NULL; item; item = json_next(item))
		read_status(r, item, http);
}

static void read_outputs(struct reader *r, void *into, const struct json *v)
{
	struct http_def *http = into;

	workflow_read_outputs(r, v, &http->outputs);
}

#define AT(member) READER_AT(struct http_def, member)

static const struct reader_key http_keys[] = {
	{"method", READ_CUSTOM, .read = read_method, .schema = "{\"type\":\"string\",\"minLength\":1}",
	 .help = "`GET` by default, `POST` when there is a body."},
	{"url", READ_CUSTOM, .read = read_url, .schema = "{\"type\":\"string\",\"minLength\":1}",
	 .help = "Where to: `http://` or `https://`; may hold substitutions."},
	{"headers", READ_CUSTOM, .read = read_headers, .schema = READER_REF("texts"),
	 .help = "Header fields: texts with substitutions, or secrets."},
	{"body", READ_CUSTOM, .read = read_body, .schema = "{}",
	 .help = "A text goes out as it is, any other JSON as `application/json`; substitutions in its strings."},
	{"expect", READ_CUSTOM, .read = read_expect,
	 .schema = "{\"oneOf\":[" READER_REF("status") ",{\"type\":\"array\",\"minItems\":1,\"items\":" READER_REF(
		 "status") "}]}",
	 .help = "The statuses that are success: 200, `2xx`, `200-204`, or a list; `2xx` by default."},
	{"outputs", READ_CUSTOM, .read = read_outputs, .schema = READER_REF("programs"),
	 .help = "Outputs by name: jq programs over `{status, headers, body}` of the answer."},
	{"connectTimeout", READ_DURATION, AT(connect_timeout_ms), .min = 1,
	 .help = "How long the connection may take; 10s by default."},
	{"maxAnswer", READ_SIZE, AT(answer_max), .min = 1, .max = ANSWER_MAX,
	 .help = "The largest answer, up to 64MiB; 1MiB by default."},
	{"redirects", READ_INT, AT(redirects_max), .min = 0, .max = REDIRECTS_MAX,
	 .help = "How many redirections are followed; none by default."},
	{"verify", READ_BOOL, AT(verify), .help = "Whether the server's certificate is checked; it is by default."},
	{"caFile", READ_STRING, AT(ca_file), .min = 1,
	 .help = "The authorities to trust, as PEM, relative to `tappet.json`; the system's by default."},
};

const struct reader_table workflow_http_table = {"http", "\"http\"", http_keys,
						 sizeof(http_keys) / sizeof(http_keys[0]), "\"required\":[\"url\"]"};

void workflow_read_http(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;
	struct http_def *http = reader_calloc(r, 1, sizeof(*http));

	workflow_set_action(r, def, STEP_HTTP, v);
	if (!http)
		return;
	def->http = http;
	*http = (struct http_def){
		.connect_timeout_ms = CONNECT_DEFAULT_MS, .answer_max = ANSWER_DEFAULT, .verify = true};
	reader_object(r, &workflow_http_table, v, http);
	if (json_is_object(v) && !json_get(v, "url"))
		reader_mistake(r, v, false, "\"http\" needs a \"url\"");
	if (http->ca_file && !http->verify)
		reader_mistake(r, json_get(v, "caFile"), true,
			       "\"caFile\" means nothing beside \"verify\": false: no certificate is checked");
	if (!http->method)
		http->method = reader_strdup(r, http->body ? "POST" : "GET");
}
