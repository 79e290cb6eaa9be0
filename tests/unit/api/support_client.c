#include "support_api.h"

#include <strings.h>
#include "base/clock.h"

#define DEADLINE_MS 20000

static bool is_set(void *arg)
{
	return *(bool *)arg;
}

struct exchange {
	struct fixture *f;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} as;
	uv_connect_t connect;
	uv_write_t write;
	struct buf request, answer;
	bool over, closed;
};

static void on_closed(uv_handle_t *handle)
{
	struct exchange *x = handle->data;
	x->closed = true;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	(void)handle;
	*ret = uv_buf_init(malloc(size), (unsigned)size);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct exchange *x = stream->data;
	if (n > 0)
		buf_append(&x->answer, buf->base, (size_t)n);
	else if (n < 0)
		x->over = true;
	free(buf->base);
}

static void on_written(uv_write_t *write, int status)
{
	(void)write;
	(void)status;
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct exchange *x = connect->data;
	assert_int_equal(status, 0);
	uv_buf_t piece = uv_buf_init(x->request.data, (unsigned)x->request.len);
	uv_write(&x->write, &x->as.stream, &piece, 1, on_written);
	uv_read_start(&x->as.stream, on_alloc, on_read);
}

static struct exchange *prepare(struct fixture *f, const char *method, const char *path, const char *host,
				const char *headers, const char *body)
{
	struct exchange *x = calloc(1, sizeof(*x));
	assert_non_null(x);
	x->f = f;
	x->connect.data = x;
	buf_init(&x->request, 1024 * 1024);
	buf_init(&x->answer, (size_t)64 * 1024 * 1024);
	buf_printf(&x->request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s", method, path, host, headers);
	if (body)
		buf_printf(&x->request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		buf_str(&x->request, "\r\n");
	return x;
}

struct exchange *exchange_start(struct fixture *f, const char *method, const char *path, const char *body)
{
	return exchange_start_with(f, method, path, "", body);
}

struct exchange *exchange_start_with(struct fixture *f, const char *method, const char *path, const char *headers,
				     const char *body)
{
	struct exchange *x = prepare(f, method, path, "localhost", headers, body);
	uv_pipe_init(&f->loop, &x->as.pipe, 0);
	x->as.handle.data = x;
	uv_pipe_connect(&x->connect, &x->as.pipe, f->socket, on_connected);
	return x;
}

struct reply exchange_end(struct exchange *x)
{
	struct reply r = {0};
	turn_until(x->f, is_set, &x->over);
	uv_close(&x->as.handle, on_closed);
	turn_until(x->f, is_set, &x->closed);
	r.text = buf_detach(&x->answer, NULL);
	assert_non_null(r.text);
	assert_int_equal(sscanf(r.text, "HTTP/1.1 %d", &r.status), 1);
	const char *end = strstr(r.text, "\r\n\r\n");
	assert_non_null(end);
	r.body = end + 4;
	if (r.body[0])
		json_parse(r.body, strlen(r.body), &r.json, NULL);
	buf_release(&x->request);
	free(x);
	return r;
}

const char *exchange_so_far(struct exchange *x)
{
	return buf_cstr(&x->answer);
}

void exchange_pause(struct exchange *x)
{
	uv_read_stop(&x->as.stream);
}

void exchange_resume(struct exchange *x)
{
	uv_read_start(&x->as.stream, on_alloc, on_read);
}

void exchange_abandon(struct exchange *x)
{
	uv_close(&x->as.handle, on_closed);
	turn_until(x->f, is_set, &x->closed);
	buf_release(&x->request);
	buf_release(&x->answer);
	free(x);
}

struct reply call(struct fixture *f, const char *method, const char *path, const char *body)
{
	return exchange_end(exchange_start(f, method, path, body));
}

struct reply call_tcp(struct fixture *f, const char *method, const char *path, const char *host, const char *headers)
{
	struct exchange *x = prepare(f, method, path, host, headers, NULL);
	struct sockaddr_in address;
	uv_ip4_addr("127.0.0.1", f->port, &address);
	uv_tcp_init(&f->loop, &x->as.tcp);
	x->as.handle.data = x;
	uv_tcp_connect(&x->connect, &x->as.tcp, (const struct sockaddr *)&address, on_connected);
	return exchange_end(x);
}

void reply_release(struct reply *r)
{
	json_free(r->json);
	free(r->text);
	*r = (struct reply){0};
}

const char *reply_header(const struct reply *r, const char *name)
{
	char line[128];
	snprintf(line, sizeof(line), "\r\n%s: ", name);
	const char *at = strcasestr(r->text, line);
	return at && at < r->body ? at + strlen(line) : NULL;
}

void run_workflow(struct fixture *f, const char *slug, char id[static 25])
{
	char path[64];
	snprintf(path, sizeof(path), "/api/v1/workflows/%s/run", slug);
	struct reply r = call(f, "POST", path, "{}");
	assert_int_equal(r.status, 200);
	const char *text = json_get_str(r.json, "activityId");
	assert_non_null(text);
	assert_int_equal(strlen(text), 24);
	snprintf(id, 25, "%s", text);
	reply_release(&r);
}

void await_status(struct fixture *f, const char *id, const char *status)
{
	const int64_t end_ms = clock_mono_ms() + DEADLINE_MS;
	char path[64];
	bool found = false;
	snprintf(path, sizeof(path), "/api/v1/activities/%s", id);
	while (!found && clock_mono_ms() < end_ms) {
		struct reply r = call(f, "GET", path, NULL);
		const char *is = json_get_str(r.json, "status");
		found = is && strcmp(is, status) == 0;
		reply_release(&r);
	}
	assert_true(found);
}

void assert_problem(const struct reply *r, int status, const char *type, const char *word)
{
	char whole[64];
	snprintf(whole, sizeof(whole), "tappet:%s", type);
	assert_int_equal(r->status, status);
	assert_string_equal(json_get_str(r->json, "type"), whole);
	assert_non_null(strstr(json_get_str(r->json, "detail"), word));
	assert_true(strncmp(reply_header(r, "Content-Type"), "application/problem+json", 24) == 0);
}

void expect_problem(struct fixture *f, const char *method, const char *path, const char *body, int status,
		    const char *type, const char *word)
{
	struct reply r = call(f, method, path, body);
	assert_problem(&r, status, type, word);
	reply_release(&r);
}
