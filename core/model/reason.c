#include "model/reason.h"

#include <stddef.h>

static const char *const names[] = {
	[REASON_NONE] = "none",
	[REASON_FILTER] = "filter",
	[REASON_RATE] = "rate",
	[REASON_OVERLAP] = "overlap",
	[REASON_DISABLED] = "disabled",
	[REASON_PARAMETERS] = "parameters",
	[REASON_QUEUE_FULL] = "queue-full",
	[REASON_TOKEN] = "token",
	[REASON_SCOPE] = "scope",
	[REASON_SIGNATURE] = "signature",
	[REASON_MALFORMED] = "malformed",
	[REASON_TOO_LARGE] = "too-large",
	[REASON_PLUGIN_DOWN] = "plugin-down",
	[REASON_INVALID] = "invalid",
	[REASON_STORE] = "store",
	[REASON_DUPLICATE] = "duplicate",
	[REASON_OTHER] = "other",
};

const char *reason_name(int reason)
{
	if (reason < 0 || (size_t)reason >= sizeof(names) / sizeof(names[0]))
		return names[REASON_OTHER];
	return names[reason];
}
