#include "requests.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include "in.h"

#define ID_BYTES 6
#define DETAIL_MAX 300
#define HEADERS_MAX 128
/* A value of the host's state has 1 MiB at most; around the payload stands a little. */
#define PAYLOAD_MAX ((size_t)1000 * 1024)
/* Those who are refused may be anybody, and many: few of them, and not often. */
#define REFUSED_MAX 10
#define REFUSED_BURST 5
#define REFUSED_EVERY_MS 12000

struct kept {
	struct history *history;
	size_t max;
	struct ring_entry entry;
	struct text request; /* how the record goes on behind its outcome */
	char dedup_key[256];
};

const char *outcome_name(int32_t outcome)
{
	switch (outcome) {
	case TAPPET_OK:
		return "accepted";
	case TAPPET_EDUP:
		return "duplicate";
	case TAPPET_ECONFLICT:
		return "conflict";
	case TAPPET_EREFUSED:
		return "refused";
	case TAPPET_ECANCELED:
		return "not-stored";
	default:
		return "unknown";
	}
}

const char *reason_name(int32_t reason)
{
	static const char *const names[] = {
		[TAPPET_REASON_NONE] = "none",
		[TAPPET_REASON_FILTER] = "filter",
		[TAPPET_REASON_RATE] = "rate",
		[TAPPET_REASON_OVERLAP] = "overlap",
		[TAPPET_REASON_DISABLED] = "disabled",
		[TAPPET_REASON_PARAMETERS] = "parameters",
		[TAPPET_REASON_QUEUE_FULL] = "queue-full",
		[TAPPET_REASON_TOKEN] = "token",
		[TAPPET_REASON_SCOPE] = "scope",
		[TAPPET_REASON_SIGNATURE] = "signature",
		[TAPPET_REASON_MALFORMED] = "malformed",
		[TAPPET_REASON_TOO_LARGE] = "too-large",
		[TAPPET_REASON_PLUGIN_DOWN] = "plugin-down",
		[TAPPET_REASON_INVALID] = "invalid",
		[TAPPET_REASON_STORE] = "store",
		[TAPPET_REASON_DUPLICATE] = "duplicate",
		[TAPPET_REASON_OTHER] = "other",
	};
	if (reason < 0 || (size_t)reason >= sizeof(names) / sizeof(names[0]))
		return "other";
	return names[reason];
}

static bool make_id(char out[static REQUEST_ID_SIZE])
{
	unsigned char bytes[ID_BYTES];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	for (size_t i = 0; i < ID_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* ---- The record ---- */

static void begin_record(struct text *out, const struct ring_entry *e, bool verified, const char *detail)
{
	char time[32];
	time_text(e->at_ms, time);
	text_cstr(out, "{");
	text_member(out, "id", tappet_cstr(e->id));
	text_member(out, "receivedAt", tappet_cstr(time));
	text_key(out, "verified");
	text_cstr(out, verified ? "true" : "false");
	text_member(out, "outcome", tappet_cstr(outcome_name(e->outcome)));
	if (e->reason)
		text_member(out, "reason", tappet_cstr(reason_name(e->reason)));
	if (detail[0])
		text_member(out, "detail", tappet_cstr(detail));
	if (e->status)
		text_number(out, "status", e->status);
	if (e->activity_id[0])
		text_member(out, "activityId", tappet_cstr(e->activity_id));
	text_number(out, "bytes", e->bytes);
	text_key(out, "cut");
	text_cstr(out, e->cut ? "true" : "false");
}

/* ---- Verified requests ---- */

/* Word for word, so that a replay emits the same; or the beginning of it as a text. */
static void copy_payload(struct kept *k, tappet_str payload, size_t body_max)
{
	struct text *out = &k->request;
	if (!k->entry.cut) {
		text_cstr(out, ",\"request\":");
		text_bytes(out, payload.ptr, payload.len);
		return;
	}
	size_t len = payload.len < body_max ? payload.len : body_max;
	/* Not in the middle of a character. */
	while (len > 0 && len < payload.len && ((unsigned char)payload.ptr[len] & 0xc0) == 0x80)
		len--;
	text_cstr(out, ",\"text\":");
	text_json(out, tappet_strn(payload.ptr, len));
}

static struct kept *kept_new(struct webhook *w, struct binding *b, size_t bytes)
{
	struct history *h = history_of(w, b);
	struct kept *k = h ? calloc(1, sizeof(*k)) : NULL;
	if (!k)
		return NULL;
	k->history = history_ref(h);
	k->max = b->settings->keep_requests;
	k->entry.at_ms = w->host->wall_ms(w->self);
	k->entry.bytes = (int64_t)bytes;
	return k;
}

static void kept_free(struct webhook *w, struct kept *k)
{
	history_unref(w, k->history);
	text_release(&k->request);
	free(k);
}

struct kept *kept_begin(struct webhook *w, struct binding *b, const tappet_emission *emission, size_t bytes)
{
	const struct settings *s = b->settings;
	if (s->keep_requests == 0)
		return NULL;
	struct kept *k = kept_new(w, b, bytes);
	if (!k || !make_id(k->entry.id)) {
		ring_lost(w, "out of memory");
		if (k)
			kept_free(w, k);
		return NULL;
	}
	k->entry.cut = bytes > s->keep_body || emission->payload.len > PAYLOAD_MAX;
	snprintf(k->dedup_key, sizeof(k->dedup_key), "%.*s", (int)emission->dedup_key.len,
		 emission->dedup_key.ptr ? emission->dedup_key.ptr : "");
	/* As a text: what stands in it must not be taken for a part of the record. */
	if (emission->parameters.len > 0 && !k->entry.cut) {
		text_cstr(&k->request, ",\"parameters\":");
		text_json(&k->request, emission->parameters);
	}
	copy_payload(k, emission->payload, s->keep_body);
	return k;
}

void kept_settle(struct webhook *w, struct kept *k, const tappet_result *result)
{
	struct text out = {0};
	char detail[DETAIL_MAX];
	if (!k)
		return;
	k->entry.outcome = result->outcome;
	k->entry.reason = result->reason;
	snprintf(k->entry.activity_id, sizeof(k->entry.activity_id), "%s",
		 result->activity_id ? result->activity_id : "");
	snprintf(detail, sizeof(detail), "%.*s",
		 (int)(result->detail.len < DETAIL_MAX ? result->detail.len : DETAIL_MAX),
		 result->detail.ptr ? result->detail.ptr : "");
	begin_record(&out, &k->entry, true, detail);
	if (k->dedup_key[0])
		text_member(&out, "dedupKey", tappet_cstr(k->dedup_key));
	text_bytes(&out, k->request.bytes, k->request.len);
	text_cstr(&out, "}");
	if (out.failed || k->request.failed)
		text_release(&out);
	ring_add(w, k->history, RING_VERIFIED, k->max, &k->entry, out.bytes, out.len);
	kept_free(w, k);
}

/* ---- Refused ones ---- */

static bool may_keep_refused(struct webhook *w, struct history *h)
{
	const int64_t now_ms = w->host->mono_ms(w->self);
	if (h->refused_ms == 0)
		h->refused_left = REFUSED_BURST;
	else
		h->refused_left += (double)(now_ms - h->refused_ms) / REFUSED_EVERY_MS;
	h->refused_ms = now_ms;
	if (h->refused_left > REFUSED_BURST)
		h->refused_left = REFUSED_BURST;
	if (h->refused_left < 1)
		return false;
	h->refused_left -= 1;
	return true;
}

/* Which there were, without what they say: the missing one is what one looks for. */
static void add_names(const struct webhook *w, tappet_request *request, struct text *out)
{
	tappet_http_header h;
	text_key(out, "headerNames");
	text_cstr(out, "[");
	for (size_t i = 0; i < HEADERS_MAX && w->http->header_at(request, i, &h) == TAPPET_OK; i++) {
		if (i > 0)
			text_cstr(out, ",");
		text_json(out, h.name);
	}
	text_cstr(out, "]");
}

static void add_hash(const struct webhook *w, tappet_request *request, struct text *out)
{
	const tappet_str body = w->http->body(request);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	if (EVP_Digest(body.ptr ? body.ptr : "", body.len, digest, &len, EVP_sha256(), NULL) != 1)
		return;
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
	text_member(out, "bodySha256", tappet_cstr(hex));
}

/* As an emission, but of its query nothing, of its headers only the names and what the preset and everybody has, and of its body
 * only what tells whether it is one that the sender still has: whoever is not known yet may send secrets under any name, and what
 * need not be JSON. */
static void write_refused(const struct webhook *w, const struct settings *s, tappet_request *request, struct text *out)
{
	struct settings strict = *s;
	strict.all_headers = false;
	strict.headers = NULL;
	text_cstr(out, ",\"request\":{");
	text_member(out, "method", w->http->method(request));
	text_member(out, "path", w->http->path(request));
	text_member(out, "remote", w->http->remote(request));
	text_key(out, "headers");
	payload_headers(w, &strict, request, out);
	add_names(w, request, out);
	add_hash(w, request, out);
	text_cstr(out, "}");
}

void kept_refused(struct webhook *w, struct binding *b, tappet_request *request, int32_t status, int32_t reason,
		  const char *detail)
{
	struct text out = {0};
	struct ring_entry entry = {.outcome = TAPPET_EREFUSED, .reason = reason, .status = status};
	struct history *h = b->settings->keep_requests > 0 ? history_of(w, b) : NULL;
	if (!h || w->stopping || reason == TAPPET_REASON_RATE || !may_keep_refused(w, h) || !make_id(entry.id))
		return;
	entry.at_ms = w->host->wall_ms(w->self);
	entry.bytes = (int64_t)w->http->body(request).len;
	begin_record(&out, &entry, false, detail ? detail : "");
	write_refused(w, b->settings, request, &out);
	text_cstr(&out, "}");
	if (out.failed)
		text_release(&out);
	ring_add(w, h, RING_REFUSED, REFUSED_MAX, &entry, out.bytes, out.len);
}
