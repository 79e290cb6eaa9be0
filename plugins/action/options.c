/* What may be set, of the plugin and of a trigger, and what is wrong with it. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "action.h"

const tappet_option plugin_options[PLUGIN_OPTIONS] = {
	{"message", TAPPET_SIZE, 0, "1MiB", "How large a message may be; the connection is closed beyond it.", NULL},
	{"queue", TAPPET_SIZE, 0, "256KiB", "How much may wait for one client that reads slowly.", NULL},
	{"connections", TAPPET_INTEGER, 0, "20000", "How many clients may be connected.", NULL},
	{"strangers", TAPPET_INTEGER, 0, "100", "How many of them may not have shown a token yet.", NULL},
	{"subscriptions", TAPPET_INTEGER, 0, "64", "How many subscriptions one client may have.", NULL},
	{"inFlight", TAPPET_INTEGER, 0, "256", "How many actions of one client may be under way.", NULL},
	{"matches", TAPPET_INTEGER, 0, "1000", "How many triggers one action may start.", NULL},
	{"ping", TAPPET_DURATION, 0, "30s", "After how long a quiet client is asked for a sign of life.", NULL},
	{"pingTimeout", TAPPET_DURATION, 0, "10s", "After how long it is cut when it gives none.", NULL},
	{"authTimeout", TAPPET_DURATION, 0, "5s", "How long a client has to show a token.", NULL},
	{"slow", TAPPET_DURATION, 0, "30s", "How long the queue of a client may stay full before it is cut.", NULL},
	{"origins", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Sites whose pages may connect (\"https://app.example.org\"), \"null\" for files, \"*\" for all; the daemon's "
	 "own by default.",
	 NULL},
	{"compression", TAPPET_BOOLEAN, 0, "true", "Whether permessage-deflate is agreed to.", NULL},
};

const tappet_option trigger_options[TRIGGER_OPTIONS] = {
	{"topic", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Which actions start it: \"orders.eu.created\"; '*' stands for one word, '>' at the end for the rest.", NULL},
	{"connect", TAPPET_JSON, TAPPET_SECRET, NULL,
	 "In place of `topic`: the address of a server that is connected to (wss://stream.example.org/v1); each of its "
	 "messages starts it.",
	 NULL},
	{"headers", TAPPET_OBJECT, TAPPET_SECRET, NULL,
	 "With `connect`: headers of the request, such as Authorization.", NULL},
	{"protocols", TAPPET_STRING, TAPPET_MULTI, NULL, "With `connect`: subprotocols to offer.", NULL},
	{"caFile", TAPPET_STRING, 0, NULL,
	 "With `connect`: a PEM file of who may have signed the server's certificate, in place of whom the system "
	 "trusts.",
	 NULL},
	{"proxy", TAPPET_JSON, TAPPET_SECRET, NULL, "With `connect`: a proxy, http://[user:password@]host:port.", NULL},
	{"open", TAPPET_JSON, TAPPET_SECRET, NULL,
	 "With `connect`: a message, or a list of them, to begin each connection with; $(cursor) stands for the "
	 "cursor.",
	 NULL},
	{"heartbeat", TAPPET_OBJECT, TAPPET_SECRET, NULL,
	 "With `connect`: {\"every\": \"20s\", \"send\": MESSAGE}, for servers that want a sign of life of their own "
	 "kind.",
	 NULL},
	{"reply", TAPPET_JSON, TAPPET_SECRET, NULL,
	 "With `connect`: an answer to each message once it is stored: $(message.PATH), $(activity.id), $(outcome), "
	 "$(cursor).",
	 NULL},
	{"cursor", TAPPET_STRING, 0, NULL,
	 "With `connect`: where a message says how far the server has come, as a path: .meta.seq", NULL},
	{"key", TAPPET_STRING, 0, NULL,
	 "With `connect`: where a message has what makes it unique, as a path: .id; it starts one activity only.",
	 NULL},
	{"stall", TAPPET_DURATION, 0, NULL,
	 "With `connect`: after so long without a message the connection is made anew; by default silence is no fault.",
	 NULL},
	{"pingEvery", TAPPET_DURATION, 0, "30s",
	 "With `connect`: after how long a quiet server is asked for a sign of life.", NULL},
	{"pingTimeout", TAPPET_DURATION, 0, "10s", "With `connect`: after how long it is given up when it gives none.",
	 NULL},
	{"backoff", TAPPET_OBJECT, 0, "{\"min\": \"1s\", \"max\": \"5m\"}",
	 "With `connect`: the pause before the next attempt, which doubles from min to max.", NULL},
	{"messageMax", TAPPET_SIZE, 0, "1MiB", "With `connect`: how large a message may be.", NULL},
};

/* Numbers and where they go. */
static const struct {
	const char *key, *range;
	int64_t min, max;
	size_t offset;
} numbers[] = {
	{"message", "1KiB to 16MiB", 1024, 16 << 20, offsetof(struct limits, message_max)},
	{"queue", "16KiB to 64MiB", 16 << 10, 64 << 20, offsetof(struct limits, queue_max)},
	{"connections", "1 to 1000000", 1, 1000000, offsetof(struct limits, connections)},
	{"strangers", "1 to 10000", 1, 10000, offsetof(struct limits, strangers)},
	{"subscriptions", "1 to 10000", 1, 10000, offsetof(struct limits, subscriptions)},
	{"inFlight", "1 to 1024", 1, 1024, offsetof(struct limits, in_flight)},
	{"matches", "1 to 100000", 1, 100000, offsetof(struct limits, matches)},
	{"ping", "1s to 1h", 1000, 3600000, offsetof(struct limits, ping_ms)},
	{"pingTimeout", "1s to 1h", 1000, 3600000, offsetof(struct limits, ping_timeout_ms)},
	{"authTimeout", "100ms to 1m", 100, 60000, offsetof(struct limits, auth_ms)},
	{"slow", "1s to 1h", 1000, 3600000, offsetof(struct limits, slow_ms)},
};

#define NUMBER_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static int32_t read_origins(const tappet_host *host, const tappet_config *config, struct limits *l)
{
	const size_t count = host->config_count(config, "origins");
	tappet_str origin;
	if (count == 0)
		return TAPPET_OK;
	l->origins = calloc(count + 1, sizeof(*l->origins));
	for (size_t i = 0; l->origins && i < count; i++) {
		if (host->config_str(config, "origins", i, &origin) < 0)
			return TAPPET_EINVAL;
		l->origins[i] = strndup(origin.ptr, origin.len);
		if (!l->origins[i])
			return TAPPET_ENOMEM;
	}
	return l->origins ? TAPPET_OK : TAPPET_ENOMEM;
}

int32_t limits_read(const tappet_host *host, const tappet_config *config, struct limits *ret)
{
	int32_t compression = 1;
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		int64_t value;
		if (host->config_int(config, numbers[i].key, 0, &value) < 0 || value < numbers[i].min ||
		    value > numbers[i].max)
			return TAPPET_EINVAL;
		*(int64_t *)(void *)((char *)ret + numbers[i].offset) = value;
	}
	(void)host->config_bool(config, "compression", &compression);
	ret->compression = compression != 0;
	return read_origins(host, config, ret);
}

void limits_release(struct limits *l)
{
	for (char **origin = l->origins; origin && *origin; origin++)
		free(*origin);
	free(l->origins);
	l->origins = NULL;
}

/* ---- Checking ---- */

/* scheme://host[:port] or "null" as browsers send it (RFC 6454 section 7), or "*". */
static bool is_origin(tappet_str text)
{
	char copied[256];
	if (text.len == 0 || text.len >= sizeof(copied))
		return false;
	memcpy(copied, text.ptr, text.len);
	copied[text.len] = '\0';
	const char *host = strstr(copied, "://");
	return strcmp(copied, "*") == 0 || strcmp(copied, "null") == 0 ||
	       (host && host > copied && host[3] && strlen(copied) == text.len && !strpbrk(host + 3, "/?# \t"));
}

void options_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	int64_t value;
	tappet_str origin;
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		char message[128];
		if (checker->config_int(config, numbers[i].key, 0, &value) < 0 ||
		    (value >= numbers[i].min && value <= numbers[i].max))
			continue;
		snprintf(message, sizeof(message), "expected %s", numbers[i].range);
		checker->mistake(check, numbers[i].key, 0, "", message);
	}
	for (size_t i = 0; checker->config_str(config, "origins", i, &origin) == TAPPET_OK; i++)
		if (!is_origin(origin))
			checker->mistake(check, "origins", i, "",
					 "expected scheme and host, such as https://app.example.org, or null or *");
}

/* What is said of a connection says nothing of a topic. */
static void check_topic_alone(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	static const char *const others[] = {"headers",   "protocols", "caFile", "proxy", "open",
					     "heartbeat", "reply",     "cursor", "key",   "stall"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (checker->config_count(config, others[i]) > 0)
			checker->mistake(check, others[i], 0, "", "this goes with `connect`, not with `topic`");
}

void trigger_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	const bool topics = checker->config_count(config, "topic") > 0;
	tappet_str pattern;
	if (checker->config_count(config, "connect") > 0) {
		connect_check(checker, check, config);
		if (topics)
			checker->mistake(check, "topic", 0, "", "a trigger has a topic, or it connects out");
	} else if (topics) {
		check_topic_alone(checker, check, config);
	} else {
		checker->mistake(check, NULL, 0, "", "expected `topic`, or `connect`");
	}
	for (size_t i = 0; checker->config_str(config, "topic", i, &pattern) == TAPPET_OK; i++) {
		char message[192];
		const char *problem = pattern_problem(pattern);
		if (!problem)
			continue;
		snprintf(message, sizeof(message), "a topic %s", problem);
		checker->mistake(check, "topic", i, "", message);
	}
}
