/* Messages that are made: JSON, or plain text, in which $(name) stands for a value. In JSON a string that is nothing but one
 * $(name) becomes the value itself, whatever its type; within a longer string it becomes its text. $$( is a literal $(. The
 * names are
 *
 *   $(cursor)           the cursor, as it was committed last; null at first
 *   $(message.PATH)     of the message that is answered: $(message.meta.id), $(message.items[0]); $(message) is all of it
 *   $(activity.id)      of the activity that the message has started; null when it was refused
 *   $(outcome)          "accepted", "duplicate", "conflict" (its key is known, with something else) or "refused" */
#ifndef ACTION_CONNECT_TEMPLATE_H
#define ACTION_CONNECT_TEMPLATE_H

#include <stdbool.h>
#include "common/text.h"

/* All are JSON; empty: not there, which is null. */
struct template_values {
	tappet_str cursor, message, activity_id, outcome;
};

/* NULL, or what is wrong with it, in words that stand behind "a message". is_answer: the message, the activity and the outcome
 * may be named. */
const char *template_problem(tappet_str template, bool is_answer);
/* Appends what a template without a problem says. is_json: it is JSON; otherwise plain text. */
void template_expand(tappet_str template, bool is_json, const struct template_values *values, struct text *out);

#endif
