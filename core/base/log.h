/* The daemon's log: one line per call, with a level, a short constant message and key=value fields. Text for people
 * (systemd's "<N>" priority prefixes when stderr is the journal) or one JSON object a line. Thread-safe.
 *
 * The sink is process-wide state outside daemon/, against the house rule: a log that had to be passed to every
 * function would be left out where it is needed most. It is set once, before any thread starts.
 *
 * Secrets are never logged: callers pass no token, signature or body. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *key;
	enum { LOG_FIELD_END, LOG_FIELD_STR, LOG_FIELD_INT } kind;
	const char *str;
	int64_t num;
};

#define log_str(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .str = (v)})
#define log_int(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .num = (int64_t)(v)})
#define log_errno(r) log_str("error", log_strerror(r))
#define LOG_END ((struct log_field){.kind = LOG_FIELD_END})

/* The last field is always LOG_END: log_info("listening", log_str("address", a), LOG_END). */
#define log_debug(message, ...) log_write(LOG_DEBUG, message, (const struct log_field[]){__VA_ARGS__})
#define log_info(message, ...) log_write(LOG_INFO, message, (const struct log_field[]){__VA_ARGS__})
#define log_warn(message, ...) log_write(LOG_WARN, message, (const struct log_field[]){__VA_ARGS__})
#define log_error(message, ...) log_write(LOG_ERROR, message, (const struct log_field[]){__VA_ARGS__})

void log_setup(enum log_level least, bool json);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *message, const struct log_field *fields);
int log_level_parse(const char *name, enum log_level *ret);
/* The text of a negative errno; never NULL. */
const char *log_strerror(int error);

#endif
