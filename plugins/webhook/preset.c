/* The known senders. Each row is what their documentation says; README.md names the pages. */
#include <string.h>
#include "verify_parts.h"

#define MINUTE_MS INT64_C(60000)
#define SCHEMES(...) ((const struct scheme *const[]){__VA_ARGS__, NULL})
#define HEADERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct scheme github = {
	.header = "x-hub-signature-256",
	.prefix = "sha256=",
	.signing = "{body}",
};

static const struct scheme bitbucket = {
	.header = "x-hub-signature",
	.prefix = "sha256=",
	.signing = "{body}",
};

static const struct scheme gitlab = {
	.algorithm = ALGORITHM_TOKEN,
	.header = "x-gitlab-token",
};

static const struct scheme stripe = {
	.header = "stripe-signature",
	.parse = "t={timestamp},v1={signature}",
	.separator = ',',
	.signing = "{timestamp}.{body}",
	.timestamp_unit_ms = 1000,
};

static const struct scheme slack = {
	.header = "x-slack-signature",
	.prefix = "v0=",
	.signing = "v0:{timestamp}:{body}",
	.timestamp_header = "x-slack-request-timestamp",
	.timestamp_unit_ms = 1000,
};

static const struct scheme shopify = {
	.encoding = ENCODING_BASE64,
	.header = "x-shopify-hmac-sha256",
	.signing = "{body}",
};

/* https://www.standardwebhooks.com; `v1` is an HMAC, `v1a` Ed25519. */
#define STANDARD(secret_begins, format, with, items)                                                                   \
	{                                                                                                              \
		.secret_prefix = (secret_begins), .key_format = (format), .algorithm = (with),                         \
		.encoding = ENCODING_BASE64, .header = "webhook-signature", .parse = (items), .separator = ' ',        \
		.signing = "{id}.{timestamp}.{body}", .id_header = "webhook-id",                                       \
		.timestamp_header = "webhook-timestamp", .timestamp_unit_ms = 1000,                                    \
	}

static const struct scheme standard = STANDARD(NULL, KEY_BASE64, ALGORITHM_SHA256, "v1,{signature}");
static const struct scheme standard_public = STANDARD("whpk_", KEY_ED25519, ALGORITHM_ED25519, "v1a,{signature}");
static const struct scheme standard_private = STANDARD("whsk_", KEY_ED25519, ALGORITHM_ED25519, "v1a,{signature}");
/* GitLab's signing token; what it calls secret token is compared as it is. */
static const struct scheme gitlab_signing = STANDARD("whsec_", KEY_BASE64, ALGORITHM_SHA256, "v1,{signature}");

/* Docker Hub signs nothing and sets no header. All that it gives back is its webhook's address, so the secret is in
 * there. */
static const struct scheme dockerhub = {
	.algorithm = ALGORITHM_TOKEN,
	.query = "secret",
};

static const struct scheme twilio = {
	.algorithm = ALGORITHM_SHA1,
	.encoding = ENCODING_BASE64,
	.header = "x-twilio-signature",
	.signing = "{url}{form}",
	.twilio = true,
};

static const struct scheme linear = {
	.header = "linear-signature",
	.signing = "{body}",
	.timestamp_field = "webhookTimestamp",
	.timestamp_unit_ms = 1,
};

static const struct scheme discord = {
	.key_format = KEY_ED25519,
	.algorithm = ALGORITHM_ED25519,
	.header = "x-signature-ed25519",
	.signing = "{timestamp}{body}",
	.timestamp_header = "x-signature-timestamp",
	.timestamp_unit_ms = 1000,
};

static const struct preset presets[] = {
	{
		.name = "bitbucket",
		.schemes = SCHEMES(&bitbucket),
		.headers = HEADERS("x-event-key", "x-hook-uuid", "x-request-uuid", "x-attempt-number"),
		.dedup_header = "x-request-uuid",
	},
	{
		.name = "discord",
		.schemes = SCHEMES(&discord),
		.tolerance_ms = 5 * MINUTE_MS,
		.headers = HEADERS("x-signature-timestamp"),
		.dedup_field = "id",
		.handshake = "discord",
	},
	{
		.name = "dockerhub",
		.schemes = SCHEMES(&dockerhub),
		.headers = HEADERS(NULL),
	},
	{
		.name = "github",
		.schemes = SCHEMES(&github),
		.headers = HEADERS("x-github-event", "x-github-delivery", "x-github-hook-id"),
		.other_signature = "x-hub-signature",
		.dedup_header = "x-github-delivery",
	},
	{
		.name = "gitlab",
		.schemes = SCHEMES(&gitlab_signing, &gitlab),
		.tolerance_ms = 5 * MINUTE_MS,
		.headers = HEADERS("x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", "idempotency-key"),
		.other_signature = "x-gitlab-token",
		.dedup_header = "idempotency-key",
	},
	{
		.name = "linear",
		.schemes = SCHEMES(&linear),
		.tolerance_ms = MINUTE_MS,
		.headers = HEADERS("linear-event", "linear-delivery"),
		.dedup_header = "linear-delivery",
	},
	{
		.name = "shopify",
		.schemes = SCHEMES(&shopify),
		.headers = HEADERS("x-shopify-topic", "x-shopify-shop-domain", "x-shopify-webhook-id",
				   "x-shopify-event-id", "x-shopify-api-version", "x-shopify-triggered-at"),
		.dedup_header = "x-shopify-webhook-id",
	},
	{
		.name = "slack",
		.schemes = SCHEMES(&slack),
		.tolerance_ms = 5 * MINUTE_MS,
		.headers = HEADERS("x-slack-request-timestamp", "x-slack-retry-num", "x-slack-retry-reason"),
		.dedup_field = "event_id",
		.handshake = "slack",
	},
	{
		.name = "standard-webhooks",
		.schemes = SCHEMES(&standard_public, &standard_private, &standard),
		.tolerance_ms = 5 * MINUTE_MS,
		.headers = HEADERS("webhook-id", "webhook-timestamp"),
		.dedup_header = "webhook-id",
	},
	{
		.name = "stripe",
		.schemes = SCHEMES(&stripe),
		.tolerance_ms = 5 * MINUTE_MS,
		.headers = HEADERS(NULL),
		.dedup_field = "id",
	},
	{
		.name = "twilio",
		.schemes = SCHEMES(&twilio),
		.headers = HEADERS("i-twilio-idempotency-token"),
		.dedup_header = "i-twilio-idempotency-token",
	},
};

#define PRESET_COUNT (sizeof(presets) / sizeof(presets[0]))

static const char *const names[] = {"bitbucket", "discord", "dockerhub",         "github", "gitlab", "linear",
				    "shopify",   "slack",   "standard-webhooks", "stripe", "twilio", NULL};

_Static_assert(sizeof(names) / sizeof(names[0]) == PRESET_COUNT + 1, "each preset has its name in the list");

const struct preset *preset_find(const char *name)
{
	for (size_t i = 0; i < PRESET_COUNT; i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

const char *const *preset_names(void)
{
	return names;
}
