/* What people are told of a trigger: how many files it knows, and the first thing that is not as it should be. */
#include "filewatch.h"
#include <stdio.h>
#include <string.h>

#define REASON_SIZE sizeof(((struct tree *)NULL)->health)

static void say_polled(const struct tree *t, char *text)
{
	const char *how = t->options.poll == POLL_NEVER ? "not watched" : "polled";
	const size_t limited = t->polled - t->no_events - t->links;
	if (t->no_events > 0 && limited == 0)
		snprintf(text, REASON_SIZE, "%zu folders are %s: their file system sends no events", t->no_events, how);
	else
		snprintf(text, REASON_SIZE,
			 "%zu of %zu folders are %s: the limit fs.inotify.max_user_watches is reached", limited,
			 t->dir_count, how);
}

static void describe(const struct tree *t, char *text)
{
	text[0] = '\0';
	if (!t->ready)
		return;
	if (t->away)
		snprintf(text, REASON_SIZE, "the file system of %.150s is not mounted: waiting for it",
			 t->options.path);
	else if (t->unmounted > 0)
		snprintf(text, REASON_SIZE, "%zu file systems below %.150s are not mounted: waiting for them",
			 t->unmounted, t->options.path);
	else if (t->missing || (t->looked && t->base->page_count == 0 && t->options.name[0]))
		snprintf(text, REASON_SIZE, "%.200s is not there: waiting for it", t->options.path);
	else if (t->retry_timer)
		snprintf(text, REASON_SIZE, "changes could not be stored: trying again");
	else if (t->overflowed)
		snprintf(text, REASON_SIZE, "events were lost: everything is looked at again");
	else if (t->unreadable > 0)
		snprintf(text, REASON_SIZE, "%zu folders cannot be read, the last one is %.150s", t->unreadable,
			 t->unreadable_path ? t->unreadable_path : "");
	else if (t->options.poll != POLL_ALWAYS && t->polled > t->links)
		say_polled(t, text);
}

void health_update(struct tree *t)
{
	const struct plugin *p = t->plugin;
	char text[REASON_SIZE];
	if (t->removed)
		return;
	p->host->metric_add(p->metric.files, (double)t->entry_count - t->files_shown);
	t->files_shown = (double)t->entry_count;
	describe(t, text);
	if (strcmp(text, t->health) == 0)
		return;
	memcpy(t->health, text, sizeof(text));
	p->host->health(p->self, t->trigger, text[0] ? TAPPET_HEALTH_DEGRADED : TAPPET_HEALTH_RUNNING, text, 0);
}
