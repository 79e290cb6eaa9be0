/* The rules for names that people choose in the files, and the guess at what a mistyped one was meant to be. Pure. Called by
 * model/ and config/. */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_LEN 64 /* ids of steps and triggers, names of parameters */
#define SLUG_MAX_LEN 100

/* [A-Za-z_][A-Za-z0-9_]*: parameters */
bool name_is_identifier(const char *name, size_t len);
/* [a-z0-9_-]+: ids of steps and triggers */
bool name_is_id(const char *name, size_t len);
/* Words of [A-Za-z0-9_-] joined by dots */
bool name_is_path(const char *name, size_t len);
/* [A-Za-z0-9_.-]+: outputs */
bool name_is_output(const char *name, size_t len);
/* Words of [A-Za-z0-9_-] joined by dots; * stands for one, > at the end for one or more. */
bool name_is_topic_filter(const char *text);
/* A token of RFC 9110, section 5.6.2: methods, names of header fields */
bool name_is_token(const char *name);
/* [a-z0-9-]+, not with a dash in front, not 24 hex digits (or it could be taken for an id) */
bool name_is_slug(const char *name);
/* [a-z][a-z0-9-]*, at most 32, as in the plugin ABI */
bool name_is_plugin(const char *name);
/* manual, workflow, replay: what stands as `trigger` of activities that no plugin started */
bool name_is_reserved(const char *name);
/* Why a variable may not be set for a step, in words that follow its name, or NULL. */
const char *name_env_problem(const char *name);

/* Offer all known words, then look at `word`: the nearest one, or NULL when none is near. */
struct nearest {
	const char *key;
	const char *word;
	size_t distance;
};
void nearest_init(struct nearest *n, const char *key);
void nearest_offer(struct nearest *n, const char *word);

#endif
