/* The schedules of a daemon, by what its plugin `schedule` answers below /api/v1/plugins/schedule.
 *
 *   schedules.c             names, paths, and options of the command line as JSON
 *   cmd_schedules.c         list, show, what comes next
 *   cmd_schedules_make.c    create, set
 *   cmd_schedules_file.c    create --file
 *   cmd_schedules_do.c      pause, resume, skip, run, delete, backfill
 *
 * What a pattern means by itself is cmd_schedule.c's, without a daemon. */
#ifndef CLI_SCHEDULES_H
#define CLI_SCHEDULES_H

#include "cli/client.h"

#define SCHEDULES_API "/plugins/schedule"

/* Whether this is what a schedule of the daemon is called, WORKFLOW/TRIGGER or its id, and no cron pattern. */
bool schedules_is_name(const char *text);
/* Begins the path of one schedule, or of all of them (NULL); `verb` is what comes behind it, or NULL. */
void schedules_path(struct buf *path, const char *name, const char *verb);

/* client_call_path; where nothing answers because the daemon has no such plugin, that is told as well. */
int schedules_call(struct cli *c, const char *method, struct buf *path, const struct buf *body, struct answer *ret);

/* Writes the options of `create` or `set` as members of the object that `out` is in. What is wrong is told. */
bool schedules_write_options(const struct cli *c, struct buf *out);
/* Those that --unset names, as null. */
bool schedules_write_unset(const struct cli *c, struct buf *out);

/* What comes next of all of them, or of the one that the argument names. */
int schedules_next(struct cli *c);
int schedules_calendar(struct cli *c);
/* All that the file of --file has. */
int schedules_create_file(struct cli *c, const char *path);
/* One document, for people. */
void schedules_print(const struct cli *c, const struct json *document);

#endif
