/* Who calls: the token from body, header or query. */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include "tappet/http.h"

enum token_error { TOKEN_OK, TOKEN_MISSING, TOKEN_CONFLICT, TOKEN_NO_MEMORY };

struct token {
	tappet_str text;
	char *decoded; /* when it had escapes in the body; token_release frees it */
};

/* The token out of the body's value, "Authorization: Bearer" and "?token="; all that are there have to be the same. */
enum token_error token_find(tappet_str in_body, tappet_str authorization, tappet_str in_query, struct token *ret);
/* As token_find, of a request: TOKEN_CONFLICT also when a header or a key of the query comes twice, since only the first one
 * would be looked at. `in_body` as above; ptr NULL: there is none. */
enum token_error token_of_request(const tappet_http1 *http, tappet_request *request, tappet_str in_body,
				  struct token *ret);
void token_release(struct token *token);
/* Whether a query has the key "token" more than once, in whatever spelling: only the first one would be looked at. */
bool token_is_doubled(tappet_str query);

#endif
