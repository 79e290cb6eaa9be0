/* A crontab, a user's or one of the system's (crontab(5) of Debian and cronie), as workflows.
 *
 *   crontab.c              its lines: entries, variables, comments that belong to an entry
 *   crontab_line.c         what a line is, without reading it
 *   crontab_workflow.c     one entry as a workflow
 *   cmd_import_crontab.c   the command: which kind of crontab it is, writing the workflows
 *
 * What cannot be carried over is noted with its line. An entry that has been commented out is no entry. */
#ifndef CLI_CRONTAB_H
#define CLI_CRONTAB_H

#include <stdbool.h>
#include <stddef.h>
#include "base/diag.h"
#include "base/json.h"

struct zones;

struct crontab_variable {
	const char *name, *value;
	unsigned line;
};

struct crontab_entry {
	unsigned line;
	const char *when;      /* "17 * * * *", "@daily" */
	const char *user;      /* of a system crontab; else NULL */
	const char *command;   /* as the shell gets it */
	const char *input;     /* what it reads, or NULL */
	const char *comment;   /* the lines right above it, or NULL */
	size_t variable_count; /* those of the crontab that stand above it */
};

struct crontab {
	const char *name; /* of the file, for notes */
	struct diag *notes;
	bool system;   /* entries name a user */
	size_t failed; /* entries that could not be read */
	char *text;    /* what all the others point into */
	struct crontab_variable *variables;
	size_t variable_count;
	struct crontab_entry *entries;
	size_t entry_count;
};

/* Reads all lines; `name`, `notes` and `system` are set. False: no memory. */
bool crontab_read(struct crontab *t, const char *text);
void crontab_release(struct crontab *t);
/* The value that a variable has for an entry, or NULL. */
const char *crontab_value(const struct crontab *t, const struct crontab_entry *e, const char *name);

/* What a line holds, from its first character that is no blank. */
const char *crontab_blanks(const char *text);
/* Behind the five fields or the @word and the blanks that follow; NULL when there are fewer. */
const char *crontab_behind_when(const char *line);
/* An entry, or words that look like one (below a '#', it was switched off). */
bool crontab_looks_like_entry(const char *line);
bool crontab_is_variable(const char *line);
bool crontab_is_utf8(const char *text);
/* Whether entries name users. A guess: every sixth word is a user of this machine, one of them root. *ret_odd is the first
 * line where it is none although it is one elsewhere, else 0. */
bool crontab_looks_like_system(const char *text, unsigned *ret_odd);

/* What belongs to all of them. */
struct crontab_options {
	const char *timezone;
	const char *user; /* whose crontab it is, or NULL */
	struct zones *zones;
};
/* The workflow of an entry as JSON. False, with a note, when its pattern cannot be read. */
bool crontab_workflow(const struct crontab *t, const struct crontab_entry *e, const struct crontab_options *o,
		      struct buf *out);
/* What the workflow is called: of the comment or the command, in letters that a slug may have. */
#define CRONTAB_SLUG_MAX 48
void crontab_slug(const struct crontab_entry *e, char slug[static CRONTAB_SLUG_MAX]);

#endif
