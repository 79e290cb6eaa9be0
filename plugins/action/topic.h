/* Topics ("orders.eu.created") and the patterns of triggers ("orders.*.created", "orders.>"): what is one, and which of
 * many patterns match a topic. It knows nothing of triggers or tokens. */
#ifndef ACTION_TOPIC_H
#define ACTION_TOPIC_H

#include <stdbool.h>
#include "tappet/plugin.h"

#define TOPIC_MAX 255                       /* bytes */
#define TOPIC_WORDS_MAX (TOPIC_MAX / 2 + 1) /* each has one letter at least, and a dot behind it */

/* ---- topic.c ---- */

struct word {
	const char *text;
	size_t len;
};

/* NULL, or what is wrong with it, in words that stand behind "a topic": words of [A-Za-z0-9_-] joined by dots. */
const char *topic_problem(tappet_str topic);
/* As topic_problem, of a pattern: '*' stands for one word, '>' at the end for one or more. */
const char *pattern_problem(tappet_str pattern);
/* Splits what has no problem. Returns the number of words. */
size_t topic_split(tappet_str topic, struct word words[static TOPIC_WORDS_MAX]);
/* Whether one pattern matches a topic; neither has a problem. */
bool pattern_matches(tappet_str pattern, tappet_str topic);

/* ---- match.c ---- */

struct matcher;
struct match_node;

/* A pattern that stands in a matcher. It is the caller's, and stays where it is until match_remove. */
struct match_entry {
	struct match_entry *next, **back;
	struct match_node *node; /* NULL: it does not stand in any */
	void *owner;             /* what is found */
};

/* NULL: no memory. */
struct matcher *matcher_new(void);
/* All entries have to be removed before. */
void matcher_free(struct matcher *m);
/* `pattern` has no problem. 0 or TAPPET_ENOMEM. */
int32_t matcher_add(struct matcher *m, tappet_str pattern, struct match_entry *entry);
/* An entry that does not stand in any is left as it is. */
void matcher_remove(struct matcher *m, struct match_entry *entry);
/* Calls found(arg, owner) for each entry whose pattern matches, in no order. `found` changes nothing in the matcher. */
void matcher_find(const struct matcher *m, tappet_str topic, void (*found)(void *arg, void *owner), void *arg);

#endif
