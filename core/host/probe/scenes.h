/* The scenarios: each is one life of the plugin, or several, in a process of its own. */
#ifndef HOST_PROBE_SCENES_H
#define HOST_PROBE_SCENES_H

#include "host/probe/board.h"

struct json;

struct play {
	struct board *board;
	const char *path;
	const struct json *with, *trigger; /* as given; NULL: nothing was */
};

struct scene {
	const char *name;
	enum rule rule; /* that a crash breaks */
	void (*run)(const struct play *play);
};

extern const struct scene scenes[];
extern const size_t scene_count;

#endif
