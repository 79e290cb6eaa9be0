#include "gateway/head.h"

#include <errno.h>
#include <http_parser.h>
#include <strings.h>
#include "gateway/chars.h"
#include "gateway/head_reading.h"

ssize_t head_find(const char *bytes, size_t len, size_t max, size_t *scanned, size_t *line)
{
	size_t limit = len < max ? len : max;
	while (*scanned < limit) {
		const char *lf = memchr(bytes + *scanned, '\n', limit - *scanned);
		if (!lf) {
			*scanned = limit;
			break;
		}
		size_t at = (size_t)(lf - bytes);
		if (at == *line || bytes[at - 1] != '\r')
			return -EBADMSG;
		if (at == *line + 1)
			return (ssize_t)(at + 1);
		*scanned = *line = at + 1;
	}
	return limit == max ? -E2BIG : 0;
}

/* ---- what http-parser tells ------------------------------------------------------------------------------------ */

static int on_name(http_parser *parser, const char *at, size_t len)
{
	struct reading *reading = parser->data;
	struct http_request *r = reading->r;
	if (r->field_count == HEADERS_MAX)
		return head_refuse(reading, 431, "head-too-large", "The request has too many header fields.");
	struct field *field = &r->fields[r->field_count];
	field->name = (uint32_t)(at - r->head);
	field->name_len = (uint32_t)len;
	return 0;
}

static bool is_name(const struct http_request *r, const struct field *field, const char *name)
{
	return strncasecmp(r->head + field->name, name, field->name_len) == 0;
}

/* The few fields that say how the message is framed or is to be treated here. */
static void note_field(struct reading *reading, const struct field *field)
{
	const struct http_request *r = reading->r;
	const char *value = r->head + field->value;
	if (field->name_len == 4 && is_name(r, field, "Host")) {
		reading->hosts++;
		reading->host = value;
		reading->host_len = field->value_len;
	} else if (field->name_len == 6 && is_name(r, field, "Expect")) {
		reading->expect = value;
		reading->expect_len = field->value_len;
	} else if (field->name_len == 14 && is_name(r, field, "Content-Length")) {
		reading->lengths++;
		reading->length = value;
		reading->length_len = field->value_len;
	} else if (field->name_len == 17 && is_name(r, field, "Transfer-Encoding")) {
		reading->codings++;
		reading->coding = value;
		reading->coding_len = field->value_len;
	}
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct reading *reading = parser->data;
	struct http_request *r = reading->r;
	struct field *field = &r->fields[r->field_count++];
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	/* Of an empty value the parser shows the next line; it is put on the end of the name. */
	field->value = len > 0 ? (uint32_t)(at - r->head) : field->name + field->name_len;
	field->value_len = (uint32_t)len;
	note_field(reading, field);
	return 0;
}

static int on_complete(http_parser *parser)
{
	struct reading *reading = parser->data;
	reading->keep_alive = http_should_keep_alive(parser);
	return 1; /* the body is not read by this parser */
}

static int parse(struct reading *reading)
{
	struct http_request *r = reading->r;
	static const http_parser_settings settings = {
		.on_header_field = on_name, .on_header_value = on_value, .on_headers_complete = on_complete};
	http_parser parser;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = reading;
	size_t used = http_parser_execute(&parser, &settings, r->head, r->head_len);
	if (reading->problem.status)
		return -1;
	if (HTTP_PARSER_ERRNO(&parser) != HPE_OK)
		return head_bad(reading, http_errno_description(HTTP_PARSER_ERRNO(&parser)));
	if (used != r->head_len)
		return head_bad(reading, "The head is malformed.");
	return 0;
}

/* ---- checks before it ------------------------------------------------------------------------------------------ */

/* No folded line, a name of token characters right before the colon, no control character in the value (RFC 9112
 * section 5, RFC 9110 section 5.5). As Debian builds it, http-parser lets spaces in names and NUL in values pass. */
static int check_field(struct reading *reading, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	if (line[0] == ' ' || line[0] == '\t')
		return head_bad(reading, "A header field is folded.");
	if (!colon || colon == line)
		return head_bad(reading, "A header field has no name.");
	for (const char *c = line; c < colon; c++)
		if (!chars_is_token(*c))
			return head_bad(reading, "The name of a header field is malformed.");
	for (const char *c = colon; c < line + len; c++)
		if (!chars_is_field(*c))
			return head_bad(reading, "A header field contains a control character.");
	return 0;
}

static int check_fields(struct reading *reading, const char *line, const char *end)
{
	while (end - line > 2) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		if (check_field(reading, line, (size_t)(lf - line) - 1))
			return -1;
		line = lf + 1;
	}
	return 0;
}

static int check_version(struct reading *reading, const char *text, size_t len)
{
	bool is_version = len == 8 && memcmp(text, "HTTP/", 5) == 0 && text[5] >= '0' && text[5] <= '9' &&
			  text[6] == '.' && text[7] >= '0' && text[7] <= '9';
	if (!is_version)
		return head_bad(reading, "The request line is malformed.");
	if (text[5] != '1' || text[7] > '1')
		return head_refuse(reading, 505, "version-not-supported",
				   "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
	reading->r->version_1_0 = text[7] == '0';
	return 0;
}

static int check_method(struct reading *reading, char *text, size_t len)
{
	struct http_request *r = reading->r;
	for (size_t i = 0; i < len; i++)
		if (!chars_is_token(text[i]))
			return head_bad(reading, "The method is malformed.");
	r->method = text;
	r->verb = verb_parse(text, len);
	r->is_head = r->verb == VERB_HEAD;
	if (r->verb == VERB_NONE)
		return head_refuse(reading, 501, "method-not-implemented", "This method is not known here.");
	return 0;
}

/* "http://host/path": the authority has to be what Host says, since handlers look at Host (RFC 9112 section 3.2.2 lets
 * the target win). Returns the length of the part before the path, 0 when there is none. */
static size_t authority_end(const char *target, size_t len, size_t *ret_start)
{
	size_t scheme = len > 7 && strncasecmp(target, "http://", 7) == 0    ? 7
			: len > 8 && strncasecmp(target, "https://", 8) == 0 ? 8
									     : 0;
	size_t end = scheme;
	while (scheme && end < len && target[end] != '/' && target[end] != '?')
		end++;
	*ret_start = scheme;
	return end;
}

static int check_target(struct reading *reading, const char *target, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (target[i] <= ' ' || target[i] > '~' || target[i] == '#')
			return head_bad(reading, "The target contains a character that has to be encoded.");
		if (target[i] == '%' && len - i > 2 && target[i + 1] == '0' && target[i + 2] == '0')
			return head_bad(reading, "The target contains an encoded NUL.");
	}
	return 0;
}

/* Splits the target in place. The byte behind it is the space before the version, and may be overwritten only after
 * the parser has run. */
static int place_target(struct reading *reading, char *target, size_t len)
{
	struct http_request *r = reading->r;
	size_t start, end = authority_end(target, len, &start);
	if (end > 0 && end == start)
		return head_bad(reading, "The target names no host.");
	if (end > 0 &&
	    (end - start != reading->host_len || strncasecmp(target + start, reading->host, end - start) != 0))
		return head_bad(reading, "The target names another host than the Host field.");
	target[len] = '\0';
	char *query = memchr(target, '?', len);
	if (query)
		*query = '\0';
	r->query = query ? query + 1 : "";
	r->path_len = query ? (size_t)(query - target) - end : len - end;
	r->path = target + end;
	if (end > 0 && r->path_len == 0) {
		r->path = "/";
		r->path_len = 1;
	}
	bool asterisk = r->verb == VERB_OPTIONS && strcmp(r->path, "*") == 0;
	return r->path[0] == '/' || asterisk ? 0 : head_bad(reading, "The target is not a path.");
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

/* Room for the head, and behind it for the decoded path. */
static int keep_head(struct http_request *r, const char *bytes, size_t len)
{
	size_t need = 2 * len + 2;
	if (need > r->head_cap) {
		char *head = malloc(need);
		if (!head)
			return -ENOMEM;
		free(r->head);
		r->head = head;
		r->head_cap = need;
	}
	memcpy(r->head, bytes, len);
	r->head[len] = '\0';
	r->head_len = len;
	return 0;
}

static void end_texts(struct http_request *r)
{
	for (size_t i = 0; i < r->field_count; i++) {
		const struct field *field = &r->fields[i];
		r->head[field->name + field->name_len] = '\0';
		r->head[field->value + field->value_len] = '\0';
	}
}

static int read_all(struct reading *reading)
{
	struct http_request *r = reading->r;
	char *line = r->head, *end = r->head + r->head_len;
	size_t line_len = (size_t)((char *)memchr(line, '\n', r->head_len) - line) - 1;
	char *method_end = memchr(line, ' ', line_len);
	char *target = method_end ? method_end + 1 : line;
	char *target_end = memchr(target, ' ', line_len - (size_t)(target - line));
	if (!method_end || method_end == line || !target_end || target_end == target)
		return head_bad(reading, "The request line is malformed.");
	size_t target_len = (size_t)(target_end - target);
	int bad_line = check_version(reading, target_end + 1, line_len - (size_t)(target_end + 1 - line));
	if (bad_line || check_method(reading, line, (size_t)(method_end - line)) ||
	    check_target(reading, target, target_len) || check_fields(reading, line + line_len + 2, end))
		return -1;
	if (parse(reading) || head_check_meaning(reading))
		return -1;
	r->keep_alive = reading->keep_alive;
	*method_end = '\0';
	if (place_target(reading, target, target_len))
		return -1;
	end_texts(r);
	return 0;
}

int head_read(struct http_request *r, const char *bytes, size_t len, struct head_problem *ret_problem)
{
	struct reading reading = {.r = r};
	int result = keep_head(r, bytes, len);
	if (result < 0)
		head_refuse(&reading, 503, "out-of-memory", "The server has no memory left.");
	else
		result = read_all(&reading);
	if (result < 0)
		*ret_problem = reading.problem;
	return result;
}
