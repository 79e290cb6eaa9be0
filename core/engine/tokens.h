/* What access.c and access_change.c share. */
#ifndef ENGINE_TOKENS_H
#define ENGINE_TOKENS_H

#include "engine/internal.h"

struct token {
	struct access_token pub; /* first: the public view is the token */
	struct list used;        /* in access.used while its last use is to be written */
	int64_t written_ms;
};

int token_from_record(const struct store_token_record *record, struct token **ret);
void token_free(struct token *t);
int access_insert(struct engine *e, struct token *t);
void access_remove(struct engine *e, struct token *t);
/* -EINVAL: a word that is no scope. */
int access_parse_scopes(const char *scopes, uint32_t *ret_bits);

#endif
