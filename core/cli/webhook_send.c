/* Sends one webhook as its sender would, and prints what came back; or the line for a shell that does it. */
#include "cli/webhook.h"

#include <curl/curl.h>
#include <strings.h>

#define ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define CONNECT_TIMEOUT_MS 5000L
#define HEADER_MAX ((size_t)128 * 1024)
#define WORD_MAX (5 * HEADER_MAX) /* a quote becomes four bytes */
#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024)

/* ---- The request ---- */

/* Secrets are not left behind in memory that is used again. */
static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* Takes both texts over. */
static bool put_header(struct webhook_request *r, char *text, char *shown)
{
	const size_t size = (r->header_count + 1) * sizeof(char *);
	char **headers = text ? realloc(r->headers, size) : NULL;
	if (headers)
		r->headers = headers;
	char **both = headers ? realloc(r->shown, size) : NULL;
	if (!both) {
		wipe(text);
		free(shown);
		cli_error("out of memory");
		return false;
	}
	r->shown = both;
	r->headers[r->header_count] = text;
	r->shown[r->header_count++] = shown;
	return true;
}

bool webhook_add_header(struct webhook_request *r, const char *name, const char *value)
{
	struct buf line;
	buf_init(&line, HEADER_MAX);
	/* A header without a value is written so for curl, which else would take it out. */
	buf_printf(&line, value[0] ? "%s: %s" : "%s;%s", name, value);
	char *text = buf_detach(&line, NULL);
	buf_release(&line);
	return put_header(r, text, NULL);
}

bool webhook_add_secret(struct webhook_request *r, const char *name, const char *scheme, const char *secret,
			const char *word)
{
	struct buf line, seen, shown;
	buf_init(&line, HEADER_MAX);
	buf_init(&seen, HEADER_MAX);
	buf_init(&shown, WORD_MAX);
	buf_printf(&line, "%s: %s%s", name, scheme, secret);
	buf_printf(&seen, "%s: %s", name, scheme);
	webhook_quote(&shown, buf_cstr(&seen));
	buf_str(&shown, word);
	char *text = buf_detach(&line, NULL), *shown_text = text ? buf_detach(&shown, NULL) : NULL;
	buf_release(&line);
	buf_release(&seen);
	buf_release(&shown);
	/* Without that word the secret itself would be shown. */
	if (!shown_text) {
		wipe(text);
		text = NULL;
	}
	return put_header(r, text, shown_text);
}

bool webhook_has_header(const struct webhook_request *r, const char *name)
{
	const size_t len = strlen(name);
	for (size_t i = 0; i < r->header_count; i++)
		if (strncasecmp(r->headers[i], name, len) == 0 &&
		    (r->headers[i][len] == ':' || r->headers[i][len] == ';'))
			return true;
	return false;
}

void webhook_request_release(struct webhook_request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		wipe(r->headers[i]);
		free(r->shown[i]);
	}
	free(r->headers);
	free(r->shown);
	buf_release(&r->url);
	buf_release(&r->body);
}

/* ---- Sending ---- */

struct received {
	struct buf body, headers; /* headers: a JSON object that is not closed */
	long status;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct received *got = arg;
	return buf_append(&got->body, bytes, size * count) < 0 ? 0 : size * count;
}

/* Each line of the head; those of an answer before the last one (100 Continue) begin again. */
static size_t take_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct received *got = arg;
	const size_t len = size * count;
	const char *colon = memchr(bytes, ':', len);
	if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		buf_clear(&got->headers);
		jsonw_open(&got->headers, '{');
	}
	if (!colon)
		return len;
	const char *value = colon + 1, *end = bytes + len;
	while (value < end && *value == ' ')
		value++;
	while (end > value && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	struct buf name;
	buf_init(&name, 4096);
	buf_append(&name, bytes, (size_t)(colon - bytes));
	jsonw_key(&got->headers, buf_cstr(&name));
	jsonw_strn(&got->headers, value, (size_t)(end - value));
	buf_release(&name);
	return len;
}

static struct curl_slist *list_of(const struct webhook_request *r)
{
	/* "Expect:" keeps curl from waiting for a 100 before larger bodies. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < r->header_count && list; i++) {
		struct curl_slist *longer = curl_slist_append(list, r->headers[i]);
		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

static CURLcode perform(const struct webhook_request *r, struct received *got, char error[static CURL_ERROR_SIZE])
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = list_of(r);
	CURLcode result = CURLE_OUT_OF_MEMORY;
	error[0] = '\0';
	if (curl && headers) {
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_URL, buf_cstr(&r->url));
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, r->timeout_ms);
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, got);
		curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
		curl_easy_setopt(curl, CURLOPT_HEADERDATA, got);
		if (r->socket) {
			curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, r->socket);
			curl_easy_setopt(curl, CURLOPT_PROXY, "");
		}
		if (r->body.len > 0 || strcmp(r->method, "GET") != 0) {
			curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, buf_cstr(&r->body));
		}
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
		/* Its answer says how long a body would be, and has none. */
		curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(r->method, "HEAD") == 0 ? 1L : 0L);
		result = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &got->status);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return result;
}

static void print_json(const struct received *got)
{
	struct buf out;
	buf_init(&out, 2 * ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "status");
	jsonw_int(&out, got->status);
	jsonw_key(&out, "headers");
	jsonw_raw(&out, buf_cstr(&got->headers), got->headers.len);
	jsonw_key(&out, "body");
	if (got->body.len > 0 && json_check(got->body.data, got->body.len, NULL) == 0)
		jsonw_raw(&out, got->body.data, got->body.len);
	else
		jsonw_strn(&out, buf_cstr(&got->body), got->body.len);
	jsonw_close(&out, '}');
	puts(buf_cstr(&out));
	buf_release(&out);
}

/* The body is somebody's words: nothing of it moves the cursor of a terminal. */
static void print_text(const struct received *got)
{
	printf("HTTP %ld\n", got->status);
	for (size_t i = 0; i < got->body.len; i++) {
		const unsigned char b = (unsigned char)got->body.data[i];
		putchar((b < 0x20 && b != '\n' && b != '\t') || b == 0x7f ? '?' : b);
	}
	if (got->body.len > 0 && got->body.data[got->body.len - 1] != '\n')
		putchar('\n');
}

static int exit_of(long status)
{
	if (status >= 200 && status < 300)
		return CLI_OK;
	if (status == 404)
		return CLI_NOT_FOUND;
	return status >= 500 && status != 503 ? CLI_FAILED : CLI_REFUSED;
}

int webhook_send(struct cli *c, const struct webhook_request *r)
{
	char error[CURL_ERROR_SIZE];
	struct received got = {0};
	buf_init(&got.body, ANSWER_MAX);
	buf_init(&got.headers, 256 * 1024);
	const CURLcode result = perform(r, &got, error);
	int code = CLI_UNREACHABLE;
	if (result == CURLE_OK) {
		jsonw_close(&got.headers, '}');
		if (c->json)
			print_json(&got);
		else
			print_text(&got);
		code = exit_of(got.status);
	} else {
		/* Some show their secret in the query. */
		const char *url = buf_cstr(&r->url);
		cli_error("nothing answers at %.*s (%s)", (int)strcspn(url, "?"), url,
			  error[0] ? error : curl_easy_strerror(result));
	}
	buf_release(&got.body);
	buf_release(&got.headers);
	return code;
}

/* ---- For a shell ---- */

/* In single quotes nothing means anything to a shell but a single quote. */
void webhook_quote(struct buf *out, const char *text)
{
	buf_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_str(out, "'\\''");
		else
			buf_char(out, *text);
	}
	buf_char(out, '\'');
}

static void add_word(struct buf *out, const char *option, const char *text)
{
	buf_str(out, option);
	webhook_quote(out, text);
}

int webhook_print_curl(const struct webhook_request *r)
{
	struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	add_word(&line, "curl -i -X ", r->method);
	if (r->socket)
		add_word(&line, " --unix-socket ", r->socket);
	for (size_t i = 0; i < r->header_count; i++) {
		if (r->shown[i])
			buf_printf(&line, " -H %s", r->shown[i]);
		else
			add_word(&line, " -H ", r->headers[i]);
	}
	if (r->body_path && strcmp(r->body_path, "-") == 0)
		buf_str(&line, " --data-binary @-");
	else if (r->body_path)
		add_word(&line, " --data-binary @", r->body_path);
	if (r->shown_url)
		buf_printf(&line, " %s", r->shown_url);
	else
		add_word(&line, " ", buf_cstr(&r->url));
	const bool whole = buf_error(&line) == 0;
	if (whole)
		puts(buf_cstr(&line));
	else
		cli_error("the line is too long");
	buf_release(&line);
	return whole ? CLI_OK : CLI_FAILED;
}
