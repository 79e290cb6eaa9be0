/* What the files of the API share: one call, and how it is answered. They are served to administrators only, below
 * /api/v1/plugins/NAME.
 *
 *   api.c           routes, answers
 *   api_document.c  a schedule as a JSON object
 *   api_make.c      POST /schedules
 *   api_one.c       GET, PUT, PATCH and DELETE of /schedules/{id}
 *   api_verbs.c     pause, resume, run, skip, backfill
 *   api_list.c      GET /schedules
 *   api_ask.c       validate, explain, next of one: what a schedule means
 *   api_calendar.c  GET /next: what comes, of all */
#ifndef SCHEDULE_API_H
#define SCHEDULE_API_H

#include "schedule.h"

#define NAME_SIZE 200

/* A call that waits for the host. Others may delete the schedule meanwhile: it is looked for again by its name. */
struct call {
	struct plugin *plugin;
	tappet_request *request;
	char name[NAME_SIZE];
};

void api_problem(const struct plugin *p, tappet_request *request, int32_t status, const char *type, const char *detail);
/* What an error of the host's, or one of ours, means. */
void api_fail(const struct plugin *p, tappet_request *request, int32_t error);
void api_mistake(const struct plugin *p, tappet_request *request, const struct spec_error *error);
/* Answers and frees it; NULL: no memory. */
void api_reply(const struct plugin *p, tappet_request *request, int32_t status, cJSON *object);
/* The body as an object, or NULL: it was answered. An empty one is {} where `optional`. */
cJSON *api_body(const struct plugin *p, tappet_request *request, bool optional);
/* The schedule of {id}, or NULL: it was answered. */
struct unit *api_unit(struct plugin *p, tappet_request *request, char name[static NAME_SIZE]);
/* A time of the query or of a body: RFC 3339, or a local one in the zone (NULL: UTC). False: it is none. */
bool api_time(const char *text, struct zone *zone, int64_t *ret_ms);
/* Of the query: false, it was answered. What is not there leaves *ret as it is. */
bool api_query_time(const struct plugin *p, tappet_request *request, const char *key, struct zone *zone,
		    int64_t *ret_ms);
bool api_query_number(const struct plugin *p, tappet_request *request, const char *key, int64_t most, int64_t *ret);
/* False: it has no such key, and that was answered. `known` ends with NULL. */
bool api_known_keys(const struct plugin *p, tappet_request *request, const cJSON *object, const char *const *known);
/* Of options, a key that is none; NULL: they are all known. "workflow" is known too. */
const char *api_unknown_option(const cJSON *options);

/* A schedule as it is. `options`: what it was made of, or NULL. NULL: no memory. */
cJSON *document_of(const struct unit *u, const cJSON *options, int64_t created_ms);
/* Name, description and labels, as they are there. NULL: no memory. */
cJSON *document_people(const struct unit *u);
bool document_add_time(cJSON *object, const char *key, int64_t ms);
const char *unit_status(const struct unit *u);

void api_list(void *arg, tappet_request *request);
void api_make(void *arg, tappet_request *request);
void api_get(void *arg, tappet_request *request);
void api_change(void *arg, tappet_request *request);
void api_delete(void *arg, tappet_request *request);
void api_verb(void *arg, tappet_request *request);
void api_validate(void *arg, tappet_request *request);
void api_explain(void *arg, tappet_request *request);
void api_next(void *arg, tappet_request *request);
void api_next_of(void *arg, tappet_request *request);
void api_calendar(void *arg, tappet_request *request);

#endif
