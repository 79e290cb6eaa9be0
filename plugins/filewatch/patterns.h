/* Patterns as gitignore(5) has them: which paths of a tree a user means.
 *
 * Ordered patterns, of which the last one that matches wins. Each becomes a regular expression for PCRE2, of bytes and not
 * of characters: '?' and "[...]" stand for one byte, and names that are no UTF-8 match like all others. They are matched in
 * time that is polynomial in the path, whatever the pattern; whoever finds one that is too slow for PCRE2's limits sees it
 * match nothing.
 *
 * This part never looks at a file system, knows no current folder, and applies no verdict of a parent folder: callers go
 * down from the top and do not enter what is excluded (filter.c). Options use patterns_new, .gitignore files patterns_parse.
 * Immutable once made: any thread may match, at the same time. */
#ifndef FILEWATCH_PATTERNS_H
#define FILEWATCH_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include "tappet/plugin.h"

struct text;
struct patterns;

#define PATTERNS_MAX 10000
#define PATTERN_LEN_MAX 4096
#define PATTERNS_MESSAGE_SIZE 128

enum patterns_verdict { PATTERNS_NONE, PATTERNS_MATCH, PATTERNS_NEGATED };

/* ---- patterns.c ---- */

/* From a list, one pattern each, which may begin with '!'; '#' is nothing special. 0; -EINVAL: *ret_index says which, message
 * what is wrong with it, in words that stand behind "the pattern"; -ENOMEM. */
int patterns_new(const tappet_str *texts, size_t count, struct patterns **ret, size_t *ret_index,
		 char message[static PATTERNS_MESSAGE_SIZE]);
/* From the text of a .gitignore file: comments, blank lines, trailing spaces, CRLF, BOM as git has them; what is no pattern
 * is skipped, as are longer ones than PATTERN_LEN_MAX, and what follows the first PATTERNS_MAX. 0 or -ENOMEM. */
int patterns_parse(const char *text, size_t len, struct patterns **ret);
/* NULL is allowed. */
void patterns_free(struct patterns *p);
/* `path` is relative, without leading or trailing slash; bytes, not necessarily UTF-8. It alone counts, not the folders that
 * it lies in. */
enum patterns_verdict patterns_match(const struct patterns *p, const char *path, size_t len, bool is_dir);
/* Whether a path below the folder `dir` ("" is the top) could match a pattern without '!'. True when unsure. For an include
 * list: folders that need not be entered, unless they or a folder above match themselves. */
bool patterns_may_match_below(const struct patterns *p, const char *dir, size_t len);

/* ---- patterns_regex.c: for patterns.c only ---- */

/* NULL, or what is wrong with a pattern from which '!' and the slashes at both ends are gone. */
const char *glob_problem(tappet_str glob);
/* Whether it has "**" and one component: it means that name in every folder. The length of what is before that component, or 0. */
size_t glob_any_folder(tappet_str glob);
/* Appends its regular expression, to be matched from the begin of a path. It has no problem. */
void glob_to_regex(tappet_str glob, struct text *regex);

#endif
