#include "gateway/head_reading.h"

#include <strings.h>

int head_refuse(struct reading *reading, int status, const char *type, const char *detail)
{
	reading->problem = (struct head_problem){.status = status, .type = type, .detail = detail};
	return -1;
}

int head_bad(struct reading *reading, const char *detail)
{
	return head_refuse(reading, 400, "bad-request", detail);
}

static bool is_host(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!plain && (c == '\0' || !strchr("-._~%!$&'()*+,;=:[]", c)))
			return false;
	}
	return len > 0;
}

static int check_host(struct reading *reading)
{
	if (reading->hosts > 1)
		return head_bad(reading, "There is more than one Host field.");
	if (reading->hosts == 0 && !reading->r->version_1_0)
		return head_bad(reading, "The Host field is missing.");
	if (reading->hosts == 1 && !is_host(reading->host, reading->host_len))
		return head_bad(reading, "The Host field is malformed.");
	return 0;
}

static bool is_text(const char *value, size_t len, const char *text)
{
	return len == strlen(text) && strncasecmp(value, text, len) == 0;
}

/* Whether `value` is a list that ends with "chunked", which stands in it once, and has no "identity". */
static bool ends_chunked(const char *value, size_t len)
{
	bool chunked = false;
	for (size_t at = 0; at <= len;) {
		const char *comma = memchr(value + at, ',', len - at);
		size_t end = comma ? (size_t)(comma - value) : len;
		size_t next = end + 1;
		while (at < end && (value[at] == ' ' || value[at] == '\t'))
			at++;
		while (end > at && (value[end - 1] == ' ' || value[end - 1] == '\t'))
			end--;
		if (chunked || end == at || is_text(value + at, end - at, "identity"))
			return false;
		chunked = is_text(value + at, end - at, "chunked");
		at = next;
	}
	return chunked;
}

static int check_coding(struct reading *reading)
{
	struct http_request *r = reading->r;
	if (reading->lengths > 0)
		return head_bad(reading, "There are both Content-Length and Transfer-Encoding.");
	if (reading->codings > 1 || !ends_chunked(reading->coding, reading->coding_len))
		return head_bad(reading, "Transfer-Encoding is malformed.");
	if (r->version_1_0)
		return head_bad(reading, "HTTP/1.0 has no Transfer-Encoding.");
	if (!is_text(reading->coding, reading->coding_len, "chunked"))
		return head_refuse(reading, 501, "coding-not-implemented",
				   "The only transfer coding known here is chunked.");
	r->chunked = true;
	return 0;
}

static int check_length(struct reading *reading)
{
	uint64_t value = 0;
	for (size_t i = 0; i < reading->length_len; i++) {
		char c = reading->length[i];
		if (c < '0' || c > '9' || value > (UINT64_MAX - 9) / 10)
			return head_bad(reading, "Content-Length is malformed.");
		value = value * 10 + (uint64_t)(c - '0');
	}
	if (reading->lengths > 1 || reading->length_len == 0)
		return head_bad(reading, "Content-Length is malformed.");
	reading->r->body_len = value;
	return 0;
}

static int check_framing(struct reading *reading)
{
	const struct http_request *r = reading->r;
	if (reading->codings > 0)
		return check_coding(reading);
	if (reading->lengths > 0)
		return check_length(reading);
	/* With HTTP/1.1 no length means no body. In HTTP/1.0 it could mean "until I close" (RFC 1945 section 7.2.2). */
	if (r->version_1_0 && (r->verb == VERB_POST || r->verb == VERB_PUT || r->verb == VERB_PATCH))
		return head_refuse(reading, 411, "length-required", "Content-Length is missing.");
	return 0;
}

static int check_expect(struct reading *reading)
{
	struct http_request *r = reading->r;
	if (!reading->expect || r->version_1_0)
		return 0;
	if (!is_text(reading->expect, reading->expect_len, "100-continue"))
		return head_refuse(reading, 417, "expectation-failed",
				   "The only expectation known here is 100-continue.");
	r->want_continue = r->chunked || r->body_len > 0;
	return 0;
}

int head_check_meaning(struct reading *reading)
{
	if (check_host(reading) || check_framing(reading) || check_expect(reading))
		return -1;
	return 0;
}
