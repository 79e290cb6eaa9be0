/* One attempt of a process step, prepared, started and cleaned up on pool threads. Nothing here is shared with
 * the loop while a job is under way. */
#ifndef ENGINE_SPAWN_H
#define ENGINE_SPAWN_H

#include <sys/types.h>
#include "engine/internal.h"
#include "engine/mask.h"

/* Whom a step runs as; name NULL: the daemon's own user. */
struct spawn_user {
	char *name, *home, *shell;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_count;
	bool is_daemon; /* nothing has to be changed */
};

struct spawn {
	/* What it reads; stays unchanged as long as the activity is in memory. */
	const struct engine_options *options;
	const char *identity; /* of the store */
	const struct step_def *def;
	const char *workflow_id;
	struct values values;
	uint32_t order, attempt;
	/* What it makes. */
	char *folder, *input_path, *output_path, *script_path, *pid_path;
	struct spawn_user user;
	struct mask mask; /* the step's secrets */
	char mark[128];   /* TAPPET_RUN=... */
	pid_t pid;
	int pidfd, out_fd, err_fd;
	/* What came of it. */
	int error;
	char message[ENGINE_MESSAGE_MAX];
	char *outputs; /* JSON object */
};

int spawn_paths(struct spawn *s, const char *activity_id);
/* Prepares the files and starts the process; error and message tell of a failure. */
void spawn_start(struct spawn *s);
/* After the end: reads the outputs when asked to, removes the files of this attempt. */
void spawn_finish(struct spawn *s, bool want_outputs);
void spawn_release(struct spawn *s);

struct texts {
	char **items; /* NULL at the end */
	size_t count, cap, bytes;
};
/* Takes `text` over, also on failure. */
int texts_add(struct texts *t, char *text);
void texts_wipe(struct texts *t);

/* spawn_user.c. Both tell by s->message what is wrong. */
int spawn_user_find(struct spawn *s);
/* The step's files, and the writing ends of its pipes, become its user's. */
int spawn_user_give(struct spawn *s, int out_fd, int err_fd);
void spawn_user_release(struct spawn_user *u);

/* spawn_launch.c: the start by way of the helper program `tappet-exec`. */
struct launch_plan {
	const struct texts *argv, *env;
	const char *file, *cwd;
	int plan_fd, status_fds[2]; /* -1: none */
};
bool spawn_launch_needed(const struct step_def *def);
/* Makes the descriptors, which are the caller's to close, also on failure. */
int spawn_launch_plan(struct spawn *s, struct launch_plan *p);
/* Waits until the command runs, or takes back what has been started. */
int spawn_launch_answer(struct spawn *s, struct launch_plan *p);

/* spawn_env.c: the whole environment of the child, and the mask for the secrets in it. */
int spawn_env(struct spawn *s, struct texts *env);
/* spawn_files.c */
int spawn_write_input(struct spawn *s);
int spawn_write_file(const char *path, const char *text, size_t len, mode_t mode);
/* Relative to `folder`; without the line break at its end, and with a NUL behind. */
int secret_file_read(const char *folder, const char *path, char **ret, size_t *ret_len);
/* A secret of a step's env, read where it is; `message` says why it cannot be. */
int secret_env_read(const char *folder, const struct env_def *def, char message[static ENGINE_MESSAGE_MAX], char **ret);

/* outputs.c: name=value lines and name<<END blocks to a JSON object of strings. -EINVAL with a message that
 * names the line. */
int outputs_parse(const char *text, size_t len, struct buf *out, char *message, size_t message_size);

#endif
