/* Triggers with the same options share one settings object: most of ten thousand triggers are alike. They are told by a hash of
 * their options, secrets included, which stays in memory, where the secrets are as well. */
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include "settings.h"

static bool add(EVP_MD_CTX *ctx, const void *bytes, size_t len)
{
	/* With its length, so that no value can pass for the end of another and the beginning of the next. */
	return EVP_DigestUpdate(ctx, &len, sizeof(len)) == 1 && (len == 0 || EVP_DigestUpdate(ctx, bytes, len) == 1);
}

static bool add_value(EVP_MD_CTX *ctx, const struct settings_source *from, const tappet_option *option, size_t index)
{
	int64_t number = 0;
	int32_t truth = 0;
	tappet_str text = {0};
	switch (option->type) {
	case TAPPET_INTEGER:
	case TAPPET_DURATION:
	case TAPPET_SIZE:
		(void)from->integer(from->config, option->key, index, &number);
		return add(ctx, &number, sizeof(number));
	case TAPPET_BOOLEAN:
		(void)from->boolean(from->config, option->key, &truth);
		return add(ctx, &truth, sizeof(truth));
	default:
		(void)from->str(from->config, option->key, index, &text);
		return add(ctx, text.ptr, text.len);
	}
}

static bool hash_options(const struct settings_source *from, const tappet_option *options, size_t count,
			 unsigned char out[static SETTINGS_HASH_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; i < count && done; i++) {
		const size_t values = from->count(from->config, options[i].key);
		done = add(ctx, &values, sizeof(values));
		for (size_t n = 0; n < values && done; n++)
			done = add_value(ctx, from, &options[i], n);
	}
	done = done && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return done;
}

static struct settings **bucket_of(struct settings_shelf *shelf, const unsigned char hash[static SETTINGS_HASH_SIZE])
{
	return &shelf->buckets[(hash[0] | (size_t)hash[1] << 8) % SETTINGS_BUCKETS];
}

int32_t settings_take(struct settings_shelf *shelf, const struct settings_source *source, const tappet_option *options,
		      size_t count, struct settings **ret)
{
	unsigned char hash[SETTINGS_HASH_SIZE];
	if (!hash_options(source, options, count, hash))
		return TAPPET_ENOMEM;
	struct settings **bucket = bucket_of(shelf, hash), *s = *bucket;
	while (s && memcmp(s->hash, hash, sizeof(hash)) != 0)
		s = s->next;
	if (s) {
		*ret = settings_ref(s);
		return TAPPET_OK;
	}
	const int32_t r = settings_read(source, &s);
	if (r < 0)
		return r;
	memcpy(s->hash, hash, sizeof(hash));
	s->shelf = shelf;
	s->next = *bucket;
	*bucket = s;
	*ret = s;
	return TAPPET_OK;
}

void settings_leave(struct settings *s)
{
	if (!s->shelf)
		return;
	struct settings **at = bucket_of(s->shelf, s->hash);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}
