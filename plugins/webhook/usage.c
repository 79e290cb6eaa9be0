/* When each secret was used last, so that an old one can be taken out without a gap. What is known is written now and then,
 * never for each request; after a kill it may be a minute behind.
 *
 * A secret is known by its fingerprint, so that the old and the new one may change places in the definition. Whoever has the
 * store has the salt as well, and could try guesses: therefore a fingerprint has 16 bits. That tells two secrets apart (but
 * for once in 65,536 times) and tells a guesser next to nothing: one wrong guess in 65,536 has it, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include "webhook.h"

#define SALT_KEY "secrets/salt"
#define TICK_MS 10000
#define WRITE_EVERY_MS 60000
#define WRITES_MAX 512 /* at one tick, so that many triggers at once are no burst for the store */

/* ---- Fingerprints ---- */

static void fingerprint(const struct histories *all, const unsigned char digest[32], char out[static FINGERPRINT_SIZE])
{
	unsigned char both[SALT_LEN + 32], hash[SHA256_DIGEST_LENGTH];
	memcpy(both, all->salt, SALT_LEN);
	memcpy(both + SALT_LEN, digest, 32);
	SHA256(both, sizeof(both), hash);
	snprintf(out, FINGERPRINT_SIZE, "%02x%02x", hash[0], hash[1]);
	OPENSSL_cleanse(both, sizeof(both));
}

static bool read_salt(tappet_str text, unsigned char out[static SALT_LEN])
{
	if (text.len != 2 * SALT_LEN)
		return false;
	for (size_t i = 0; i < SALT_LEN; i++) {
		unsigned byte;
		char pair[3] = {text.ptr[2 * i], text.ptr[2 * i + 1], '\0'};
		char *end;
		byte = (unsigned)strtoul(pair, &end, 16);
		if (*end)
			return false;
		out[i] = (unsigned char)byte;
	}
	return true;
}

/* ---- What is known ---- */

static struct secret_use *find(struct uses *uses, const unsigned char digest[32])
{
	for (size_t i = 0; i < uses->count; i++)
		if (uses->items[i].has_digest && memcmp(uses->items[i].digest, digest, 32) == 0)
			return &uses->items[i];
	return NULL;
}

static struct secret_use *find_stored(struct uses *uses, const char *print)
{
	for (size_t i = 0; i < uses->count; i++)
		if (!uses->items[i].has_digest && strcmp(uses->items[i].fingerprint, print) == 0)
			return &uses->items[i];
	return NULL;
}

/* A free place, or that of the secret which was not used for longest. */
static struct secret_use *take_place(struct uses *uses)
{
	struct secret_use *oldest = &uses->items[0];
	if (uses->count < USES_MAX)
		return &uses->items[uses->count++];
	for (size_t i = 1; i < uses->count; i++)
		if (uses->items[i].last_ms < oldest->last_ms)
			oldest = &uses->items[i];
	return oldest;
}

static struct secret_use *take(const struct histories *all, struct uses *uses, const unsigned char digest[32],
			       int64_t now_ms)
{
	char print[FINGERPRINT_SIZE] = "";
	struct secret_use *use = find(uses, digest);
	if (use)
		return use;
	if (all->salt_known) {
		fingerprint(all, digest, print);
		use = find_stored(uses, print);
	}
	if (!use) {
		use = take_place(uses);
		*use = (struct secret_use){.first_ms = now_ms};
	}
	memcpy(use->digest, digest, 32);
	use->has_digest = true;
	return use;
}

const struct secret_use *usage_find(const struct webhook *w, const struct history *h,
				    const struct verify_secret *secret, char print[static FINGERPRINT_SIZE])
{
	const struct uses *uses = &h->uses;
	fingerprint(&w->histories, secret->digest, print);
	for (size_t i = 0; i < uses->count; i++) {
		const struct secret_use *use = &uses->items[i];
		if (use->has_digest ? memcmp(use->digest, secret->digest, 32) == 0
				    : strcmp(use->fingerprint, print) == 0)
			return use;
	}
	return NULL;
}

/* ---- Reading ---- */

struct load {
	struct webhook *w;
	struct history *history;
	tappet_done_cb cb;
	void *arg;
};

static void merge_one(struct webhook *w, struct uses *uses, const cJSON *item)
{
	const cJSON *print = cJSON_GetObjectItemCaseSensitive(item, "id");
	const cJSON *first = cJSON_GetObjectItemCaseSensitive(item, "first");
	const cJSON *last = cJSON_GetObjectItemCaseSensitive(item, "last");
	char own[FINGERPRINT_SIZE];
	struct secret_use *use = NULL;
	if (!cJSON_IsString(print) || strlen(print->valuestring) >= FINGERPRINT_SIZE || !cJSON_IsNumber(first) ||
	    !cJSON_IsNumber(last))
		return;
	for (size_t i = 0; i < uses->count && !use; i++) {
		if (!uses->items[i].has_digest)
			continue;
		fingerprint(&w->histories, uses->items[i].digest, own);
		if (strcmp(own, print->valuestring) == 0)
			use = &uses->items[i];
	}
	if (use) {
		if ((int64_t)first->valuedouble < use->first_ms)
			use->first_ms = (int64_t)first->valuedouble;
		return;
	}
	if (uses->count == USES_MAX)
		return;
	use = &uses->items[uses->count++];
	*use = (struct secret_use){.first_ms = (int64_t)first->valuedouble, .last_ms = (int64_t)last->valuedouble};
	snprintf(use->fingerprint, sizeof(use->fingerprint), "%s", print->valuestring);
}

static void merge(struct webhook *w, struct history *h, tappet_str value)
{
	cJSON *tree = value.len ? cJSON_ParseWithLength(value.ptr, value.len) : NULL;
	const cJSON *item;
	if (!h->uses.loaded)
		cJSON_ArrayForEach(item, tree) merge_one(w, &h->uses, item);
	h->uses.loaded = true;
	cJSON_Delete(tree);
}

static void end_load(struct load *load, int32_t result)
{
	struct webhook *w = load->w;
	load->cb(load->arg, result);
	history_unref(w, load->history);
	free(load);
	webhook_end(w);
}

static void uses_read(void *arg, int32_t result, tappet_str value)
{
	struct load *load = arg;
	if (result == TAPPET_OK || result == TAPPET_ENOTFOUND) {
		merge(load->w, load->history, value);
		result = TAPPET_OK;
	}
	end_load(load, result);
}

static int32_t read_uses(struct load *load)
{
	char key[HISTORY_KEY_MAX + 16];
	snprintf(key, sizeof(key), "secrets/%s", load->history->key);
	return load->w->host->kv_get(load->w->self, NULL, tappet_cstr(key), uses_read, load);
}

static void salt_read(void *arg, int32_t result, tappet_str value)
{
	struct load *load = arg;
	struct histories *all = &load->w->histories;
	if (!all->salt_known && result == TAPPET_OK)
		all->salt_known = all->salt_stored = read_salt(value, all->salt);
	/* What cannot be read is as good as not there: all secrets are new ones then. */
	if (!all->salt_known && (result == TAPPET_OK || result == TAPPET_ENOTFOUND))
		all->salt_known = RAND_bytes(all->salt, SALT_LEN) == 1;
	if (all->salt_known)
		result = read_uses(load);
	else if (result == TAPPET_OK || result == TAPPET_ENOTFOUND)
		result = TAPPET_EIO;
	if (result < 0)
		end_load(load, result);
}

int32_t usage_load(struct webhook *w, struct history *h, tappet_done_cb cb, void *arg)
{
	struct load *load = calloc(1, sizeof(*load));
	int32_t r;
	if (!load)
		return TAPPET_ENOMEM;
	*load = (struct load){.w = w, .history = history_ref(h), .cb = cb, .arg = arg};
	webhook_begin(w);
	if (w->histories.salt_known)
		r = read_uses(load);
	else
		r = w->host->kv_get(w->self, NULL, tappet_cstr(SALT_KEY), salt_read, load);
	if (r == TAPPET_OK)
		return r;
	history_unref(w, h);
	free(load);
	webhook_end(w);
	return r;
}

/* ---- Writing ---- */

struct write {
	struct webhook *w;
	struct history *history; /* NULL: the salt */
};

static void tick(void *arg);

static void arm(struct webhook *w)
{
	struct histories *all = &w->histories;
	/* When there is no timer now the next use tries again. */
	if (!all->timer && !w->stopping)
		(void)w->host->timer_start(w->self, TICK_MS, 0, tick, w, &all->timer);
}

static void mark_dirty(struct webhook *w, struct history *h)
{
	if (!h->uses.dirty) {
		h->uses.dirty = true;
		h->next_dirty = w->histories.dirty;
		w->histories.dirty = h;
	}
	arm(w);
}

static void written(void *arg, int32_t result)
{
	struct write *write = arg;
	struct webhook *w = write->w;
	if (!write->history)
		w->histories.salt_stored = w->histories.salt_stored || result == TAPPET_OK;
	else if (result < 0 && !w->stopping)
		mark_dirty(w, write->history);
	history_unref(w, write->history);
	free(write);
	webhook_end(w);
}

static int32_t put(struct webhook *w, struct history *h, const char *key, tappet_str value)
{
	struct write *write = calloc(1, sizeof(*write));
	if (!write)
		return TAPPET_ENOMEM;
	*write = (struct write){.w = w, .history = h ? history_ref(h) : NULL};
	webhook_begin(w);
	const int32_t r = w->host->kv_put(w->self, NULL, tappet_cstr(key), value, written, write);
	if (r == TAPPET_OK)
		return r;
	history_unref(w, h);
	free(write);
	webhook_end(w);
	return r;
}

/* Before what was made with it: the host commits in the order of the calls. */
static void put_salt(struct webhook *w)
{
	char text[2 * SALT_LEN + 1];
	for (size_t i = 0; i < SALT_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", w->histories.salt[i]);
	(void)put(w, NULL, SALT_KEY, tappet_cstr(text));
}

static void add_use(const struct histories *all, const struct secret_use *use, struct text *out)
{
	char line[128], print[FINGERPRINT_SIZE];
	snprintf(print, sizeof(print), "%s", use->fingerprint);
	if (use->has_digest)
		fingerprint(all, use->digest, print);
	snprintf(line, sizeof(line), "%s{\"id\":\"%s\",\"first\":%lld,\"last\":%lld}", out->len > 1 ? "," : "", print,
		 (long long)use->first_ms, (long long)use->last_ms);
	text_cstr(out, line);
}

static void write_uses(struct webhook *w, struct history *h)
{
	char key[HISTORY_KEY_MAX + 16];
	struct text out = {0};
	int32_t r = TAPPET_ENOMEM;
	if (!w->histories.salt_stored)
		put_salt(w);
	text_cstr(&out, "[");
	for (size_t i = 0; i < h->uses.count; i++)
		add_use(&w->histories, &h->uses.items[i], &out);
	text_cstr(&out, "]");
	snprintf(key, sizeof(key), "secrets/%s", h->key);
	if (!out.failed)
		r = put(w, h, key, tappet_strn(out.bytes, out.len));
	text_release(&out);
	h->uses.written_ms = w->host->mono_ms(w->self);
	if (r < 0 && !w->stopping)
		mark_dirty(w, h);
}

static void loaded(void *arg, int32_t result)
{
	struct write *write = arg;
	if (result == TAPPET_OK)
		write_uses(write->w, write->history);
	else if (!write->w->stopping)
		mark_dirty(write->w, write->history);
	history_unref(write->w, write->history);
	free(write);
}

static int32_t load_and_write(struct webhook *w, struct history *h)
{
	struct write *write = calloc(1, sizeof(*write));
	if (!write)
		return TAPPET_ENOMEM;
	*write = (struct write){.w = w, .history = history_ref(h)};
	const int32_t r = usage_load(w, h, loaded, write);
	if (r == TAPPET_OK)
		return r;
	history_unref(w, h);
	free(write);
	return r;
}

static bool is_due(const struct webhook *w, const struct history *h)
{
	return w->stopping || h->uses.written_ms == 0 ||
	       w->host->mono_ms(w->self) - h->uses.written_ms >= WRITE_EVERY_MS;
}

/* False: it has to come again at the next tick. */
static bool write_now(struct webhook *w, struct history *h)
{
	if (!h->uses.loaded)
		return load_and_write(w, h) == TAPPET_OK || w->stopping;
	write_uses(w, h);
	return true;
}

static void flush(struct webhook *w)
{
	struct history *next, *list = w->histories.dirty;
	size_t left = w->stopping ? SIZE_MAX : WRITES_MAX;
	w->histories.dirty = NULL;
	for (struct history *h = list; h; h = next) {
		next = h->next_dirty;
		h->uses.dirty = false;
		history_ref(h);
		if (left > 0 && is_due(w, h) && write_now(w, h))
			left--;
		else
			mark_dirty(w, h);
		history_unref(w, h);
	}
}

static void tick(void *arg)
{
	struct webhook *w = arg;
	w->histories.timer = NULL;
	flush(w);
}

void usage_stop(struct webhook *w)
{
	w->host->timer_stop(w->histories.timer);
	w->histories.timer = NULL;
	flush(w);
}

/* ---- Noting ---- */

void usage_note(struct webhook *w, struct binding *b, unsigned used)
{
	struct history *h = used ? history_of(w, b) : NULL;
	struct verify_secret secret = {0};
	const int64_t now_ms = w->host->wall_ms(w->self);
	for (size_t i = 0; h && i < VERIFY_SECRETS_MAX; i++) {
		if (!(used & 1U << i) || !verifier_secret_at(b->settings->verifier, i, &secret))
			continue;
		struct secret_use *use = take(&w->histories, &h->uses, secret.digest, now_ms);
		use->last_ms = now_ms;
		use->count++;
	}
	OPENSSL_cleanse(secret.digest, sizeof(secret.digest));
	if (h)
		mark_dirty(w, h);
}
