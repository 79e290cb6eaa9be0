#include "gateway/ws_deflate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* Its input is not written to. */
#define ZLIB_CONST
#include <zlib.h>
#include "gateway/websocket.h"

/* Fast rather than small: the level and the memory decide over what one message costs. */
#define LEVEL 3
#define MEMORY 5
#define PIECE ((size_t)16 << 10)

struct ws_deflate {
	z_stream in;
	bool in_made;
	z_stream out[WS_WINDOW_BITS + 1]; /* by window bits */
	bool out_made[WS_WINDOW_BITS + 1];
};

int ws_deflate_open(struct ws_deflate **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void ws_deflate_free(struct ws_deflate *d)
{
	if (!d)
		return;
	if (d->in_made)
		inflateEnd(&d->in);
	for (int bits = 0; bits <= WS_WINDOW_BITS; bits++)
		if (d->out_made[bits])
			deflateEnd(&d->out[bits]);
	free(d);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static z_stream *begin_out(struct ws_deflate *d, int bits)
{
	z_stream *z = &d->out[bits];
	if (d->out_made[bits])
		return deflateReset(z) == Z_OK ? z : NULL;
	/* A negative number of bits means raw data without a header. */
	d->out_made[bits] = deflateInit2(z, LEVEL, Z_DEFLATED, -bits, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
	return d->out_made[bits] ? z : NULL;
}

static int compress_part(z_stream *z, const char *bytes, size_t len, int flush, struct buf *out)
{
	z->next_in = (const Bytef *)bytes;
	z->avail_in = (uInt)len;
	do {
		char *room;
		int r = buf_reserve(out, PIECE, &room);
		if (r < 0)
			return r;
		z->next_out = (Bytef *)room;
		z->avail_out = (uInt)PIECE;
		/* Z_BUF_ERROR: there was nothing left to do. */
		if (deflate(z, flush) == Z_STREAM_ERROR)
			return -EINVAL;
		out->len += PIECE - z->avail_out;
	} while (z->avail_out == 0);
	return 0;
}

int ws_deflate_add(struct ws_deflate *d, int window_bits, const struct websocket_part *parts, size_t count,
		   struct buf *out)
{
	static const char tail[4] = {0, 0, (char)0xff, (char)0xff};
	size_t before = out->len;
	z_stream *z = begin_out(d, window_bits);
	int r = z ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		if (parts[i].len > 0)
			r = compress_part(z, parts[i].bytes, parts[i].len, Z_NO_FLUSH, out);
	if (r == 0)
		r = compress_part(z, "", 0, Z_SYNC_FLUSH, out);
	if (r < 0)
		return r;
	if (out->len - before >= sizeof(tail) && memcmp(out->data + out->len - sizeof(tail), tail, sizeof(tail)) == 0)
		out->len -= sizeof(tail);
	buf_terminate(out);
	return 0;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static int begin_in(struct ws_deflate *d)
{
	if (d->in_made)
		return inflateReset(&d->in) == Z_OK ? 0 : -ENOMEM;
	d->in_made = inflateInit2(&d->in, -WS_WINDOW_BITS) == Z_OK;
	return d->in_made ? 0 : -ENOMEM;
}

/* Behind the last of several blocks that all say that they are the last, a new one begins. */
static int go_on_behind_end(z_stream *z)
{
	return inflateReset(z) == Z_OK ? 0 : -EBADMSG;
}

static int expand(z_stream *z, const char *bytes, size_t len, size_t max, size_t before, struct buf *out)
{
	z->next_in = (const Bytef *)bytes;
	z->avail_in = (uInt)len;
	do {
		char *room;
		int r = buf_reserve(out, PIECE, &room);
		if (r < 0)
			return r == -ENOBUFS ? -E2BIG : r;
		z->next_out = (Bytef *)room;
		z->avail_out = (uInt)PIECE;
		int status = inflate(z, Z_SYNC_FLUSH);
		out->len += PIECE - z->avail_out;
		if (out->len - before > max)
			return -E2BIG;
		if (status == Z_STREAM_END)
			status = go_on_behind_end(z) == 0 ? Z_OK : Z_DATA_ERROR;
		if (status != Z_OK && status != Z_BUF_ERROR)
			return status == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	} while (z->avail_out == 0 || z->avail_in > 0);
	return 0;
}

int ws_inflate(struct ws_deflate *d, const char *bytes, size_t len, size_t max, struct buf *out)
{
	size_t before = out->len;
	int r = begin_in(d);
	if (r == 0)
		r = expand(&d->in, bytes, len, max, before, out);
	if (r == 0)
		r = expand(&d->in, "\x00\x00\xff\xff", 4, max, before, out);
	buf_terminate(out);
	return r;
}

/* ---- the handshake --------------------------------------------------------------------------------------------- */

struct offer {
	bool wrong;
	bool server_no_takeover;
	int server_bits; /* 0: not named */
	bool client_bits;
	unsigned seen; /* bits, one for each parameter: none may stand there twice */
};

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* One of the numbers 8 to 15, perhaps in quotes; 0: none. */
static int window_bits(const char *text, size_t len)
{
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (len == 1 && (text[0] == '8' || text[0] == '9'))
		return text[0] - '0';
	if (len == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5')
		return 10 + text[1] - '0';
	return 0;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* `value` NULL: it has none. */
static void take_parameter(struct offer *o, const char *name, size_t len, const char *value, size_t value_len)
{
	static const char *const names[] = {"server_no_context_takeover", "client_no_context_takeover",
					    "server_max_window_bits", "client_max_window_bits"};
	unsigned which = 0;
	while (which < 4 && !is_word(name, len, names[which]))
		which++;
	int bits = value ? window_bits(value, value_len) : 0;
	bool wants_value = which == 2 || (which == 3 && value);
	if (which == 4 || (o->seen & 1u << which) || (wants_value ? bits == 0 : value != NULL)) {
		o->wrong = true;
		return;
	}
	o->seen |= 1u << which;
	o->server_no_takeover |= which == 0;
	o->client_bits |= which == 3;
	if (which == 2)
		o->server_bits = bits;
}

/* Reads "; name=value ..." up to the comma behind the offer. */
static const char *read_parameters(struct offer *o, const char *at)
{
	while (*at == ';') {
		const char *name = skip_space(at + 1);
		size_t len = strcspn(name, "=;, \t");
		const char *value = NULL;
		size_t value_len = 0;
		at = skip_space(name + len);
		if (*at == '=') {
			value = skip_space(at + 1);
			value_len = strcspn(value, ";, \t");
			at = skip_space(value + value_len);
		}
		take_parameter(o, name, len, value, value_len);
	}
	return at;
}

static bool can_serve(const struct offer *o)
{
	return !o->wrong && (o->server_bits == 0 || o->server_bits >= WS_WINDOW_BITS_LEAST);
}

static void write_answer(const struct offer *o, char *answer, size_t size)
{
	struct buf b;
	buf_init(&b, size);
	buf_str(&b, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
	if (o->server_bits)
		buf_printf(&b, "; server_max_window_bits=%d", o->server_bits);
	memcpy(answer, buf_cstr(&b), b.len + 1 < size ? b.len + 1 : 1);
	buf_release(&b);
}

bool ws_deflate_agree(const char *offers, int *ret_window_bits, char *ret_answer, size_t size)
{
	for (const char *at = skip_space(offers); *at;) {
		struct offer o = {0};
		size_t len = strcspn(at, ";, \t");
		bool ours = is_word(at, len, "permessage-deflate");
		at = read_parameters(&o, skip_space(at + len));
		if (*at && *at != ',')
			return false;
		if (ours && can_serve(&o)) {
			*ret_window_bits = o.server_bits ? o.server_bits : WS_WINDOW_BITS;
			write_answer(&o, ret_answer, size);
			return true;
		}
		at = skip_space(at + (*at == ','));
	}
	return false;
}
