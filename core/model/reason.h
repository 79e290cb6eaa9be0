/* Why a trigger was refused. The numbers are those of TAPPET_REASON_* in the plugin ABI (host/ asserts it); the list only
 * grows, since they are stored. */
#ifndef MODEL_REASON_H
#define MODEL_REASON_H

enum reason {
	REASON_NONE = 0,
	REASON_FILTER = 1,
	REASON_RATE = 2,
	REASON_OVERLAP = 3,
	REASON_DISABLED = 4,
	REASON_PARAMETERS = 5,
	REASON_QUEUE_FULL = 6,
	REASON_TOKEN = 7,
	REASON_SCOPE = 8,
	REASON_SIGNATURE = 9,
	REASON_MALFORMED = 10,
	REASON_TOO_LARGE = 11,
	REASON_PLUGIN_DOWN = 12,
	REASON_INVALID = 13,
	REASON_STORE = 14,
	REASON_DUPLICATE = 15,
	REASON_OTHER = 16,
	REASON_COUNT
};

/* "filter", "queue-full", ...; "other" for what is not known. */
const char *reason_name(int reason);

#endif
