#include "gateway/internal.h"

#include <errno.h>
#include <http_parser.h>
#include <strings.h>
#include "base/json.h"
#include "gateway/chars.h"
#include "gateway/websocket.h"

const char *http_status_text(int status)
{
	return http_status_str((enum http_status)status);
}

/* ---- heads ----------------------------------------------------------------------------------------------------- */

struct answer {
	int status;
	const struct http_header_field *headers;
	size_t header_count;
	const void *body;
	size_t len;
	bool is_stream;
};

/* Room for everything that is not a header of the handler's. */
#define HEAD_ROOM 320

static char *put(char *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

#define put_literal(at, text) put((at), (text), sizeof(text) - 1)

static char *put_number(char *at, uint64_t value)
{
	char digits[20];
	size_t count = 0;
	do
		digits[sizeof(digits) - ++count] = (char)('0' + value % 10);
	while (value /= 10);
	return put(at, digits + sizeof(digits) - count, count);
}

static char *put_status(char *at, int status)
{
	if (status == 200)
		return put_literal(at, "HTTP/1.1 200 OK\r\n");
	const char *text = http_status_text(status);
	at = put_literal(at, "HTTP/1.1 ");
	at = put_number(at, (uint64_t)status);
	*at++ = ' ';
	at = put(at, text, strlen(text));
	return put_literal(at, "\r\n");
}

/* What frames the message is not for handlers to say. */
static bool is_ours(const char *name)
{
	return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Date") == 0 ||
	       strcasecmp(name, "Connection") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

static char *put_headers(char *at, const struct answer *answer)
{
	for (size_t i = 0; i < answer->header_count; i++) {
		const struct http_header_field *field = &answer->headers[i];
		if (is_ours(field->name))
			continue;
		at = put(at, field->name, strlen(field->name));
		at = put_literal(at, ": ");
		at = put(at, field->value, field->value_len);
		at = put_literal(at, "\r\n");
	}
	return at;
}

static bool has_no_body(int status)
{
	return status == 204 || status == 304;
}

static char *put_framing(char *at, const struct http_request *r, const struct answer *answer)
{
	if (r->chunked_answer)
		at = put_literal(at, "Transfer-Encoding: chunked\r\n");
	if (!answer->is_stream && !has_no_body(answer->status)) {
		at = put_literal(at, "Content-Length: ");
		at = put_number(at, answer->len);
		at = put_literal(at, "\r\n");
	}
	/* Who sends Upgrade has to name it here, too (RFC 9110 section 7.8). */
	if (answer->status == 426)
		at = put_literal(at, "Connection: Upgrade\r\n");
	if (!r->keep_alive)
		at = put_literal(at, "Connection: close\r\n");
	else if (r->version_1_0)
		at = put_literal(at, "Connection: keep-alive\r\n");
	return at;
}

/* Puts head and body into the output; an error stays in the buffer and cuts the connection. */
static void put_answer(struct http_request *r, const struct answer *answer)
{
	struct buf *out = connection_output(r->connection, r);
	size_t room = HEAD_ROOM, date_len, body_len = answer->len;
	char *at;
	if (r->is_head || has_no_body(answer->status))
		body_len = 0;
	for (size_t i = 0; i < answer->header_count; i++)
		room += strlen(answer->headers[i].name) + answer->headers[i].value_len + 4;
	if (buf_reserve(out, room + body_len, &at) < 0)
		return;
	char *start = at;
	const char *date = gateway_date(r->gateway, &date_len);
	at = put_status(at, answer->status);
	at = put(at, date, date_len);
	at = put_headers(at, answer);
	at = put_framing(at, r, answer);
	at = put_literal(at, "\r\n");
	at = put(at, answer->body, body_len);
	out->len += (size_t)(at - start);
	buf_terminate(out);
}

/* While the gateway is drained, the last answer of a connection says that it is the last. */
static void settle_keep_alive(struct http_request *r)
{
	struct connection *c = r->connection;
	if (!r->gateway->draining || c->incoming || c->requests.prev != &r->link)
		return;
	r->keep_alive = false;
	c->last = true;
}

static int send_answer(struct http_request *r, const struct answer *answer)
{
	int result = -EPIPE;
	if (r->connection) {
		metric_add(r->gateway->metric_status[answer->status / 100], 1);
		settle_keep_alive(r);
		put_answer(r, answer);
		result = 0;
	}
	request_answered(r);
	return result;
}

/* ---- problems -------------------------------------------------------------------------------------------------- */

static void write_problem(struct buf *b, int status, const char *type, const char *detail)
{
	jsonw_open(b, '{');
	jsonw_key(b, "type");
	buf_str(b, "\"tappet:");
	buf_str(b, type);
	buf_char(b, '"');
	jsonw_key(b, "title");
	jsonw_str(b, http_status_text(status));
	jsonw_key(b, "status");
	jsonw_int(b, status);
	if (detail) {
		jsonw_key(b, "detail");
		jsonw_str(b, detail);
	}
	jsonw_close(b, '}');
}

static int send_problem(struct http_request *r, int status, const char *type, const char *detail,
			const struct http_header_field *extra, size_t extra_count)
{
	struct gateway *g = r->gateway;
	struct http_header_field headers[3] = {
		{.name = "Content-Type", .value = "application/problem+json", .value_len = 24}};
	for (size_t i = 0; i < extra_count; i++)
		headers[i + 1] = extra[i];
	struct buf body = gateway_take_buffer(g);
	write_problem(&body, status, type, detail);
	struct answer answer = {.status = status,
				.headers = headers,
				.header_count = extra_count + 1,
				.body = body.data,
				.len = body.len};
	int result = send_answer(r, &answer);
	gateway_give_buffer(g, &body);
	return result;
}

void response_problem(struct http_request *r, int status, const char *type, const char *detail, const char *allow)
{
	struct http_header_field field = {.name = "Allow", .value = allow, .value_len = allow ? strlen(allow) : 0};
	struct http_header_field later = {.name = "Retry-After", .value = "1", .value_len = 1};
	send_problem(r, status, type, detail, allow ? &field : &later, allow || status == 503);
}

void websocket_refuse(struct http_request *r, int status, const char *detail)
{
	static const struct http_header_field how[2] = {
		{.name = "Upgrade", .value = "websocket", .value_len = 9},
		{.name = "Sec-WebSocket-Version", .value = "13", .value_len = 2},
	};
	if (status == 426)
		send_problem(r, status, "upgrade-required", detail, how, 2);
	else
		send_problem(r, status, "bad-request", detail, NULL, 0);
}

void response_options(struct http_request *r, const char *allow)
{
	struct http_header_field field = {.name = "Allow", .value = allow, .value_len = strlen(allow)};
	struct answer answer = {.status = 204, .headers = &field, .header_count = 1};
	send_answer(r, &answer);
}

/* ---- what handlers call ---------------------------------------------------------------------------------------- */

static bool is_field(const struct http_header_field *field)
{
	const char *name = field->name;
	for (; *name; name++)
		if (!chars_is_token(*name))
			return false;
	for (size_t i = 0; i < field->value_len; i++)
		if (!chars_is_field(field->value[i]))
			return false;
	return name > field->name;
}

/* A header with a line end in it would let whoever chose its value write the next answer. */
static bool is_valid(int status, const struct http_header_field *headers, size_t header_count)
{
	if (status < 200 || status > 599)
		return false;
	for (size_t i = 0; i < header_count; i++)
		if (!is_field(&headers[i]))
			return false;
	return true;
}

static int refuse_answer(struct http_request *r)
{
	send_problem(r, 500, "bad-answer", "The answer to this request was malformed.", NULL, 0);
	return -EINVAL;
}

int http_respond(struct http_request *r, int status, const struct http_header_field *headers, size_t header_count,
		 const void *body, size_t len)
{
	if (!is_valid(status, headers, header_count))
		return refuse_answer(r);
	struct answer answer = {
		.status = status, .headers = headers, .header_count = header_count, .body = body, .len = len};
	return send_answer(r, &answer);
}

int http_respond_json(struct http_request *r, int status, const void *body, size_t len)
{
	struct http_header_field field = {.name = "Content-Type", .value = "application/json", .value_len = 16};
	return http_respond(r, status, &field, 1, body, len);
}

int http_problem(struct http_request *r, int status, const char *type, const char *detail, int retry_after_s)
{
	char seconds[12];
	if (!is_valid(status, NULL, 0))
		return refuse_answer(r);
	if (retry_after_s <= 0)
		return send_problem(r, status, type, detail, NULL, 0);
	int len = snprintf(seconds, sizeof(seconds), "%d", retry_after_s);
	struct http_header_field field = {.name = "Retry-After", .value = seconds, .value_len = (size_t)len};
	return send_problem(r, status, type, detail, &field, 1);
}

/* ---- streams --------------------------------------------------------------------------------------------------- */

int http_stream_begin(struct http_request *r, int status, const char *content_type)
{
	struct http_header_field fields[] = {
		{.name = "Content-Type", .value = content_type, .value_len = strlen(content_type)},
		{.name = "Cache-Control", .value = "no-store", .value_len = 8},
		{.name = "X-Accel-Buffering", .value = "no", .value_len = 2},
	};
	bool valid = is_valid(status, fields, 1);
	r->state = REQUEST_STREAMING;
	if (!r->connection)
		return -EPIPE;
	if (!valid) {
		status = 500;
		fields[0].value = "text/plain";
		fields[0].value_len = 10;
	}
	metric_add(r->gateway->metric_status[status / 100], 1);
	settle_keep_alive(r);
	if (r->version_1_0) {
		/* Its end is the end of the connection. */
		r->keep_alive = false;
		r->connection->last = true;
	}
	r->chunked_answer = !r->version_1_0 && !r->is_head;
	struct answer answer = {.status = status, .headers = fields, .header_count = 3, .is_stream = true};
	put_answer(r, &answer);
	connection_advance(r->connection);
	return valid ? 0 : -EINVAL;
}

size_t http_stream_pending(const struct http_request *r)
{
	const struct connection *c = r->connection;
	if (!c)
		return 0;
	return r->out.len + (c->requests.next == &r->link ? connection_unsent(c) : 0);
}

void http_on_drained(struct http_request *r, void (*drained)(void *arg), void *arg)
{
	r->drained = drained;
	r->drained_arg = arg;
	if (r->connection)
		gateway_mark(r->gateway, r->connection);
}

int http_stream_write(struct http_request *r, const void *bytes, size_t len)
{
	struct connection *c = r->connection;
	if (!c)
		return -EPIPE;
	if (http_stream_pending(r) > OUTPUT_HIGH)
		return -ENOBUFS;
	if (len == 0 || r->is_head)
		return 0;
	struct buf *out = connection_output(c, r);
	if (r->chunked_answer)
		buf_printf(out, "%zx\r\n", len);
	buf_append(out, bytes, len);
	if (r->chunked_answer)
		buf_append(out, "\r\n", 2);
	connection_advance(c);
	return 0;
}

void http_stream_end(struct http_request *r)
{
	if (r->connection && r->chunked_answer)
		buf_append(connection_output(r->connection, r), "0\r\n\r\n", 5);
	request_answered(r);
}
