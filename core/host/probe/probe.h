/* tappet plugin-check: drives one plugin through its life with a host that is made up, in hostile orders, and says which rule of the
 * ABI it breaks. Every scenario runs in a process of its own, so that a crash, an endless loop or an exit is a finding like
 * any other. Nothing of a daemon is started. Called by cli/; never by the daemon.
 *
 *   rules.c     the rules and the board on which breaches are written (shared with the parent)
 *   object.c    what the file links with; the descriptor
 *   values.c    options that are plausible, and absurd ones
 *   fake*.c     the host that is made up: virtual clock, outcomes as ordered, checks of every call
 *   scenes.c    the scenarios
 *   probe.c     the processes */
#ifndef HOST_PROBE_PROBE_H
#define HOST_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum probe_state { PROBE_NOT_APPLICABLE, PROBE_PASSED, PROBE_BROKEN };

struct probe_options {
	const char *path;
	const char *with;    /* the plugin's options as a JSON object; NULL: plausible ones */
	const char *trigger; /* those of its triggers */
};

struct probe_report; /* one state and one detail per rule */

/* 0, -EINVAL when an option is no JSON object (*ret_error says which, static), or another error of the system. */
int probe_run(const struct probe_options *options, struct probe_report **ret, const char **ret_error);
void probe_report_free(struct probe_report *r);

size_t probe_rule_count(void);
const char *probe_rule_id(size_t rule);
const char *probe_rule_text(size_t rule);
enum probe_state probe_rule_state(const struct probe_report *r, size_t rule);
const char *probe_rule_detail(const struct probe_report *r, size_t rule);

#endif
