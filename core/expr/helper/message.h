/* jq's words, made fit for a line of text that people read. */
#ifndef EXPR_HELPER_MESSAGE_H
#define EXPR_HELPER_MESSAGE_H

#include "base/buf.h"

#define MESSAGE_MAX 500

/* What went wrong when a program ran: one line, cut where it gets long. */
void message_plain(struct buf *out, const char *text, size_t len);
/* What jq said of `program` when it did not compile. */
void message_compile(struct buf *out, const char *text, const char *program);

#endif
