/* The file of adnanh/webhook (hooks.json or hooks.yaml, its version 2.8) as workflows that answer at the same URLs.
 *
 *   hooks_source.c   where a value comes from (a header, the payload, ...) as a jq program
 *   hooks_rule.c     trigger-rule as a jq program, a signature and a list of addresses
 *   hooks_step.c     the command with its arguments, environment and files as a step
 *   hooks.c          one hook as a workflow
 *   cmd_import.c     reading the file, writing the workflows
 *
 * What cannot be carried over is noted, in the words of the file. Where that is a check, the trigger is written switched
 * off: nothing is let in that was kept out before. */
#ifndef CLI_HOOKS_H
#define CLI_HOOKS_H

#include <stdbool.h>
#include "base/json.h"

#define HOOK_SECRETS_MAX 2
#define HOOK_ADDRESSES_MAX 64

/* A secret that stands in the file goes into a file of its own. */
struct hook_secret {
	const char *text;   /* as it stands there */
	char variable[128]; /* of the environment, where that was {{ getenv "NAME" }}; else "" */
};

/* One hook on its way. Buffers hold JSON or jq. */
struct hook {
	const struct json_file *file;
	const struct json *json;
	const char *id;
	struct diag *notes;
	bool lossy; /* a check was not carried over */
	/* hooks_rule.c */
	struct buf when;      /* a jq program; empty: everything */
	struct buf signature; /* the members of "signature" without the secret; empty: none */
	struct hook_secret secrets[HOOK_SECRETS_MAX];
	size_t secret_count;
	const char *addresses[HOOK_ADDRESSES_MAX];
	size_t address_count;
};

/* Notes what is not carried over; `at`: where it stands. */
void hook_note(struct hook *h, const struct json *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The jq program for an argument object ({"source": "payload", "name": "a.b"}), over the emission of a webhook; its value
 * is null where there is nothing. False, with a note, when there is no such thing here. */
bool hook_source(struct hook *h, const struct json *argument, struct buf *out);

/* Fills what belongs to the rule. */
void hook_rule(struct hook *h);

/* Writes the members "params" of the workflow, "params" of the trigger, and the list of steps. */
void hook_step(struct hook *h, struct buf *workflow_params, struct buf *trigger_params, struct buf *steps);
/* Whether the answer carries the command's output, so that it has to wait for it. */
bool hook_answers_output(const struct hook *h);

void hook_open(struct hook *h, const struct json_file *file, const struct json *json, struct diag *notes);
void hook_release(struct hook *h);
/* The name of the workflow, made of the hook's id: "Deploy_Site" gives "deploy-site". False: nothing is left of it. */
bool hook_slug(const struct hook *h, char *slug, size_t size);
/* The workflow as JSON; `prefix` is the URL's ("hooks", or ""). Secrets are named by hook_secret_name. */
void hook_workflow(struct hook *h, const char *slug, const char *prefix, struct buf *out);
/* "secrets/SLUG" or "secrets/SLUG-2". */
void hook_secret_name(const char *slug, size_t index, char *name, size_t size);

#endif
