/* The stream that speaks TLS, between a socket and its owner that both do whatever they may. The first byte chooses: raw
 * bytes in place of a handshake; or a real client, and then each byte is something that happens: the owner writes, stops,
 * starts or ends, the socket takes much or little, the client sends, ends or is garbled on the way. What each side is given
 * has to be what the other one has sent, each once and in order. */
#include <openssl/x509v3.h>
#include "gateway/tls_internal.h"
#include "tls_sides.h"

/* ---- one run --------------------------------------------------------------------------------------------------- */

/* The upper bits say what, the lower five how much. */
static void happen(struct world *w, struct wire *wire, struct owner *o, struct client *c, uint8_t byte)
{
	size_t amount = byte & 31, size = amount < 16 ? amount * 37 : amount * 4000;
	switch (byte >> 5) {
	case 0:
		owner_writes(o, w->text, size);
		break;
	case 1:
		client_sends(c, w->text, size);
		break;
	case 2:
		feed_from(wire, c, 1 + amount * 100, false);
		break;
	case 3:
		wire->window = amount == 31 ? SIZE_MAX : amount * 700;
		break;
	case 4:
		written(wire);
		client_reads(wire, c);
		break;
	case 5:
		if (!o->ended)
			o->stream->ops->start(o->stream);
		break;
	case 6:
		if (amount == 0 && !o->shut && !o->writing) {
			o->shut = true;
			o->stream->ops->shutdown(o->stream);
		} else if (amount == 1) {
			SSL_shutdown(c->ssl);
		} else if (amount == 2) {
			SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED);
		}
		break;
	default:
		if (amount == 0)
			feed_from(wire, c, 50, true);
		else if (amount == 1 && wire->reading && !wire->closed)
			wire->base.callbacks->on_end(wire->base.owner, 0);
		break;
	}
	ERR_clear_error();
}

static void check_texts(const struct world *w, const struct owner *o, const struct client *c)
{
	demand(o->in.len <= c->sent && (o->in.len == 0 || memcmp(o->in.data, w->text, o->in.len) == 0),
	       "the owner gets what the client has sent");
	demand(c->got.len <= o->sent && (c->got.len == 0 || memcmp(c->got.data, w->text, c->got.len) == 0),
	       "the client gets what the owner has written");
}

/* With nothing in the way, all arrives. */
static void settle(struct wire *wire, struct owner *o, struct client *c)
{
	wire->window = SIZE_MAX;
	for (int turn = 0; turn < 100000; turn++) {
		bool more = !o->ended && (BIO_pending(c->out) > 0 || !wire->reading);
		if (!more && !o->writing && wire->later_len == 0)
			break;
		written(wire);
		if (!o->ended && !wire->reading)
			o->stream->ops->start(o->stream);
		feed_from(wire, c, 4096, false);
	}
	client_reads(wire, c);
	demand(wire->later_len == 0, "all is written in the end");
}

static void run_client(struct world *w, struct wire *wire, struct owner *o, const uint8_t *data, size_t size)
{
	struct client c;
	bool garbled = false;
	client_open(w, &c);
	shake_hands(wire, &c, 1 + data[0] % 64 * 20);
	for (size_t i = 1; i < size; i++) {
		garbled = garbled || data[i] >> 5 == 7;
		happen(w, wire, o, &c, data[i]);
		check_texts(w, o, &c);
	}
	settle(wire, o, &c);
	check_texts(w, o, &c);
	if (!garbled && !c.broken)
		demand(c.got.len == o->sent, "the client gets all");
	/* An owner who has ended his side does not read on. */
	if (!garbled && !c.broken && !o->shut)
		demand(o->in.len == c.sent, "the owner gets all");
	SSL_free(c.ssl);
	buf_release(&c.got);
}

static void run_raw(struct wire *wire, const uint8_t *data, size_t size)
{
	size_t piece = 1 + data[0] % 64;
	for (size_t at = 1; at < size && wire->reading; at += piece) {
		feed(wire, (const char *)data + at, size - at < piece ? size - at : piece);
		written(wire);
	}
	demand(wire->out.len < 65536, "little is said to who has said nothing");
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	demand(X509_sign(x, key, EVP_sha256()) > 0, "a certificate is made");
	return x;
}

static struct world *world_open(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct tls_identity *identity;
	demand(w && (w->text = malloc(TEXT_SIZE)), "there is memory");
	for (size_t i = 0; i < TEXT_SIZE; i++)
		w->text[i] = (char)(i * 31 + i / 253);
	struct certificate certificate = {.chain = sk_X509_new_null(), .key = EVP_EC_gen("P-256")};
	certificate.leaf = make_certificate(certificate.key);
	struct tls_identity_options options = {.certificates = &certificate, .count = 1, .min_version = 12};
	demand(tls_identity_make(&options, &identity) == 0 && tls_open(NULL, &w->tls) == 0, "TLS opens");
	tls_use(w->tls, identity);
	certificate_release(&certificate);
	w->client_ctx = SSL_CTX_new(TLS_client_method());
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world *world;
	if (!world)
		world = world_open();
	if (size < 2)
		return 0;
	struct wire wire = {.base.ops = &wire_ops, .window = SIZE_MAX};
	struct owner o = {.closed = false};
	buf_init(&wire.out, 4 * TEXT_SIZE);
	buf_init(&o.in, 2 * TEXT_SIZE);
	demand(tls_stream_open(world->tls, &wire.base, &o.stream) == 0, "a stream opens");
	o.stream->callbacks = &owner_callbacks;
	o.stream->owner = &o;
	demand(o.stream->ops->start(o.stream) == 0, "it is read");
	if (data[0] & 1)
		run_raw(&wire, data + 1, size - 1);
	else
		run_client(world, &wire, &o, data + 1, size - 1);
	o.stream->ops->close(o.stream);
	demand(wire.closed, "closing it closes what is below");
	wire.base.callbacks->on_closed(wire.base.owner);
	demand(o.closed, "the end is told");
	buf_release(&wire.out);
	buf_release(&o.in);
	return 0;
}
