/* Substitution: $(params.x), $(steps.ID.outputs.y), $(activity.id), $(trigger.…), and in onFailure $(failure.message) and
 * $(failure.step), inside one argument. A template is
 * parsed once and expanded for each run. It never splits an argument in two; $$( is a literal $(. Pure. */
#ifndef MODEL_SUBST_H
#define MODEL_SUBST_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

enum subst_kind { SUBST_TEXT, SUBST_PARAM, SUBST_OUTPUT, SUBST_ACTIVITY, SUBST_TRIGGER, SUBST_FAILURE };

struct subst_part {
	enum subst_kind kind;
	char *text; /* the literal, the parameter's or output's name, "id", the path behind "trigger.", "message" or "step" of the failure */
	char *step; /* SUBST_OUTPUT */
};

struct subst {
	struct subst_part *parts;
	size_t count;
};

/* -EINVAL with a message that says what was expected. Whether names exist is for the caller to check. */
int subst_parse(const char *text, struct subst *ret, char *message, size_t message_size);
void subst_release(struct subst *s);
bool subst_is_literal(const struct subst *s);

/* Appends the value of one part as text: strings as they are, other values as JSON. 0, or -ENOENT when there is none. */
typedef int (*subst_lookup)(void *arg, const struct subst_part *part, struct buf *out);
/* -ENOENT: *ret_missing (may be NULL) is the part without a value. */
int subst_expand(const struct subst *s, subst_lookup lookup, void *arg, struct buf *out,
		 const struct subst_part **ret_missing);

#endif
