#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "verify_parts.h"

#define TOLERANCE_MS 300000
#define URL_MAX 8192
#define TOKEN_MAX 512

/* ---- Options ---- */

static const char *const algorithm_names[] = {"sha256", "sha512", "sha1", "ed25519", NULL};
static const char *const encoding_names[] = {"hex", "base64", "base64url", NULL};
static const char *const unit_names[] = {"s", "ms", NULL};

static const struct preset *read_preset(struct reader *r, const cJSON *tree)
{
	static const char *const names[] = {"preset", "secret", "tolerance", NULL};
	const char *name = options_text(r, "", tree, "preset");
	if (!name)
		return NULL;
	options_only(r, "", tree, names);
	const struct preset *preset = preset_find(name);
	const char *nearest = nearest_name(name, preset_names());
	if (preset)
		return preset;
	if (nearest)
		options_mistake(r, "/preset", "unknown preset \"%.40s\": did you mean \"%s\"?", name, nearest);
	else
		options_mistake(
			r, "/preset",
			"unknown preset \"%.40s\": there are bitbucket, discord, dockerhub, github, gitlab, linear, "
			"shopify, slack, standard-webhooks, stripe and twilio",
			name);
	return NULL;
}

static void read_pattern(struct scheme *s, struct reader *r, const cJSON *tree)
{
	const char *separator = options_text(r, "", tree, "separator");
	s->prefix = options_text(r, "", tree, "prefix");
	s->parse = options_text(r, "", tree, "parse");
	if (separator && separator[1])
		options_mistake(r, "/separator", "expected one character, found \"%.20s\"", separator);
	s->separator = separator ? separator[0] : (char)(s->parse ? ',' : 0);
	const char *error = s->parse ? pattern_parse_error(s->parse, s->separator) : NULL;
	if (error)
		options_mistake(r, "/parse", "%s", error);
	if (s->parse && s->prefix)
		options_mistake(r, "/prefix", "\"parse\" says already what stands before the signature");
	s->signing = options_text(r, "", tree, "signed");
	if (!s->signing)
		s->signing = "{body}";
	error = pattern_signed_error(s->signing);
	if (error)
		options_mistake(r, "/signed", "%s", error);
}

/* Whoever signs a timestamp has to send it, and one that nobody signs protects from nothing. */
static void check_timestamp(struct scheme *s, struct reader *r, const cJSON *tree)
{
	bool parsed = s->parse && pattern_uses(s->parse, "timestamp");
	int sources = parsed + !!s->timestamp_header + !!s->timestamp_field;
	bool is_signed = pattern_uses(s->signing, "timestamp");
	int unit = options_word(r, "", tree, "timestampUnit", unit_names, 0);
	s->timestamp_unit_ms = sources == 0 ? 0 : (unit == 0 ? 1000 : 1);
	if (sources > 1)
		options_mistake(r, "",
				"the timestamp comes from one of \"parse\", \"timestampHeader\" and "
				"\"timestampField\", not from several");
	if (is_signed && !parsed && !s->timestamp_header)
		options_mistake(r, "/signed", "{timestamp} has to come from \"parse\" or \"timestampHeader\"");
	if ((parsed || s->timestamp_header) && !is_signed)
		options_mistake(r, "/signed", "expected {timestamp} in it, or anybody could change the timestamp");
	if (pattern_uses(s->signing, "id") != !!s->id_header)
		options_mistake(r, "/signed", "{id} in \"signed\" and \"idHeader\" go together");
}

static void read_template(struct signature *s, struct reader *r, const cJSON *tree)
{
	static const char *const names[] = {
		"header",        "parse",     "signed",   "algorithm",       "encoding",
		"prefix",        "separator", "idHeader", "timestampHeader", "timestampField",
		"timestampUnit", "tolerance", "secret",   "preset",          NULL};
	struct scheme *scheme = &s->own;
	options_only(r, "", tree, names);
	scheme->header = options_text(r, "", tree, "header");
	if (!cJSON_GetObjectItemCaseSensitive(tree, "header"))
		options_mistake(r, "", "expected \"preset\", or \"header\" with the name of the signature's header");
	scheme->algorithm = (enum algorithm)options_word(r, "", tree, "algorithm", algorithm_names, 0);
	scheme->encoding = (enum encoding)options_word(r, "", tree, "encoding", encoding_names, 0);
	scheme->key_format = scheme->algorithm == ALGORITHM_ED25519 ? KEY_ED25519 : KEY_TEXT;
	scheme->id_header = options_text(r, "", tree, "idHeader");
	scheme->timestamp_header = options_text(r, "", tree, "timestampHeader");
	scheme->timestamp_field = options_text(r, "", tree, "timestampField");
	read_pattern(scheme, r, tree);
	check_timestamp(scheme, r, tree);
	if (scheme->algorithm == ALGORITHM_SHA1)
		options_warning(r, "/algorithm", "SHA-1 is weak: use \"sha256\" if the sender can");
	s->scheme = scheme;
	s->tolerance_ms = TOLERANCE_MS;
}

/* The scheme of a preset that a secret belongs to; the last one for those that are not known yet. */
static const struct scheme *scheme_for(const struct signature *s, const struct secret *secret)
{
	if (!s->preset)
		return s->scheme;
	const struct scheme *const *at = s->preset->schemes;
	for (; at[1]; at++)
		if (secret->text && strncmp(secret->text, (*at)->secret_prefix, strlen((*at)->secret_prefix)) == 0)
			break;
	return *at;
}

static void read_key(struct signature *s, struct reader *r, const cJSON *tree, const struct secret *secret)
{
	size_t index = s->key_count++;
	struct key *key = &s->keys[index];
	key->scheme = scheme_for(s, secret);
	if (!secret->text)
		return;
	if (key->scheme->algorithm == ALGORITHM_TOKEN) {
		key->text = strdup(secret->text);
		key->can_sign = true;
		r->no_memory |= !key->text;
		return;
	}
	const char *error;
	key->pkey = key_new(key->scheme, secret, &key->can_sign, &error);
	if (key->pkey)
		return;
	char at[POINTER_MAX];
	secret_pointer("", tree, "secret", index, at);
	options_mistake(r, at, "%s", error);
}

static void read_keys(struct signature *s, struct reader *r, const cJSON *tree)
{
	struct secrets secrets = {0};
	options_secrets(r, "", tree, "secret", &secrets);
	s->unresolved = secrets_unresolved(&secrets);
	for (size_t i = 0; i < secrets.count; i++)
		read_key(s, r, tree, &secrets.list[i]);
	secrets_release(&secrets);
	if (s->key_count > 0)
		s->scheme = s->keys[0].scheme;
}

static void read_tolerance(struct signature *s, struct reader *r, const cJSON *tree)
{
	bool has = cJSON_GetObjectItemCaseSensitive(tree, "tolerance");
	bool possible = s->preset ? s->preset->tolerance_ms > 0 : s->scheme->timestamp_unit_ms > 0;
	if (has && !possible)
		options_mistake(r, "/tolerance", "this sender signs no timestamp, so that there is nothing to compare");
	s->tolerance_ms = options_duration(r, "", tree, "tolerance", s->tolerance_ms);
}

void signature_read(struct signature *s, struct reader *r, tappet_str text)
{
	if (text.len == 0)
		return;
	cJSON *tree = s->tree = cJSON_ParseWithLength(text.ptr, text.len);
	if (!cJSON_IsObject(tree)) {
		options_mistake(r, "", "expected an object: {\"preset\": \"github\", \"secret\": {\"env\": \"NAME\"}}");
		return;
	}
	if (cJSON_GetObjectItemCaseSensitive(tree, "preset"))
		s->preset = read_preset(r, tree);
	else
		read_template(s, r, tree);
	if (r->failed && !s->preset && !s->scheme)
		return;
	if (s->preset) {
		s->tolerance_ms = s->preset->tolerance_ms;
		for (const struct scheme *const *at = s->preset->schemes; *at; at++)
			s->scheme = *at;
	}
	read_tolerance(s, r, tree);
	read_keys(s, r, tree);
	if (s->scheme->query)
		snprintf(s->missing, sizeof(s->missing), "There is no \"%s\" in the query.", s->scheme->query);
	else
		snprintf(s->missing, sizeof(s->missing), "There is no header %.60s.",
			 s->scheme->header ? s->scheme->header : "");
}

void signature_release(struct signature *s)
{
	for (size_t i = 0; i < s->key_count; i++) {
		EVP_PKEY_free(s->keys[i].pkey);
		if (s->keys[i].text)
			OPENSSL_cleanse(s->keys[i].text, strlen(s->keys[i].text));
		free(s->keys[i].text);
	}
	cJSON_Delete(s->tree);
	*s = (struct signature){0};
}

/* ---- Check ---- */

/* What became of one key; of several the last one here is told, which is the nearest to a match. */
enum outcome { MISSING, TWICE, UNREADABLE, NO_ADDRESS, MISMATCH, BODY_CHANGED, STALE, FINE };

static enum outcome one_header(const struct verify_request *request, const char *name, tappet_str *ret)
{
	tappet_str value = request->header(request->arg, name, 0);
	if (!value.ptr)
		return MISSING;
	if (request->header(request->arg, name, 1).ptr)
		return TWICE;
	if (value.len == 0 || value.len > HEADER_VALUE_MAX)
		return UNREADABLE;
	*ret = value;
	return FINE;
}

static enum outcome check_token(const struct key *key, const struct verify_request *request)
{
	char in_query[TOKEN_MAX];
	tappet_str shown;
	if (key->scheme->query) {
		if (!query_find(request->path_query, key->scheme->query, in_query, sizeof(in_query)))
			return MISSING;
		bool same = same_secret(tappet_cstr(key->text), tappet_cstr(in_query));
		OPENSSL_cleanse(in_query, sizeof(in_query));
		return same ? FINE : MISMATCH;
	}
	enum outcome outcome = one_header(request, key->scheme->header, &shown);
	if (outcome != FINE)
		return outcome;
	return same_secret(tappet_cstr(key->text), shown) ? FINE : MISMATCH;
}

/* Fills in what the headers say. */
static enum outcome read_headers(const struct scheme *scheme, const struct verify_request *request,
				 struct parsed *ret_parsed, struct signed_parts *ret_parts)
{
	tappet_str value;
	enum outcome outcome = one_header(request, scheme->header, &value);
	if (outcome == FINE && !header_pattern_parse(scheme, value, ret_parsed))
		outcome = UNREADABLE;
	ret_parts->timestamp = ret_parsed->timestamp;
	if (outcome == FINE && scheme->timestamp_header)
		outcome = one_header(request, scheme->timestamp_header, &ret_parts->timestamp);
	if (outcome == FINE && scheme->id_header)
		outcome = one_header(request, scheme->id_header, &ret_parts->id);
	if (outcome == FINE && ret_parsed->count == 0)
		outcome = UNREADABLE;
	return outcome;
}

/* Of a JSON body Twilio signs the hash alone, which is in the address. */
static enum outcome check_body_hash(const struct verify_request *request, bool *ret_has)
{
	char shown[2 * 32 + 1];
	unsigned char expected[32], bytes[32];
	size_t len;
	*ret_has = query_find(request->path_query, "bodySHA256", shown, sizeof(shown));
	if (!*ret_has)
		return FINE;
	sha256(request->body, expected);
	bool same = decode(ENCODING_HEX, tappet_cstr(shown), bytes, sizeof(bytes), &len) && len == sizeof(bytes) &&
		    CRYPTO_memcmp(expected, bytes, len) == 0;
	return same ? FINE : BODY_CHANGED;
}

int32_t signature_parts(const struct scheme *scheme, const struct verify_request *request, struct signed_parts *ret,
			char **ret_form)
{
	ret->body = request->body;
	ret->method = request->method;
	ret->path = request->path_query;
	bool hashed = false;
	if (scheme->twilio && check_body_hash(request, &hashed) != FINE)
		return TAPPET_EDENIED;
	if (hashed || !pattern_uses(scheme->signing, "form"))
		return TAPPET_OK;
	*ret_form = form_flatten(request->body, &ret->form.len);
	ret->form.ptr = *ret_form;
	return *ret_form ? TAPPET_OK : TAPPET_EINVAL;
}

static bool matches_any_address(const struct key *key, struct signed_parts *parts, const struct parsed *parsed,
				tappet_str url)
{
	char spelling[URL_MAX];
	for (int i = 0; i < (key->scheme->twilio ? URL_SPELLINGS : 1); i++) {
		if (!url_spelling(url, i, spelling, sizeof(spelling)))
			continue;
		parts->url = tappet_cstr(spelling);
		if (digest_matches(key, parts, parsed))
			return true;
	}
	return false;
}

static enum outcome check_digest(const struct key *key, const struct verify_request *request,
				 const struct parsed *parsed, struct signed_parts *parts)
{
	char *form = NULL;
	bool uses_url = pattern_uses(key->scheme->signing, "url"), matches;
	if (uses_url && request->url.len == 0)
		return NO_ADDRESS;
	int32_t r = signature_parts(key->scheme, request, parts, &form);
	if (r < 0)
		return r == TAPPET_EDENIED ? BODY_CHANGED : UNREADABLE;
	if (uses_url)
		matches = matches_any_address(key, parts, parsed, request->url);
	else
		matches = digest_matches(key, parts, parsed);
	free(form);
	return matches ? FINE : MISMATCH;
}

static bool parse_timestamp(tappet_str text, int64_t unit_ms, int64_t *ret)
{
	int64_t number = 0;
	if (text.len == 0 || text.len > 14)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		number = number * 10 + (text.ptr[i] - '0');
	}
	*ret = number * unit_ms;
	return true;
}

static bool timestamp_in_body(tappet_str body, const char *field, int64_t unit_ms, int64_t *ret)
{
	cJSON *tree = cJSON_ParseWithLength(body.ptr, body.len);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, field);
	bool ok = cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1e14;
	if (ok)
		*ret = (int64_t)item->valuedouble * unit_ms;
	cJSON_Delete(tree);
	return ok;
}

static enum outcome check_age(const struct signature *s, const struct scheme *scheme,
			      const struct verify_request *request, tappet_str timestamp)
{
	int64_t then_ms, unit_ms = scheme->timestamp_unit_ms;
	if (unit_ms == 0)
		return FINE;
	bool ok = scheme->timestamp_field ? timestamp_in_body(request->body, scheme->timestamp_field, unit_ms, &then_ms)
					  : parse_timestamp(timestamp, unit_ms, &then_ms);
	if (!ok)
		return UNREADABLE;
	return llabs(request->now_ms - then_ms) <= s->tolerance_ms ? FINE : STALE;
}

static enum outcome check_key(const struct signature *s, const struct key *key, const struct verify_request *request)
{
	struct parsed parsed = {0};
	struct signed_parts parts = {0};
	if (key->scheme->algorithm == ALGORITHM_TOKEN)
		return check_token(key, request);
	enum outcome outcome = read_headers(key->scheme, request, &parsed, &parts);
	if (outcome == FINE)
		outcome = check_digest(key, request, &parsed, &parts);
	return outcome == FINE ? check_age(s, key->scheme, request, parts.timestamp) : outcome;
}

static bool answer(const struct signature *s, enum outcome outcome, struct verify_result *ret)
{
	static const char *const details[] = {
		[TWICE] = "A header that belongs to the signature comes twice.",
		[UNREADABLE] = "The signature, or what belongs to it, cannot be read.",
		[NO_ADDRESS] =
			"This sender signs the address: set \"publicUrl\" in tappet.json to the one it was given.",
		[MISMATCH] = "The signature does not match.",
		[BODY_CHANGED] = "The body is not the one that was signed.",
		[STALE] = "The signature is too old or from the future: it was replayed, or a clock is wrong.",
	};
	if (outcome == NO_ADDRESS)
		return refuse(ret, 500, TAPPET_REASON_SIGNATURE, "public-url", details[outcome]);
	return refuse(ret, 401, TAPPET_REASON_SIGNATURE, "signature",
		      outcome == MISSING ? s->missing : details[outcome]);
}

bool signature_check(const struct signature *s, const struct verify_request *request, struct verify_result *ret)
{
	enum outcome best = MISSING;
	if (s->unresolved)
		return refuse(ret, 500, TAPPET_REASON_SIGNATURE, "secret", "The secret is not known here.");
	for (size_t i = 0; i < s->key_count; i++) {
		enum outcome outcome = check_key(s, &s->keys[i], request);
		if (outcome == FINE) {
			ret->secret = (int)i;
			return true;
		}
		if (outcome > best)
			best = outcome;
	}
	return answer(s, best, ret);
}
