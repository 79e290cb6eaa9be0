/* What a listener serves, as bits: routes belong to one surface, listeners name several. */
#ifndef MODEL_SURFACE_H
#define MODEL_SURFACE_H

enum surface {
	SURFACE_HOOKS = 1,
	SURFACE_ACTION = 2,
	SURFACE_API = 4,
	SURFACE_CONSOLE = 8,
	SURFACE_METRICS = 16,
	SURFACE_HEALTH = 32,
	SURFACE_ALL = 63,
};

#endif
