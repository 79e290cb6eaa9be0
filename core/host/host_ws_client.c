/* tappet.ws/1: connections that a plugin makes to others. */
#include <errno.h>
#include "host/ws.h"

#define OPTIONS_SIZE_1_3 SIZE_UNTIL(tappet_ws_connect_options, no_compression)
#define HEADERS_MAX 64
#define CONNECT_TIMEOUT_MS 20000
/* Of what a plugin may ask for. */
#define TIME_LIMIT_MS ((int64_t)7 * 24 * 3600 * 1000)

static bool is_time(int64_t ms)
{
	return ms >= 0 && ms <= TIME_LIMIT_MS;
}

static void free_headers(struct http_header_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)fields[i].name);
}

/* Names as the gateway takes them, with a NUL; values stay the plugin's for the time of the call. */
static int32_t copy_headers(const tappet_ws_connect_options *o, struct http_header_field *fields, size_t *count)
{
	if (o->header_count > HEADERS_MAX || (o->header_count && !o->headers))
		return TAPPET_EINVAL;
	for (size_t i = 0; i < o->header_count; i++) {
		const tappet_http_header *h = &o->headers[i];
		if (!h->name.ptr || memchr(h->name.ptr, '\0', h->name.len) || (h->value.len && !h->value.ptr))
			return TAPPET_EINVAL;
		char *name = strndup(h->name.ptr, h->name.len);
		if (!name)
			return TAPPET_ENOMEM;
		fields[(*count)++] = (struct http_header_field){
			.name = name, .value = h->value.len ? h->value.ptr : "", .value_len = h->value.len};
	}
	return TAPPET_OK;
}

/* The newest members of an older plugin are not there, which means 0. */
static int32_t read_options(const tappet_ws_connect_options *options, tappet_ws_connect_options *ret)
{
	if (!options || options->struct_size < OPTIONS_SIZE_1_3)
		return TAPPET_EINVAL;
	*ret = (tappet_ws_connect_options){0};
	memcpy(ret, options, options->struct_size < sizeof(*ret) ? options->struct_size : sizeof(*ret));
	if (!ret->url || !is_time(ret->connect_timeout_ms) || !is_time(ret->retry_min_ms) ||
	    !is_time(ret->retry_max_ms))
		return TAPPET_EINVAL;
	return TAPPET_OK;
}

static int32_t connect_with(struct tappet_ws *ws, const tappet_ws_connect_options *o,
			    const struct websocket_limits *limits)
{
	struct http_header_field fields[HEADERS_MAX];
	size_t count = 0;
	int32_t error = copy_headers(o, fields, &count);
	const struct websocket_connect to = {
		.url = o->url,
		.protocols = o->protocols,
		.headers = fields,
		.header_count = count,
		.ca_file = o->ca_file,
		.proxy = o->proxy,
		.limits = *limits,
		.connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS,
		.retry_min_ms = o->retry_min_ms,
		.retry_max_ms = o->retry_max_ms,
	};
	if (!error)
		error = host_error(websocket_connect(ws->plugin->host->options.ws_client, &to, &ws_socket_handler, ws,
						     &ws->socket));
	free_headers(fields, count);
	return error;
}

int32_t ws_connect(tappet_instance *self, const tappet_ws_connect_options *options, const tappet_ws_handler *handler,
		   void *arg, tappet_ws **ret)
{
	tappet_ws_connect_options o;
	struct websocket_limits limits;
	struct tappet_ws *ws;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	if (!self->host->options.ws_client)
		return TAPPET_ENOTSUP;
	int32_t error = ret ? read_options(options, &o) : TAPPET_EINVAL;
	if (!error && !ws_limits(o.message_max, o.queue_max, o.ping_ms, o.timeout_ms, !o.no_compression, &limits))
		error = TAPPET_EINVAL;
	if (!error)
		error = ws_socket_new(self, handler, arg, &ws);
	if (error)
		return error;
	error = connect_with(ws, &o, &limits);
	if (error)
		ws_socket_free(ws);
	else
		*ret = ws;
	return error;
}
