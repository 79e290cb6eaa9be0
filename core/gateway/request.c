#include "gateway/internal.h"

#include <errno.h>
#include <strings.h>
#include "gateway/chars.h"

/* ---- life ------------------------------------------------------------------------------------------------------ */

static struct http_request *take_spare(struct gateway *g)
{
	struct list *first = list_first(&g->spare_requests);
	if (first) {
		list_remove(first);
		g->spare_request_count--;
		return list_entry(first, struct http_request, link);
	}
	struct http_request *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	buf_init(&r->body, g->options.body_max);
	buf_init(&r->out, OUTPUT_MAX);
	return r;
}

struct http_request *request_new(struct connection *c)
{
	struct http_request *r = take_spare(c->gateway);
	if (!r)
		return NULL;
	struct buf body = r->body, out = r->out;
	char *head = r->head;
	size_t head_cap = r->head_cap;
	memset(r, 0, offsetof(struct http_request, fields));
	r->body = body;
	r->out = out;
	r->head = head;
	r->head_cap = head_cap;
	r->gateway = c->gateway;
	r->connection = c;
	r->verb = VERB_NONE;
	r->keep_alive = true;
	r->control = c->control;
	r->loopback = c->peer.loopback;
	r->peer = c->peer.key_len == 0 ? HTTP_PEER_UNIX : c->peer.loopback ? HTTP_PEER_LOOPBACK : HTTP_PEER_NETWORK;
	memcpy(r->remote, c->peer.text, sizeof(r->remote));
	r->peer_uid = c->peer.uid;
	r->scheme = c->stream->secure ? "https" : "http";
	if (c->stream->client_subject)
		r->client_subject = strdup(c->stream->client_subject);
	list_append(&c->requests, &r->link);
	c->request_count++;
	return r;
}

static void keep_small(struct buf *b)
{
	if (b->cap > KEEP_SIZE)
		buf_release(b);
	else
		buf_clear(b);
}

void request_free(struct http_request *r)
{
	struct gateway *g = r->gateway;
	list_remove(&r->link);
	route_unref(r->route);
	free(r->query_pairs);
	free(r->client_subject);
	if (g->spare_request_count == KEEP_REQUESTS) {
		buf_release(&r->body);
		buf_release(&r->out);
		free(r->head);
		free(r);
		return;
	}
	keep_small(&r->body);
	keep_small(&r->out);
	if (r->head_cap > KEEP_SIZE) {
		free(r->head);
		r->head = NULL;
		r->head_cap = 0;
	}
	list_append(&g->spare_requests, &r->link);
	g->spare_request_count++;
}

void request_answered(struct http_request *r)
{
	struct gateway *g = r->gateway;
	if (r->state == REQUEST_HANDLED || r->state == REQUEST_STREAMING)
		g->handled_count--;
	r->state = REQUEST_ANSWERED;
	if (r->connection) {
		connection_advance(r->connection);
		return;
	}
	request_free(r);
	gateway_settle(g);
}

void request_tell_drained(struct http_request *r)
{
	void (*drained)(void *) = r->drained;
	if (!drained || r->state != REQUEST_STREAMING || http_stream_pending(r) > 0)
		return;
	r->drained = NULL;
	drained(r->drained_arg);
}

void request_tell_gone(struct http_request *r)
{
	if (!r->gone || r->told_gone)
		return;
	r->told_gone = true;
	r->gone(r->gone_arg);
}

/* ---- the way to the handler ------------------------------------------------------------------------------------ */

static bool is_dots(const char *text, size_t len)
{
	return (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.');
}

/* Decodes the path's segments into the room behind the head. -EINVAL: bad encoding, or a dot segment, which a client
 * has to resolve itself and which only serves to get at something else. -E2BIG: deeper than any route. */
static int split_path(struct http_request *r, struct segment *segments, size_t *ret_count)
{
	const char *from = r->path + 1, *end = r->path + r->path_len;
	char *to = r->head + r->head_len + 1;
	for (size_t count = 0;; from++) {
		const char *slash = memchr(from, '/', (size_t)(end - from));
		const char *stop = slash ? slash : end;
		size_t len;
		if (count == PATH_SEGMENTS_MAX)
			return -E2BIG;
		if (chars_percent_decode(from, (size_t)(stop - from), false, false, to, &len) < 0 || is_dots(to, len))
			return -EINVAL;
		to[len] = '\0';
		segments[count++] = (struct segment){.text = to, .len = len};
		to += len + 1;
		from = stop;
		if (!slash) {
			*ret_count = count;
			return 0;
		}
	}
}

static void set_params(struct http_request *r, const struct router_match *match, const struct segment *segments,
		       size_t count)
{
	size_t params = route_param_count(match->route);
	for (size_t i = 0; i < params; i++)
		r->params[i] = segments[match->starts[i]].text;
	if (!route_takes_rest(match->route))
		return;
	for (size_t i = match->starts[params - 1]; i + 1 < count; i++)
		segments[i].text[segments[i].len] = '/';
}

int request_find_route(struct http_request *r)
{
	struct segment segments[PATH_SEGMENTS_MAX];
	struct router_match match;
	size_t count;
	if (r->path[0] == '*') {
		r->allow = (1u << VERB_COUNT) - 1;
		return 0;
	}
	int result = split_path(r, segments, &count);
	if (result == -E2BIG)
		return 0;
	if (result < 0)
		return result;
	router_match(&r->gateway->router, r->connection->surfaces, r->verb, segments, count, &match);
	r->allow = match.allow;
	if (match.route) {
		r->route = route_ref(match.route);
		set_params(r, &match, segments, count);
	}
	return 0;
}

static void answer_unrouted(struct http_request *r)
{
	char allow[80];
	verb_list(r->allow | 1u << VERB_OPTIONS, allow);
	if (r->allow == 0)
		response_problem(r, 404, "not-found", "There is nothing at this path.", NULL);
	else if (r->verb == VERB_OPTIONS)
		response_options(r, allow);
	else
		response_problem(r, 405, "method-not-allowed", "This path does not take this method.", allow);
}

/* The route was taken away while the body came. What serves the path now, after a reload perhaps, takes the request. */
static void find_successor(struct http_request *r)
{
	route_unref(r->route);
	r->route = NULL;
	(void)request_find_route(r);
}

void request_dispatch(struct http_request *r)
{
	if (r->route && !route_is_served(r->route))
		find_successor(r);
	if (!r->route) {
		answer_unrouted(r);
		return;
	}
	r->state = REQUEST_HANDLED;
	r->gateway->handled_count++;
	route_call(r->route, r);
}

/* ---- what handlers read ---------------------------------------------------------------------------------------- */

const char *http_method(const struct http_request *r)
{
	return r->method;
}

const char *http_path(const struct http_request *r)
{
	return r->path;
}

const char *http_query(const struct http_request *r)
{
	return r->query;
}

const char *http_param(const struct http_request *r, const char *name)
{
	size_t count = route_param_count(r->route);
	for (size_t i = 0; i < count; i++)
		if (strcmp(route_param_name(r->route, i), name) == 0)
			return r->params[i];
	return NULL;
}

const char *http_header(const struct http_request *r, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < r->field_count; i++) {
		const struct field *field = &r->fields[i];
		if (field->name_len == len && strncasecmp(r->head + field->name, name, len) == 0)
			return r->head + field->value;
	}
	return NULL;
}

bool http_header_at(const struct http_request *r, size_t index, const char **ret_name, const char **ret_value)
{
	if (index >= r->field_count)
		return false;
	*ret_name = r->head + r->fields[index].name;
	*ret_value = r->head + r->fields[index].value;
	return true;
}

const char *http_body(const struct http_request *r, size_t *ret_len)
{
	if (ret_len)
		*ret_len = r->body.len;
	return buf_cstr(&r->body);
}

const char *http_remote(const struct http_request *r)
{
	return r->remote;
}

const char *http_scheme(const struct http_request *r)
{
	return r->scheme;
}

const char *http_client_subject(const struct http_request *r)
{
	return r->client_subject;
}

int64_t http_peer_uid(const struct http_request *r)
{
	return r->peer_uid;
}

bool http_is_control(const struct http_request *r)
{
	return r->control;
}

bool http_is_loopback(const struct http_request *r)
{
	return r->loopback;
}

enum http_peer http_peer(const struct http_request *r)
{
	return r->peer;
}

void http_on_gone(struct http_request *r, void (*gone)(void *arg), void *arg)
{
	r->gone = gone;
	r->gone_arg = arg;
}

/* ---- the query ------------------------------------------------------------------------------------------------- */

static const char *decode_part(const char *from, size_t len, char **to)
{
	char *text = *to;
	size_t used = 0;
	/* Lenient, so it cannot fail: senders write a plain "100%" too. */
	(void)chars_percent_decode(from, len, true, true, text, &used);
	text[used] = '\0';
	*to += used + 1;
	return text;
}

/* One block: the pairs, and behind them their texts. */
static void decode_query(struct http_request *r)
{
	size_t count = 1, len = strlen(r->query);
	for (const char *at = r->query; *at; at++)
		count += *at == '&';
	r->query_decoded = true;
	if (len == 0)
		return;
	r->query_pairs = malloc(count * sizeof(*r->query_pairs) + len + 2 * count);
	if (!r->query_pairs)
		return;
	char *to = (char *)(r->query_pairs + count);
	const char *from = r->query;
	for (size_t i = 0; i < count; i++) {
		size_t pair_len = strcspn(from, "&");
		const char *equals = memchr(from, '=', pair_len);
		size_t key_len = equals ? (size_t)(equals - from) : pair_len;
		size_t value_at = equals ? key_len + 1 : key_len;
		r->query_pairs[i].key = decode_part(from, key_len, &to);
		r->query_pairs[i].value = decode_part(from + value_at, pair_len - value_at, &to);
		from += pair_len + 1;
	}
	r->query_count = count;
}

const char *http_query_value(struct http_request *r, const char *key)
{
	if (!r->query_decoded)
		decode_query(r);
	for (size_t i = 0; i < r->query_count; i++)
		if (strcmp(r->query_pairs[i].key, key) == 0)
			return r->query_pairs[i].value;
	return NULL;
}
