#include <strings.h>
#include "cli/hooks.h"

/* The part of a condition goes to `out`. False: it cannot be carried over. */
static bool write_condition(struct hook *h, const struct json *rule, struct buf *out);

static bool lost(struct hook *h, const struct json *at, const char *what)
{
	hook_note(h, at, "%s cannot be carried over", what);
	return false;
}

/* ---- Conditions in jq ---- */

static bool write_match(struct hook *h, const struct json *match, struct buf *out)
{
	const char *type = json_get_str(match, "type"), *text = NULL;
	if (type && strcmp(type, "value") == 0)
		text = json_get_str(match, "value");
	else if (type && strcmp(type, "regex") == 0)
		text = json_get_str(match, "regex");
	else if (type && strcmp(type, "ip-whitelist") == 0)
		return lost(h, match, "a list of addresses inside of \"or\" or \"not\"");
	else if (type && strncmp(type, "payload-h", 9) == 0)
		return lost(h, match, "a signature inside of \"or\" or \"not\"");
	if (!text)
		return lost(h, match, "this kind of match");
	buf_str(out, "((");
	if (!hook_source(h, json_get(match, "parameter"), out))
		return false;
	buf_str(out, ") | if . == null then false else (tostring | ");
	if (strcmp(type, "regex") == 0)
		buf_str(out, "test(");
	else
		buf_str(out, "(. == ");
	struct buf quoted;
	buf_init(&quoted, 1 << 20);
	jsonw_str(&quoted, text);
	buf_append(out, buf_cstr(&quoted), quoted.len);
	buf_release(&quoted);
	buf_str(out, ")) end)");
	return true;
}

static bool write_list(struct hook *h, const struct json *list, const char *word, struct buf *out)
{
	const struct json *first = json_first(list);
	/* All of none hold, and not one of none does. */
	buf_str(out, first ? "(" : strcmp(word, "and") == 0 ? "(true" : "(false");
	for (const struct json *rule = first; rule; rule = json_next(rule)) {
		if (rule != first)
			buf_printf(out, " %s ", word);
		if (!write_condition(h, rule, out))
			return false;
	}
	buf_char(out, ')');
	return true;
}

static bool write_condition(struct hook *h, const struct json *rule, struct buf *out)
{
	if (json_get(rule, "and"))
		return write_list(h, json_get(rule, "and"), "and", out);
	if (json_get(rule, "or"))
		return write_list(h, json_get(rule, "or"), "or", out);
	if (json_get(rule, "match"))
		return write_match(h, json_get(rule, "match"), out);
	if (!json_get(rule, "not"))
		return lost(h, rule, "a rule that is none of and, or, not and match");
	buf_char(out, '(');
	if (!write_condition(h, json_get(rule, "not"), out))
		return false;
	buf_str(out, " | not)");
	return true;
}

/* ---- Checks that are not jq's ---- */

/* {{ getenv "NAME" | js }}: the file goes through a template when webhook runs with -template. */
static void find_variable(struct hook_secret *secret)
{
	if (sscanf(secret->text, "{{ getenv \"%127[A-Za-z0-9_]\"", secret->variable) != 1)
		secret->variable[0] = '\0';
}

static bool add_secret(struct hook *h, const struct json *match)
{
	const char *text = json_get_str(match, "secret");
	if (!text || !*text)
		return lost(h, match, "a signature without a secret");
	if (h->secret_count == HOOK_SECRETS_MAX)
		return lost(h, match, "a third secret");
	h->secrets[h->secret_count].text = text;
	find_variable(&h->secrets[h->secret_count++]);
	return true;
}

static void write_member(struct buf *out, const char *key, const char *text)
{
	jsonw_key(out, key);
	jsonw_str(out, text);
}

/* payload-hmac-sha256 and its kin, with the older names that begin with payload-hash. The "sha256=" before the value is
 * optional there. */
static bool add_signature(struct hook *h, const struct json *match)
{
	const char *algorithm = strrchr(json_get_str(match, "type"), '-') + 1;
	const struct json *parameter = json_get(match, "parameter");
	const char *source = json_get_str(parameter, "source"), *header = json_get_str(parameter, "name");
	struct buf signature;
	if (!source || strcasecmp(source, "header") != 0 || !header)
		return lost(h, match, "a signature that is in no header");
	buf_init(&signature, 4096);
	jsonw_open(&signature, '{');
	if (strcasecmp(header, "X-Hub-Signature-256") == 0 && strcmp(algorithm, "sha256") == 0) {
		write_member(&signature, "preset", "github");
	} else {
		write_member(&signature, "header", header);
		write_member(&signature, "algorithm", algorithm);
		write_member(&signature, "encoding", "hex");
		if (strncasecmp(header, "X-Hub-Signature", 15) == 0) {
			char prefix[16];
			snprintf(prefix, sizeof(prefix), "%s=", algorithm);
			write_member(&signature, "prefix", prefix);
		}
	}
	bool fits = h->signature.len == 0 || strcmp(buf_cstr(&h->signature), buf_cstr(&signature)) == 0;
	if (h->signature.len == 0)
		buf_append(&h->signature, buf_cstr(&signature), signature.len);
	buf_release(&signature);
	return fits ? add_secret(h, match) : lost(h, match, "a second signature");
}

static bool is_signature(const struct json *rule)
{
	const char *type = json_get_str(json_get(rule, "match"), "type");
	return type && (strncmp(type, "payload-hmac-sha", 16) == 0 || strncmp(type, "payload-hash-sha", 16) == 0);
}

/* Two secrets, of which one is on its way out. */
static bool is_rotation(const struct json *rule)
{
	const struct json *list = json_get(rule, "or");
	for (const struct json *one = json_first(list); one; one = json_next(one))
		if (!is_signature(one))
			return false;
	return json_count(list) > 0;
}

static bool add_address(struct hook *h, const struct json *match)
{
	const char *range = json_get_str(match, "ip-range");
	if (!range || h->address_count == HOOK_ADDRESSES_MAX)
		return lost(h, match, "this range of addresses");
	if (h->address_count > 0)
		return lost(h, match, "a second range that has to match as well");
	h->addresses[h->address_count++] = range;
	return true;
}

static bool add_check(struct hook *h, const struct json *rule);

static bool add_all(struct hook *h, const struct json *list)
{
	bool fine = true;
	for (const struct json *one = json_first(list); one; one = json_next(one))
		fine = add_check(h, one) && fine;
	return fine;
}

static bool add_secrets_in_use(struct hook *h, const struct json *list)
{
	bool fine = true;
	for (const struct json *one = json_first(list); one && fine; one = json_next(one))
		fine = add_signature(h, json_get(one, "match"));
	return fine;
}

static bool add_check(struct hook *h, const struct json *rule)
{
	const char *type = json_get_str(json_get(rule, "match"), "type");
	if (json_get(rule, "and"))
		return add_all(h, json_get(rule, "and"));
	if (is_signature(rule))
		return add_signature(h, json_get(rule, "match"));
	if (is_rotation(rule))
		return add_secrets_in_use(h, json_get(rule, "or"));
	if (type && strcmp(type, "ip-whitelist") == 0)
		return add_address(h, json_get(rule, "match"));
	if (h->when.len > 0)
		buf_str(&h->when, " and ");
	return write_condition(h, rule, &h->when);
}

void hook_rule(struct hook *h)
{
	const struct json *rule = json_get(h->json, "trigger-rule");
	if (!rule || json_is_null(rule))
		return;
	h->lossy = !add_check(h, rule);
	if (h->lossy)
		buf_clear(&h->when);
}
