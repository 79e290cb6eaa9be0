/* Tokens: found by the hash of their secret, which is all that is kept of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "engine/catalog.h"
#include "engine/tokens.h"

#define USE_WRITTEN_MS 60000
#define FLUSH_MS 2000
#define SECRET_LEN_MAX 256

void access_init(struct engine *e)
{
	map_init(&e->access.by_hash);
	map_init(&e->access.by_id);
	list_init(&e->access.used);
	e->access.state = 1;
}

void token_free(struct token *t)
{
	if (!t)
		return;
	list_remove(&t->used);
	free(t->pub.label);
	free(t->pub.team);
	free(t->pub.scopes);
	free(t->pub.workflow_ids);
	free(t);
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	token_free(value);
	return 0;
}

void access_release(struct engine *e)
{
	(void)map_each(&e->access.by_id, free_one, NULL);
	map_release(&e->access.by_id);
	map_release(&e->access.by_hash);
}

/* ---- Records -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	uint32_t bit;
} scope_words[] = {
	{"trigger", ACCESS_TRIGGER},
	{"status", ACCESS_STATUS},
	{"cancel", ACCESS_CANCEL},
	{"subscribe", ACCESS_SUBSCRIBE},
};

static uint32_t scope_bit(const char *word, size_t len)
{
	static const char action[] = "action:";

	if (len > sizeof(action) - 1 && memcmp(word, action, sizeof(action) - 1) == 0)
		return ACCESS_ACTION;
	for (size_t i = 0; i < sizeof(scope_words) / sizeof(scope_words[0]); i++)
		if (strlen(scope_words[i].word) == len && memcmp(scope_words[i].word, word, len) == 0)
			return scope_words[i].bit;
	return 0;
}

int access_parse_scopes(const char *scopes, uint32_t *ret_bits)
{
	uint32_t bits = 0;

	scopes += strspn(scopes, " ");
	while (*scopes) {
		size_t len = strcspn(scopes, " ");
		uint32_t bit = scope_bit(scopes, len);

		if (!bit)
			return -EINVAL;
		bits |= bit;
		scopes += len + strspn(scopes + len, " ");
	}
	*ret_bits = bits;
	return bits ? 0 : -EINVAL;
}

static int copy_workflow_ids(struct token *t, const char *ids)
{
	size_t room = strlen(ids) / ID_LEN + 1;

	t->pub.workflow_ids = calloc(room, sizeof(*t->pub.workflow_ids));
	if (!t->pub.workflow_ids)
		return -ENOMEM;
	ids += strspn(ids, " ");
	while (*ids && t->pub.workflow_count < room) {
		size_t len = strcspn(ids, " ");

		if (len == ID_LEN)
			memcpy(t->pub.workflow_ids[t->pub.workflow_count++], ids, ID_LEN);
		ids += len + strspn(ids + len, " ");
	}
	return 0;
}

int token_from_record(const struct store_token_record *record, struct token **ret)
{
	struct token *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	list_init(&t->used);
	memcpy(t->pub.id, record->id, ID_SIZE);
	memcpy(t->pub.hash, record->hash, sizeof(t->pub.hash));
	t->pub.label = strdup(record->label ? record->label : "");
	t->pub.scopes = strdup(record->scopes);
	t->pub.team = record->team ? strdup(record->team) : NULL;
	t->pub.created_ms = record->created_ms;
	t->pub.expires_ms = record->expires_ms;
	t->pub.last_used_ms = t->written_ms = record->last_used_ms;
	if (!t->pub.label || !t->pub.scopes || (record->team && !t->pub.team) ||
	    copy_workflow_ids(t, record->workflow_ids ? record->workflow_ids : "") < 0) {
		token_free(t);
		return -ENOMEM;
	}
	/* A scope that this version does not know gives nothing; the others hold. */
	if (access_parse_scopes(t->pub.scopes, &t->pub.scope_bits) < 0)
		log_warn("a token has unknown scopes", log_str("token", t->pub.id), LOG_END);
	*ret = t;
	return 0;
}

int access_insert(struct engine *e, struct token *t)
{
	int r = map_put_str(&e->access.by_id, t->pub.id, t, NULL);

	e->access.state++;
	if (r < 0)
		return r;
	r = map_put(&e->access.by_hash, t->pub.hash, sizeof(t->pub.hash), t, NULL);
	if (r < 0)
		(void)map_remove_str(&e->access.by_id, t->pub.id);
	return r;
}

void access_remove(struct engine *e, struct token *t)
{
	e->access.state++;
	(void)map_remove_str(&e->access.by_id, t->pub.id);
	(void)map_remove(&e->access.by_hash, t->pub.hash, sizeof(t->pub.hash));
	if (!list_empty(&t->used))
		e->access.used_count--;
	list_remove(&t->used);
}

int access_load(struct engine *e, const struct store_token_record *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct token *t;
		int r = token_from_record(&rows[i], &t);

		if (r < 0)
			return r;
		r = access_insert(e, t);
		if (r < 0) {
			token_free(t);
			return r;
		}
	}
	return 0;
}

/* ---- The last use --------------------------------------------------------------------------------------------- */

struct used_flush {
	struct store_token op;
	struct store_token_record records[];
};

static void used_written(struct store_op *op)
{
	struct used_flush *f = list_entry(op, struct used_flush, op.op);

	if (op->status < 0)
		log_warn("the last use of tokens was not written", log_errno(op->status), LOG_END);
	free(f);
}

void access_flush(struct engine *e)
{
	size_t count = e->access.used_count;
	struct used_flush *f;

	if (count == 0)
		return;
	f = calloc(1, sizeof(*f) + count * sizeof(f->records[0]));
	if (!f)
		return;
	f->op.op = (struct store_op){.kind = STORE_TOKEN, .done = used_written};
	f->op.action = STORE_TOKEN_USED;
	f->op.used = f->records;
	list_each_safe (node, &e->access.used) {
		struct token *t = list_entry(node, struct token, used);
		struct store_token_record *record = &f->records[f->op.used_count++];

		list_remove(node);
		memcpy(record->id, t->pub.id, ID_SIZE);
		record->last_used_ms = t->written_ms = t->pub.last_used_ms;
	}
	e->access.used_count = 0;
	store_submit(e->store, &f->op.op);
}

static void flush_due(void *arg)
{
	struct engine *e = arg;

	e->access.timer = NULL;
	access_flush(e);
}

static void note_use(struct engine *e, struct token *t, int64_t now_ms)
{
	t->pub.last_used_ms = now_ms;
	if (now_ms - t->written_ms < USE_WRITTEN_MS || !list_empty(&t->used) || e->quiet)
		return;
	list_append(&e->access.used, &t->used);
	e->access.used_count++;
	if (!e->access.timer)
		e->access.timer = step_timer_start(e, FLUSH_MS, flush_due, e);
}

/* ---- Looking -------------------------------------------------------------------------------------------------- */

static bool is_over(const struct token *t, int64_t now_ms)
{
	return t->pub.expires_ms && now_ms >= t->pub.expires_ms;
}

const struct access_token *access_check(struct engine *e, const char *secret, size_t len)
{
	uint8_t hash[DIGEST_SIZE];
	int64_t now_ms = clock_wall_ms();
	struct token *t;

	if (len == 0 || len > SECRET_LEN_MAX)
		return NULL;
	digest_sha256(secret, len, hash);
	t = map_get(&e->access.by_hash, hash, sizeof(hash));
	if (!t || !digest_equal(t->pub.hash, hash, sizeof(hash)))
		return NULL;
	if (is_over(t, now_ms))
		return NULL;
	note_use(e, t, now_ms);
	return &t->pub;
}

static struct token *find(struct engine *e, const char *token_id, int64_t now_ms)
{
	struct token *t = map_get_str(&e->access.by_id, token_id);

	return t && !is_over(t, now_ms) ? t : NULL;
}

const struct access_token *access_find(struct engine *e, const char *token_id)
{
	struct token *t = find(e, token_id, clock_wall_ms());

	return t ? &t->pub : NULL;
}

const struct access_token *access_use(struct engine *e, const char *token_id)
{
	int64_t now_ms = clock_wall_ms();
	struct token *t = find(e, token_id, now_ms);

	if (!t)
		return NULL;
	note_use(e, t, now_ms);
	return &t->pub;
}

static const char team_word[] = "team ";

char *access_coverage(const struct access_token *token)
{
	struct buf words;
	char *text;

	buf_init(&words, sizeof(team_word) + token->workflow_count * ID_SIZE + (token->team ? strlen(token->team) : 0));
	if (token->team) {
		(void)buf_str(&words, team_word);
		(void)buf_str(&words, token->team);
	}
	for (size_t i = 0; i < token->workflow_count; i++) {
		(void)buf_str(&words, words.len ? " " : "");
		(void)buf_str(&words, token->workflow_ids[i]);
	}
	text = buf_detach(&words, NULL);
	buf_release(&words);
	return text;
}

bool access_coverage_has(const char *coverage, const struct catalog_entry *entry)
{
	const size_t len = sizeof(team_word) - 1;

	if (!coverage)
		return true;
	if (!entry)
		return false;
	if (strncmp(coverage, team_word, len) != 0)
		return words_contain(coverage, entry->id);
	return entry->workflow && entry->workflow->team && strcmp(entry->workflow->team, coverage + len) == 0;
}

bool access_covers(struct engine *e, const struct access_token *token, const struct catalog_entry *entry)
{
	(void)e;
	if (token->team)
		return entry->workflow && entry->workflow->team && strcmp(entry->workflow->team, token->team) == 0;
	for (size_t i = 0; i < token->workflow_count; i++)
		if (strcmp(token->workflow_ids[i], entry->id) == 0)
			return true;
	return false;
}

bool topic_matches(const char *pattern, size_t pattern_len, const char *topic, size_t len)
{
	const char *pattern_end = pattern + pattern_len, *end = topic + len;

	for (;;) {
		const char *p = memchr(pattern, '.', (size_t)(pattern_end - pattern));
		const char *t = memchr(topic, '.', (size_t)(end - topic));
		size_t word = (size_t)((p ? p : pattern_end) - pattern), given = (size_t)((t ? t : end) - topic);

		if (given == 0)
			return false;
		if (!p && word == 1 && *pattern == '>')
			return true;
		if (!(word == 1 && *pattern == '*') && (word != given || memcmp(pattern, topic, word) != 0))
			return false;
		if (!p || !t)
			return !p && !t;
		pattern = p + 1;
		topic = t + 1;
	}
}

bool access_action_allowed(const struct access_token *token, const char *topic, size_t len)
{
	static const char action[] = "action:";
	const char *scopes = token->scopes + strspn(token->scopes, " ");

	while (*scopes) {
		size_t n = strcspn(scopes, " ");

		if (n > sizeof(action) - 1 && memcmp(scopes, action, sizeof(action) - 1) == 0 &&
		    topic_matches(scopes + sizeof(action) - 1, n - (sizeof(action) - 1), topic, len))
			return true;
		scopes += n + strspn(scopes + n, " ");
	}
	return false;
}

struct count {
	struct engine *engine;
	const struct access_token *token;
	size_t count;
	const char *only;
};

static void count_one(void *arg, const struct catalog_entry *entry)
{
	struct count *c = arg;

	if (entry->removed || !access_covers(c->engine, c->token, entry))
		return;
	c->count++;
	c->only = entry->id;
}

size_t access_count(struct engine *e, const struct access_token *token, const char **ret_only)
{
	struct count c = {.engine = e, .token = token};

	if (token->team) {
		engine_each(e, count_one, &c);
	} else {
		for (size_t i = 0; i < token->workflow_count; i++) {
			const struct catalog_entry *entry = engine_find(e, token->workflow_ids[i]);

			if (entry)
				count_one(&c, entry);
		}
	}
	if (c.count == 1 && ret_only)
		*ret_only = c.only;
	return c.count;
}

struct visit {
	void (*visit)(void *arg, const struct access_token *token);
	void *arg;
};

static int visit_one(void *arg, const char *key, size_t key_len, void *value)
{
	struct visit *v = arg;
	const struct token *t = value;

	(void)key;
	(void)key_len;
	v->visit(v->arg, &t->pub);
	return 0;
}

void access_each(struct engine *e, void (*visit)(void *arg, const struct access_token *token), void *arg)
{
	struct visit v = {visit, arg};

	(void)map_each(&e->access.by_id, visit_one, &v);
}
