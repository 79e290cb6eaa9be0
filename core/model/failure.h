/* Why an attempt of a step failed, and which failures a retry is for. Pure. */
#ifndef MODEL_FAILURE_H
#define MODEL_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

enum failure_kind {
	FAILURE_NONE,
	FAILURE_EXIT,   /* code: the exit code */
	FAILURE_SIGNAL, /* code: its number */
	FAILURE_TIMEOUT,
	FAILURE_START,    /* the program could not be started, a secret or substitution is missing */
	FAILURE_STATUS,   /* code: the HTTP status that was not expected */
	FAILURE_NETWORK,  /* no connection, TLS, a broken answer */
	FAILURE_OUTPUT,   /* outputs that cannot be read, an answer that is too large, a jq program that failed */
	FAILURE_CHILD,    /* the workflow that it started did not complete, or was refused */
	FAILURE_REJECTED, /* by a person */
	FAILURE_OTHER,
};

struct failure {
	enum failure_kind kind;
	int code;
};

/* "exit", "exit:75", "exit:1-9", "signal", "timeout", "start", "status", "status:429", "status:500-599",
 * "status:5xx", "network", "output", "child" */
struct failure_filter {
	enum failure_kind kind;
	int first, last; /* of the code; both 0: any */
};

/* "429", "500-599", "5xx". -EINVAL */
int failure_codes_parse(const char *text, int *ret_first, int *ret_last);
/* -EINVAL */
int failure_filter_parse(const char *text, struct failure_filter *ret);
/* filters NULL: any failure. */
bool failure_matches(const struct failure_filter *filters, size_t count, const struct failure *f);
const char *failure_kind_name(enum failure_kind kind);

#endif
