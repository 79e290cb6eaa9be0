/* Patterns as a tree of words. All edges stand in one table, found by the node that they leave and their word, so a node is
 * small and a step of a search is one look-up. A search goes on with the word itself and with '*': it visits nodes of the
 * tree only, whatever the number of patterns beside them. */
#include <stdlib.h>
#include <string.h>
#include "topic.h"

struct match_node {
	struct match_node *parent;
	struct match_node *next;  /* in its bucket */
	struct match_node *star;  /* the child for '*' */
	struct match_entry *here; /* patterns that end with this node */
	struct match_entry *rest; /* patterns that end with '>' behind it */
	uint64_t hash;            /* of parent and word */
	uint32_t children;        /* with '*' */
	uint8_t len;              /* of the word; 0: the root */
	char word[];
};

struct matcher {
	struct match_node *root;
	struct match_node **buckets;
	size_t bucket_count, node_count; /* the first is a power of two */
};

#define BUCKETS_MIN 64

static struct match_node *node_new(struct match_node *parent, const struct word *word, uint64_t hash)
{
	struct match_node *n = calloc(1, sizeof(*n) + word->len);
	if (!n)
		return NULL;
	n->parent = parent;
	n->hash = hash;
	n->len = (uint8_t)word->len;
	memcpy(n->word, word->text, word->len);
	return n;
}

struct matcher *matcher_new(void)
{
	struct matcher *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->root = node_new(NULL, &(struct word){"", 0}, 0);
	m->buckets = calloc(BUCKETS_MIN, sizeof(*m->buckets));
	m->bucket_count = BUCKETS_MIN;
	if (m->root && m->buckets)
		return m;
	matcher_free(m);
	return NULL;
}

void matcher_free(struct matcher *m)
{
	if (!m)
		return;
	free(m->root);
	free(m->buckets);
	free(m);
}

/* ---- Edges ---- */

/* FNV-1a (draft-eastlake-fnv) with the parent in it. Words of patterns are the operator's: no client can choose them to
 * collide. */
static uint64_t edge_hash(const struct match_node *parent, const struct word *word)
{
	uint64_t h = 14695981039346656037u ^ (uint64_t)(uintptr_t)parent;
	for (size_t i = 0; i < word->len; i++)
		h = (h ^ (unsigned char)word->text[i]) * 1099511628211u;
	return h ^ (h >> 29);
}

static struct match_node **bucket(const struct matcher *m, uint64_t hash)
{
	return &m->buckets[(hash ^ (hash >> 32)) & (m->bucket_count - 1)];
}

static struct match_node *find_child(const struct matcher *m, const struct match_node *parent, const struct word *word)
{
	if (parent->children == (parent->star ? 1 : 0))
		return NULL;
	const uint64_t hash = edge_hash(parent, word);
	for (struct match_node *n = *bucket(m, hash); n; n = n->next)
		if (n->hash == hash && n->parent == parent && n->len == word->len &&
		    memcmp(n->word, word->text, word->len) == 0)
			return n;
	return NULL;
}

static void grow(struct matcher *m)
{
	const struct matcher old = *m;
	struct match_node **buckets = calloc(2 * m->bucket_count, sizeof(*buckets));
	if (!buckets)
		return; /* longer chains are all that comes of it */
	m->buckets = buckets;
	m->bucket_count *= 2;
	for (size_t i = 0; i < old.bucket_count; i++) {
		struct match_node *next;
		for (struct match_node *n = old.buckets[i]; n; n = next) {
			struct match_node **at = bucket(m, n->hash);
			next = n->next;
			n->next = *at;
			*at = n;
		}
	}
	free(old.buckets);
}

static struct match_node *add_child(struct matcher *m, struct match_node *parent, const struct word *word)
{
	const bool star = word->len == 1 && *word->text == '*';
	struct match_node *n = node_new(parent, word, star ? 0 : edge_hash(parent, word));
	if (!n)
		return NULL;
	parent->children++;
	if (star) {
		parent->star = n;
		return n;
	}
	if (m->node_count++ >= m->bucket_count)
		grow(m);
	struct match_node **at = bucket(m, n->hash);
	n->next = *at;
	*at = n;
	return n;
}

static void unlink_child(struct matcher *m, struct match_node *n)
{
	n->parent->children--;
	if (n->parent->star == n) {
		n->parent->star = NULL;
		return;
	}
	struct match_node **at = bucket(m, n->hash);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	m->node_count--;
}

/* A node that nothing needs goes, and then perhaps the one above it. */
static void prune(struct matcher *m, struct match_node *n)
{
	while (n->parent && n->children == 0 && !n->here && !n->rest) {
		struct match_node *parent = n->parent;
		unlink_child(m, n);
		free(n);
		n = parent;
	}
}

/* ---- Patterns ---- */

static void link_entry(struct match_entry **list, struct match_node *node, struct match_entry *entry)
{
	entry->node = node;
	entry->next = *list;
	entry->back = list;
	if (*list)
		(*list)->back = &entry->next;
	*list = entry;
}

int32_t matcher_add(struct matcher *m, tappet_str pattern, struct match_entry *entry)
{
	struct word words[TOPIC_WORDS_MAX];
	size_t count = topic_split(pattern, words);
	struct match_node *node = m->root;
	const bool rest = words[count - 1].len == 1 && *words[count - 1].text == '>';
	if (rest)
		count--;
	for (size_t i = 0; i < count; i++) {
		const bool star = words[i].len == 1 && *words[i].text == '*';
		struct match_node *child = star ? node->star : find_child(m, node, &words[i]);
		if (!child)
			child = add_child(m, node, &words[i]);
		if (!child) {
			prune(m, node);
			return TAPPET_ENOMEM;
		}
		node = child;
	}
	link_entry(rest ? &node->rest : &node->here, node, entry);
	return TAPPET_OK;
}

void matcher_remove(struct matcher *m, struct match_entry *entry)
{
	if (!entry->node)
		return;
	*entry->back = entry->next;
	if (entry->next)
		entry->next->back = entry->back;
	prune(m, entry->node);
	entry->node = NULL;
}

/* ---- The search ---- */

struct search {
	const struct matcher *m;
	struct word words[TOPIC_WORDS_MAX];
	size_t count;
	void (*found)(void *arg, void *owner);
	void *arg;
};

static void tell(const struct search *s, const struct match_entry *list)
{
	for (; list; list = list->next)
		s->found(s->arg, list->owner);
}

/* As deep as the topic has words. */
static void visit(const struct search *s, const struct match_node *node, size_t at)
{
	if (at == s->count) {
		tell(s, node->here);
		return;
	}
	tell(s, node->rest);
	const struct match_node *child = find_child(s->m, node, &s->words[at]);
	if (child)
		visit(s, child, at + 1);
	if (node->star)
		visit(s, node->star, at + 1);
}

void matcher_find(const struct matcher *m, tappet_str topic, void (*found)(void *arg, void *owner), void *arg)
{
	struct search s = {.m = m, .found = found, .arg = arg};
	s.count = topic_split(topic, s.words);
	visit(&s, m->root, 0);
}
