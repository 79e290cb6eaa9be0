/* A JSON value with substitutions in its strings: the body of a request, the parameters of another workflow. A string
 * that is nothing but one substitution takes the value with its JSON type; keys of objects are literal. Parsed once,
 * expanded for each run. Pure. */
#ifndef MODEL_TEMPLATE_H
#define MODEL_TEMPLATE_H

#include "base/json.h"
#include "model/subst.h"

#define TEMPLATE_SIZE_MAX (4 * 1024 * 1024)

struct template;

/* `visit` (may be NULL) is called for each string with substitutions, so that the caller can check the names that it
 * uses; the subst lives as long as the template. -EINVAL with *ret_at the string that cannot be read, and a message. */
int template_parse(const struct json *v, void (*visit)(void *arg, const struct subst *s, const struct json *at),
		   void *arg, struct template **ret, const struct json **ret_at, char *message, size_t message_size);
void template_free(struct template *t);
/* The whole is one string (perhaps with substitutions). */
bool template_is_text(const struct template *t);

/* Appends the value of one part as JSON; -ENOENT when there is none. */
typedef int (*template_lookup)(void *arg, const struct subst_part *part, struct buf *out);
/* Appends the expanded value as JSON. `text` gives a part as text, for strings with more than one part. -ENOENT:
 * *ret_missing (may be NULL). */
int template_expand(const struct template *t, template_lookup json, subst_lookup text, void *arg, struct buf *out,
		    const struct subst_part **ret_missing);
/* template_is_text only: the text itself, not as JSON. */
int template_expand_text(const struct template *t, subst_lookup text, void *arg, struct buf *out,
			 const struct subst_part **ret_missing);

#endif
