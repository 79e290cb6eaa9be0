/* `http`: one request, perhaps redirected, whose answer becomes the step's outputs.
 *
 *   PREPARING (pool) -> RUNNING (libcurl on the loop) -> its outputs asked for (jq) -> reported
 *        '--- failed, or to be ended meanwhile -> reported
 *
 * Only http and https, and nothing of the daemon's environment (no proxy, no .netrc). Redirections are followed here and not
 * by libcurl: fields with secrets are for the server that they were meant for, and for no other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/curl_loop.h"
#include "engine/http_request.h"

#define SNIPPET_MAX 200
/* A longer body is no output unless it is asked for. */
#define BODY_OUTPUT_MAX ((size_t)64 * 1024)

struct http_call {
	struct step *step;
	struct engine *engine;
	struct http_request request;
	uv_work_t work;
	struct transfer transfer;
	char error[CURL_ERROR_SIZE];
	struct buf head, body; /* of the answer: its header fields, and what came behind them */
	enum process_end why;
	bool preparing, running;
	bool foreign; /* redirected to another server */
	bool get;     /* redirected so that it became a GET */
	unsigned redirects;
	int64_t begin_ms;
	long status;
};

static const struct http_def *def_of(const struct http_call *h)
{
	return step_def_of(h->step)->http;
}

/* ---- The end -------------------------------------------------------------------------------------------------- */

static void call_free(struct http_call *h)
{
	if (h->transfer.easy)
		curl_easy_cleanup(h->transfer.easy);
	http_request_release(&h->request);
	buf_release(&h->head);
	buf_release(&h->body);
	free(h);
}

/* The step has its say again; the call is gone. */
static struct step *finish(struct http_call *h)
{
	struct step *s = h->step;

	s->http = NULL;
	step_timer_stop(s->timer);
	s->timer = NULL;
	call_free(h);
	return s;
}

static void end_early(struct http_call *h)
{
	enum process_end why = h->why;
	struct step *s = finish(h);
	char text[CLOCK_TEXT_MAX];

	if (why == PROCESS_SHUTDOWN)
		step_left(s);
	else if (why == PROCESS_TIMEOUT)
		step_failed(s, FAILURE_TIMEOUT, "timed out after %s",
			    duration_text(step_timeout_ms(s), text, sizeof(text)));
	else
		step_ended(s, &(struct step_result){.outcome = STATUS_CANCELLED});
}

bool http_stop(struct step *s, enum process_end why)
{
	struct http_call *h = s->http;

	if (!h)
		return false;
	if (h->why == PROCESS_NOT_ENDED)
		h->why = why;
	/* The pool still reads what belongs to the activity. */
	if (h->preparing)
		return true;
	if (h->running)
		curl_loop_remove(h->engine->http, &h->transfer);
	end_early(h);
	return true;
}

static void timed_out(void *arg)
{
	struct step *s = arg;

	s->timer = NULL;
	if (!http_stop(s, PROCESS_TIMEOUT)) {
		/* Its outputs were being asked for. */
		char text[CLOCK_TEXT_MAX];

		job_abandon(s);
		step_failed(s, FAILURE_TIMEOUT, "timed out after %s",
			    duration_text(step_timeout_ms(s), text, sizeof(text)));
	}
}

static void fail(struct http_call *h, enum failure_kind kind, int code, char *message)
{
	struct step_result result = {
		.outcome = STATUS_FAILURE, .failure = {.kind = kind, .code = code}, .message = message};

	step_log(h->step, "%s", message ? message : "failed");
	step_ended(finish(h), &result);
}

/* ---- Its outputs ---------------------------------------------------------------------------------------------- */

static bool is_expected(const struct http_call *h)
{
	const struct http_def *http = def_of(h);

	for (size_t i = 0; i < http->expect_count; i++)
		if (h->status >= http->expect[i].first && h->status <= http->expect[i].last)
			return true;
	return http->expect_count == 0 && h->status >= 200 && h->status <= 299;
}

/* The first of it on one line, for people. */
static void snippet(const struct buf *body, char *text, size_t size)
{
	size_t len = body->len < size - 1 ? body->len : size - 1;

	memcpy(text, buf_cstr(body), len);
	while (len < body->len && len > 0 && ((unsigned char)buf_cstr(body)[len] & 0xc0) == 0x80)
		len--;
	text[len] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

static void put_body(struct buf *out, const struct buf *body)
{
	jsonw_key(out, "body");
	if (body->len > 0 && json_check(buf_cstr(body), body->len, NULL) == 0)
		jsonw_raw(out, buf_cstr(body), body->len);
	else
		jsonw_strn(out, buf_cstr(body), body->len);
}

/* The outputs where the definition names none. */
static void complete_plainly(struct http_call *h)
{
	struct buf out;

	buf_init(&out, ENGINE_OUTPUTS_MAX);
	(void)buf_printf(&out, "{\"status\":\"%ld\"", h->status);
	if (h->body.len <= BODY_OUTPUT_MAX && !memchr(buf_cstr(&h->body), '\0', h->body.len)) {
		jsonw_key(&out, "body");
		jsonw_strn(&out, buf_cstr(&h->body), h->body.len);
	}
	jsonw_close(&out, '}');
	step_completed_with(finish(h), &out, 0, NULL);
}

static void outputs_known(struct step *s, const struct expr_result *results, size_t count)
{
	char message[ENGINE_MESSAGE_MAX] = "";
	struct buf out;
	int r;

	step_timer_stop(s->timer);
	s->timer = NULL;
	buf_init(&out, ENGINE_OUTPUTS_MAX);
	jsonw_open(&out, '{');
	r = outputs_put_mapping(&out, &step_def_of(s)->http->outputs, results, count, message, sizeof(message));
	jsonw_close(&out, '}');
	step_completed_with(s, &out, r, message);
}

static void ask_outputs(struct http_call *h)
{
	struct step *s = h->step;
	struct buf in;

	buf_init(&in, ENGINE_CONTEXT_MAX);
	(void)buf_printf(&in, "{\"status\":%ld,\"headers\":", h->status);
	http_head_put(&h->head, &in);
	put_body(&in, &h->body);
	jsonw_close(&in, '}');
	/* The time-out stays: it is of the whole step. */
	s->http = NULL;
	call_free(h);
	step_ask_mapping(s, &step_def_of(s)->http->outputs, &in, outputs_known);
	buf_release(&in);
}

static void answered(struct http_call *h)
{
	char text[SNIPPET_MAX + 1];

	step_log(h->step, "%ld with %zu bytes after %lld ms", h->status, h->body.len,
		 (long long)(clock_mono_ms() - h->begin_ms));
	if (!is_expected(h)) {
		snippet(&h->body, text, sizeof(text));
		fail(h, FAILURE_STATUS, (int)h->status,
		     text_printf("the answer was %ld%s%s", h->status, *text ? ": " : "", text));
	} else if (def_of(h)->outputs.count > 0) {
		ask_outputs(h);
	} else {
		complete_plainly(h);
	}
}

/* ---- What comes ----------------------------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *h = arg;

	return buf_append(&h->body, bytes, size * count) < 0 ? 0 : size * count;
}

static size_t on_head(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *h = arg;

	/* Each answer begins anew: one of 1xx may come before. */
	if (size * count > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		buf_clear(&h->head);
	else
		http_head_add(&h->head, bytes, size * count);
	return buf_error(&h->head) < 0 ? 0 : size * count;
}

/* ---- Redirections --------------------------------------------------------------------------------------------- */

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *first = NULL, *second = NULL;
	bool same = curl_url_get(a, part, &first, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_get(b, part, &second, CURLU_DEFAULT_PORT) == CURLUE_OK && strcasecmp(first, second) == 0;

	curl_free(first);
	curl_free(second);
	return same;
}

static bool same_server(const char *from, const char *to)
{
	CURLU *a = curl_url(), *b = curl_url();
	bool same = a && b && curl_url_set(a, CURLUPART_URL, from, 0) == CURLUE_OK &&
		    curl_url_set(b, CURLUPART_URL, to, 0) == CURLUE_OK && same_part(a, b, CURLUPART_SCHEME) &&
		    same_part(a, b, CURLUPART_HOST) && same_part(a, b, CURLUPART_PORT);

	curl_url_cleanup(a);
	curl_url_cleanup(b);
	return same;
}

static int set_method(struct http_call *h);

/* RFC 9110, 15.4: a POST that was moved, and whatever is to be seen elsewhere, becomes a GET. */
static void change_method(struct http_call *h)
{
	const char *method = def_of(h)->method;

	if ((h->status == 303 && strcmp(method, "HEAD") != 0) ||
	    ((h->status == 301 || h->status == 302) && strcmp(method, "POST") == 0))
		h->get = true;
}

static bool follow(struct http_call *h)
{
	char *to = NULL, *copy, *shown;

	(void)curl_easy_getinfo(h->transfer.easy, CURLINFO_REDIRECT_URL, &to);
	if (!to || def_of(h)->redirects_max == 0 || h->status < 300 || h->status > 399)
		return false;
	if (h->redirects++ >= def_of(h)->redirects_max) {
		fail(h, FAILURE_NETWORK, 0, text_printf("redirected more than %u times", def_of(h)->redirects_max));
		return true;
	}
	copy = strdup(to);
	shown = copy ? http_shown(copy) : NULL;
	step_log(h->step, "%ld, redirected to %s", h->status, shown ? shown : "");
	free(shown);
	h->foreign = h->foreign || !copy || !same_server(h->request.url, copy);
	change_method(h);
	buf_clear(&h->head);
	buf_clear(&h->body);
	if (copy && curl_easy_setopt(h->transfer.easy, CURLOPT_URL, copy) == CURLE_OK && set_method(h) == 0 &&
	    curl_loop_add(h->engine->http, &h->transfer) == 0)
		h->running = true;
	free(copy);
	if (!h->running)
		fail(h, FAILURE_NETWORK, 0, strdup("no memory"));
	return true;
}

/* ---- The request ---------------------------------------------------------------------------------------------- */

static void not_answered(struct http_call *h, CURLcode result)
{
	const char *why = h->error[0] ? h->error : curl_easy_strerror(result);

	if (buf_error(&h->body) == -ENOBUFS)
		fail(h, FAILURE_OUTPUT, 0, text_printf("the answer is larger than %zu bytes", def_of(h)->answer_max));
	else if (buf_error(&h->head) == -ENOBUFS)
		fail(h, FAILURE_NETWORK, 0,
		     text_printf("the head of the answer is larger than %zu KiB", HTTP_HEAD_MAX / 1024));
	else if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
		fail(h, FAILURE_START, 0, text_printf("%s: %s", why, h->request.shown));
	else
		fail(h, FAILURE_NETWORK, 0, text_printf("%s", why));
}

static void transferred(struct transfer *t, CURLcode result)
{
	struct http_call *h = list_entry(t, struct http_call, transfer);

	h->running = false;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &h->status);
	if (result != CURLE_OK)
		not_answered(h, result);
	else if (!follow(h))
		answered(h);
}

/* How it is sent, which a redirection may change. */
static int set_method(struct http_call *h)
{
	const struct http_request *r = &h->request;
	const char *method = h->get ? "GET" : def_of(h)->method;
	CURL *easy = h->transfer.easy;
	bool send = !h->get && (r->body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
				strcmp(method, "PATCH") == 0);
	CURLcode c = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);

	if (send && c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body ? r->body : "");
	if (send && c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	if (c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
	if (c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	if (c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->foreign ? r->plain : r->headers);
	return c == CURLE_OK ? 0 : -ENOMEM;
}

static CURLcode set_texts(struct http_call *h)
{
	CURL *easy = h->transfer.easy;
	CURLcode c = curl_easy_setopt(easy, CURLOPT_URL, h->request.url);

	if (c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* Whatever the environment says. */
	if (c == CURLE_OK)
		c = curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (c == CURLE_OK && h->request.ca_file)
		c = curl_easy_setopt(easy, CURLOPT_CAINFO, h->request.ca_file);
	if (c == CURLE_OK && h->request.ca_file)
		c = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	return c;
}

static int set_options(struct http_call *h)
{
	const struct http_def *http = def_of(h);
	CURL *easy = h->transfer.easy;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_timeout_ms},
		{CURLOPT_SSL_VERIFYPEER, http->verify},
		{CURLOPT_SSL_VERIFYHOST, http->verify ? 2 : 0},
		/* A name that is still looked up must not be waited for when the step ends. */
		{CURLOPT_QUICK_EXIT, 1},
	};
	CURLcode c = set_texts(h);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && c == CURLE_OK; i++)
		c = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->error);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, h);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
	return c == CURLE_OK ? set_method(h) : -ENOMEM;
}

static int send_request(struct http_call *h)
{
	struct engine *e = h->engine;
	int r = e->http ? 0 : curl_loop_open(e->loop, &e->http);

	if (r < 0)
		return r;
	h->transfer = (struct transfer){.easy = curl_easy_init(), .done = transferred};
	if (!h->transfer.easy)
		return -ENOMEM;
	r = set_options(h);
	return r == 0 ? curl_loop_add(e->http, &h->transfer) : r;
}

static void prepared(uv_work_t *work, int status)
{
	struct http_call *h = work->data;
	struct engine *e = h->engine;
	int r = status < 0 ? status : h->request.error;

	h->preparing = false;
	h->begin_ms = clock_mono_ms();
	if (h->why != PROCESS_NOT_ENDED) {
		end_early(h);
	} else if (r < 0) {
		fail(h, FAILURE_START, 0,
		     text_printf("%s", h->request.message[0] ? h->request.message : log_strerror(r)));
	} else {
		step_log(h->step, "%s %s", def_of(h)->method, h->request.shown);
		r = send_request(h);
		h->running = r == 0;
		if (r < 0)
			fail(h, FAILURE_START, 0, text_printf("the request cannot be sent: %s", log_strerror(r)));
	}
	engine_let_go(e);
}

static void prepare(uv_work_t *work)
{
	struct http_call *h = work->data;

	http_request_make(&h->request);
}

static int call_new(struct step *s, struct http_call **ret)
{
	struct activity *a = s->activity;
	struct http_call *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->step = s;
	h->engine = a->engine;
	h->request = (struct http_request){.options = &a->engine->options, .def = step_def_of(s)};
	(void)snprintf(h->request.key, sizeof(h->request.key), "%s/%u", a->id, s->index + 1);
	buf_init(&h->head, HTTP_HEAD_MAX);
	buf_init(&h->body, step_def_of(s)->http->answer_max);
	r = values_init(&h->request.values, a);
	if (r < 0) {
		call_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

void http_run(struct step *s)
{
	struct engine *e = s->activity->engine;
	int64_t timeout_ms = step_timeout_ms(s);
	struct http_call *h;
	int r = call_new(s, &h);

	if (r < 0) {
		step_failed(s, FAILURE_START, "cannot be started: %s", log_strerror(r));
		return;
	}
	s->http = h;
	h->preparing = true;
	h->work.data = h;
	if (timeout_ms > 0)
		s->timer = step_timer_start(e, timeout_ms, timed_out, s);
	engine_hold(e);
	r = uv_queue_work(e->loop, &h->work, prepare, prepared);
	if (r < 0)
		prepared(&h->work, r);
}
