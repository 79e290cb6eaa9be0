/* Links by libwebsockets: the only file that knows it. It connects, speaks TLS and the opening handshake, takes frames apart and
 * writes them. Left to others, because of what version 4.1 does there:
 *
 * - names: it would wait for getaddrinfo on the loop. It only sees numbers.
 * - compression: its own is ended by an assertion when a message grows in just the wrong way. Here is an extension of its
 *   kind that only sees to the bit RSV1; whole messages are compressed by ws_deflate.c.
 * - times: its timers are not set anew when nothing else happens on a loop of somebody else. ws_client_outgoing.c has its own.
 * - the answer of a proxy (ws_client_proxy.c), redirects (none are followed), and the verification of literal IPv6 addresses.
 *
 * What it does not tell: codes 1012 to 1014 of a peer's close, which it shows as 1002. */
#include <libwebsockets.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include "base/digest.h"
#include "base/log.h"
#include "gateway/ws_client_internal.h"
#include "gateway/ws_framing.h"

#define WORK_ROOM (32 * 1024)
#define ANSWER_ROOM (16 * 1024)
#define READ_ROOM 4096
/* A whole message at once, as far as the socket takes it. */
#define WRITE_ROOM ((size_t)1 << 20)
/* Longer than any time-out of ours, in seconds. */
#define NEVER_S (24 * 3600)
/* Messages, and bytes, that go out before others have their turn. */
#define MESSAGES_PER_TURN 64
#define BYTES_PER_TURN ((size_t)1 << 20)

const size_t ws_link_headroom = LWS_PRE;

static struct ws_outgoing *owner_of(struct lws *wsi)
{
	return lws_get_opaque_user_data(wsi);
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

static bool is_named(const struct ws_outgoing *w, X509 *leaf)
{
	return !w->address.is_ipv6 || X509_check_ip_asc(leaf, w->address.host, 0) == 1;
}

/* Called for each certificate of the chain. Nonzero: it is not good. */
static int check_certificate(struct ws_outgoing *w, X509_STORE_CTX *store, bool good)
{
	int error = X509_STORE_CTX_get_error(store);
	if (good && X509_STORE_CTX_get_error_depth(store) == 0 && !is_named(w, X509_STORE_CTX_get0_cert(store))) {
		good = false;
		error = X509_V_ERR_IP_ADDRESS_MISMATCH;
		X509_STORE_CTX_set_error(store, error);
	}
	if (good)
		return 0;
	snprintf(w->certificate_problem, sizeof(w->certificate_problem), "the certificate of %s is not accepted: %s",
		 w->address.authority, X509_verify_cert_error_string(error));
	return 1;
}

/* ---- the handshake ----------------------------------------------------------------------------------------------- */

static int add_fields(const struct ws_outgoing *w, unsigned char **at, size_t room)
{
	size_t len = w->fields ? strlen(w->fields) : 0;
	if (len > room)
		return -1;
	if (len > 0)
		memcpy(*at, w->fields, len);
	*at += len;
	return 0;
}

static int check_answer(struct ws_outgoing *w, struct lws *wsi)
{
	int len = lws_hdr_copy(wsi, w->protocol, sizeof(w->protocol), WSI_TOKEN_PROTOCOL);
	if (len <= 0)
		w->protocol[0] = '\0';
	w->compression = w->extension_count == 1 && !w->extension_wrong && w->no_takeover;
	return w->extension_count > 0 && (!w->compression || !w->limits.compression) ? -1 : 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static int write_message(struct ws_outgoing *w, struct lws *wsi, struct ws_outgoing_message *m)
{
	w->sending_compressed = m->compressed;
	int r = lws_write(wsi, m->bytes + LWS_PRE, m->len, m->is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY);
	ws_messages_sent(w, m);
	return r < 0 ? -1 : 0;
}

static int write_ping(struct ws_outgoing *w, struct lws *wsi)
{
	unsigned char room[LWS_PRE + 1] = {0};
	w->ping_due = false;
	return lws_write(wsi, room + LWS_PRE, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* By hand: asked to close by itself, libwebsockets closes twice, and the second time is at once. What is written as HTTP goes
 * out as it is. */
static int close_now(struct ws_outgoing *w, struct lws *wsi)
{
	unsigned char room[LWS_PRE + 6 + WS_CONTROL_MAX], *frame = room + LWS_PRE, *payload = frame + 6;
	const size_t len = w->reason_len + 2;
	if (w->close_sent)
		return 0;
	w->close_sent = true;
	frame[0] = 0x80 | WS_ITEM_CLOSE;
	frame[1] = (unsigned char)(0x80 | len);
	digest_random(frame + 2, 4);
	payload[0] = (unsigned char)(w->code >> 8);
	payload[1] = (unsigned char)w->code;
	memcpy(payload + 2, w->reason, w->reason_len);
	for (size_t i = 0; i < len; i++)
		payload[i] ^= frame[2 + (i & 3)];
	return lws_write(wsi, frame, len + 6, LWS_WRITE_HTTP) < 0 ? -1 : 0;
}

/* Whatever was handed over before has gone to the system when this is called. */
static int write_all(struct ws_outgoing *w, struct lws *wsi)
{
	size_t bytes = 0;
	unsigned count = 0;
	w->in_link = 0;
	if (w->state != WS_CONNECTED && w->state != WS_LEAVING)
		return -1;
	/* Nothing follows a close (RFC 6455 section 5.5.1). */
	if (w->close_sent)
		return 0;
	if (w->ping_due && write_ping(w, wsi) < 0)
		return -1;
	while (!list_empty(&w->queue) && count++ < MESSAGES_PER_TURN && bytes < BYTES_PER_TURN &&
	       !lws_send_pipe_choked(wsi)) {
		struct ws_outgoing_message *m = list_entry(list_first(&w->queue), struct ws_outgoing_message, node);
		bytes += m->len;
		w->in_link = m->len;
		if (write_message(w, wsi, m) < 0)
			return -1;
	}
	if (!lws_partial_buffered(wsi))
		w->in_link = 0;
	ws_messages_drained(w);
	if (!list_empty(&w->queue) || w->in_link > 0)
		lws_callback_on_writable(wsi);
	else if (w->state == WS_LEAVING)
		return close_now(w, wsi);
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static int take(struct ws_outgoing *w, struct lws *wsi, const char *bytes, size_t len)
{
	ws_outgoing_heard(w);
	if (w->state != WS_CONNECTED)
		return 0;
	const struct ws_piece piece = {
		.bytes = bytes,
		.len = len,
		.is_first = lws_is_first_fragment(wsi) != 0,
		.is_last = lws_is_final_fragment(wsi) != 0,
		.is_text = !lws_frame_is_binary(wsi),
		.reserved = lws_get_reserved_bits(wsi),
	};
	int r = ws_messages_take(w, &piece);
	if (r == 0)
		return 0;
	/* The server may not say such a thing; the close says why. */
	ws_outgoing_refuse(w, -r);
	return close_now(w, wsi);
}

/* Nonzero: it is the answer to ours, and the link can go. */
static int take_close(struct ws_outgoing *w, const unsigned char *bytes, size_t len)
{
	bool has_code = len >= 2;
	if (w->close_sent)
		return -1;
	ws_outgoing_note(w, has_code ? bytes[0] << 8 | bytes[1] : WS_NO_CODE, has_code ? (const char *)bytes + 2 : "",
			 has_code ? len - 2 : 0);
	/* libwebsockets answers by itself. */
	w->close_sent = true;
	ws_outgoing_leave(w);
	return 0;
}

/* ---- what libwebsockets tells ------------------------------------------------------------------------------------ */

static void unlink_owner(struct ws_outgoing *w, struct lws *wsi, int status, const char *problem)
{
	lws_set_opaque_user_data(wsi, NULL);
	w->link = NULL;
	ws_outgoing_unlinked(w, status, problem);
}

static void on_failed(struct ws_outgoing *w, struct lws *wsi, const char *problem, size_t len)
{
	char text[WS_DETAIL_MAX];
	snprintf(text, sizeof(text), "%.*s", problem ? (int)len : 0, problem ? problem : "");
	unlink_owner(w, wsi, (int)lws_http_client_http_response(wsi), text);
}

static int on_link_event(struct ws_outgoing *w, struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len)
{
	switch ((int)reason) {
	case LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED:
		return !w->limits.compression;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_fields(w, in, len);
	case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
		return check_answer(w, wsi);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_failed(w, wsi, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		w->link = wsi;
		ws_outgoing_connected(w);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return take(w, wsi, in, len);
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		ws_outgoing_heard(w);
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_all(w, wsi);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return take_close(w, in, len);
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		unlink_owner(w, wsi, 0, NULL);
		return 0;
	default:
		return 0;
	}
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct ws_outgoing *w = owner_of(wsi);
	if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION)
		return w ? check_certificate(w, user, len != 0) : 1;
	if (w)
		return on_link_event(w, wsi, reason, in, len);
	/* Nobody has this link any more. */
	return reason == LWS_CALLBACK_CLIENT_WRITEABLE || reason == LWS_CALLBACK_CLIENT_RECEIVE ||
	       reason == LWS_CALLBACK_CLIENT_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH;
}

/* ---- compression ------------------------------------------------------------------------------------------------- */

/* By the places in `options`. */
enum { NO_TAKEOVER_OF_SERVER, NO_TAKEOVER_OF_CLIENT, WINDOW_OF_SERVER };

static const struct lws_ext_options options[] = {
	{"server_no_context_takeover", EXTARG_NONE},
	{"client_no_context_takeover", EXTARG_NONE},
	{"server_max_window_bits", EXTARG_DEC},
	{NULL, EXTARG_NONE},
};

/* The first byte of a frame that goes out. */
static void mark_compressed(const struct ws_outgoing *w, unsigned char *first)
{
	if (w->sending_compressed && first && (*first & 0x0f) != 0 && !(*first & 0x08))
		*first |= 0x40;
}

static int begin_extension(struct ws_outgoing *w, void **ret_user, const struct lws_ext_options **ret_options)
{
	/* libwebsockets has room for one, whatever the server names. */
	if (!w || w->extension_count++ > 0)
		return -1;
	*ret_user = w;
	*ret_options = options;
	return 0;
}

static int on_extension(struct lws_context *context, const struct lws_extension *extension, struct lws *wsi,
			enum lws_extension_callback_reasons reason, void *user, void *in, size_t len)
{
	struct ws_outgoing *w = wsi ? owner_of(wsi) : NULL;
	(void)context;
	(void)extension;
	(void)len;
	switch (reason) {
	case LWS_EXT_CB_CLIENT_CONSTRUCT:
		return begin_extension(w, user, in);
	case LWS_EXT_CB_OPTION_SET:
		if (w && ((const struct lws_ext_option_arg *)in)->option_index == NO_TAKEOVER_OF_SERVER)
			w->no_takeover = true;
		return 0;
	case LWS_EXT_CB_PACKET_TX_PRESEND:
		if (w)
			mark_compressed(w, ((const struct lws_tokens *)in)->token);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_extension extensions[] = {
	{"permessage-deflate", on_extension,
	 "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
	{NULL, NULL, NULL},
};

/* ---- life of the library ----------------------------------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
	{"tappet", on_event, 0, READ_ROOM, 0, NULL, WRITE_ROOM},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

/* It asks nobody for a sign of life by itself. */
static const lws_retry_bo_t no_policy = {0};

static void log_line(int level, const char *line)
{
	char text[512];
	(void)level;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	log_debug("libwebsockets", log_str("line", text), LOG_END);
}

struct lws_vhost *ws_link_vhost(struct ws_client *c, SSL_CTX *ctx)
{
	struct lws_context_creation_info info = {
		.options = ctx ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.extensions = extensions,
		.provided_client_ssl_ctx = ctx,
		.connect_timeout_secs = NEVER_S,
		/* None; without this it would take one from the environment. */
		.http_proxy_address = ":0",
		.vhost_name = "tappet",
	};
	return lws_create_vhost(c->context, &info);
}

void ws_link_vhost_free(struct lws_vhost *vhost)
{
	lws_vhost_destroy(vhost);
}

int ws_link_open(struct ws_client *c)
{
	void *loops[] = {c->loop};
	struct lws_context_creation_info info = {
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.foreign_loops = loops,
		.port = CONTEXT_PORT_NO_LISTEN,
		/* Its tables would be as long as the limit of open files otherwise. */
		.fd_limit_per_thread = WS_LINKS_MAX,
		.pt_serv_buf_size = WORK_ROOM,
		.max_http_header_data2 = ANSWER_ROOM,
		.timeout_secs = NEVER_S,
		.retry_and_idle_policy = &no_policy,
		.gid = -1,
		.uid = -1,
	};
	if (c->context)
		return 0;
	lws_set_log_level(log_enabled(LOG_DEBUG) ? LLL_ERR | LLL_WARN | LLL_NOTICE : 0, log_line);
	c->context = lws_create_context(&info);
	if (!c->context)
		return -ENOSYS;
	c->plain = ws_link_vhost(c, NULL);
	return c->plain ? 0 : -ENOMEM;
}

void ws_link_close(struct ws_client *c)
{
	lws_context_destroy(c->context);
}

/* ---- one link ---------------------------------------------------------------------------------------------------- */

bool ws_link_connect(struct ws_outgoing *w, const char *address)
{
	int tls = w->address.secure ? LCCSCF_USE_SSL : 0;
	struct lws_client_connect_info info = {
		.context = w->client->context,
		.vhost = w->authority ? w->authority->vhost : w->client->plain,
		.address = address,
		.port = (int)strtol(w->address.port, NULL, 10),
		.path = w->address.target,
		.host = w->address.field,
		.protocol = w->protocols,
		.local_protocol_name = protocols[0].name,
		/* Brackets are no part of a literal in a certificate; it takes them for a name. */
		.ssl_connection = tls | (w->address.is_ipv6 && tls ? LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0) |
				  LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
		.ietf_version_or_minus_one = -1,
		.opaque_user_data = w,
		.retry_and_idle_policy = &no_policy,
	};
	struct lws *wsi = lws_client_connect_via_info(&info);
	/* Later failures of a link that was made are told by callbacks; this one may have been, too. */
	w->link = wsi;
	return wsi != NULL;
}

void ws_link_cut(struct ws_outgoing *w)
{
	struct lws *wsi = w->link;
	if (!wsi)
		return;
	w->link = NULL;
	lws_set_opaque_user_data(wsi, NULL);
	int fd = lws_get_socket_fd(wsi);
	/* What it still had to send would keep it alive for a while. */
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
	lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
}

void ws_link_want_write(struct ws_outgoing *w)
{
	if (w->link)
		lws_callback_on_writable(w->link);
}

void ws_link_pause(struct ws_outgoing *w, bool paused)
{
	if (w->link)
		(void)lws_rx_flow_control(w->link, !paused);
}
