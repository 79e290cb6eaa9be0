/* Headers of a sender into the check of each preset: the first byte chooses it, the lines are signature, timestamp and id,
 * the rest is the body. Nobody without the secret gets in. */
#include "verify_fuzz.h"

#define COUNT 8

static const struct {
	const char *signature, *headers[3];
} presets[COUNT] = {
	{"{\"preset\":\"github\",\"secret\":\"0123456789abcdef\"}", {"x-hub-signature-256", NULL, NULL}},
	{"{\"preset\":\"stripe\",\"secret\":\"0123456789abcdef\"}", {"stripe-signature", NULL, NULL}},
	{"{\"preset\":\"slack\",\"secret\":\"0123456789abcdef\"}",
	 {"x-slack-signature", "x-slack-request-timestamp", NULL}},
	{"{\"preset\":\"standard-webhooks\",\"secret\":[\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\","
	 "\"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=\"]}",
	 {"webhook-signature", "webhook-timestamp", "webhook-id"}},
	{"{\"preset\":\"linear\",\"secret\":\"0123456789abcdef\"}", {"linear-signature", NULL, NULL}},
	{"{\"preset\":\"discord\",\"secret\":\"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025\"}",
	 {"x-signature-ed25519", "x-signature-timestamp", NULL}},
	{"{\"header\":\"X\",\"secret\":\"0123456789abcdef\",\"parse\":\"a<{signature}>;b<{timestamp}>\",\"separator\":"
	 "\";\","
	 "\"signed\":\"{timestamp}{body}\",\"encoding\":\"base64url\"}",
	 {"x", NULL, NULL}},
	{"{\"preset\":\"shopify\",\"secret\":\"0123456789abcdef\"}", {"x-shopify-hmac-sha256", NULL, NULL}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verifier *verifiers[COUNT];
	static struct fuzz_request r;
	struct verify_result result;
	if (size < 1)
		return 0;
	size_t chosen = data[0] % COUNT;
	if (!verifiers[chosen]) {
		struct verify_options options = {.signature = tappet_cstr(presets[chosen].signature),
						 .secrets_resolved = true};
		demand(verifier_new(&options, NULL, &verifiers[chosen]) == 0, "these options are right");
	}
	tappet_str rest = tappet_strn((const char *)data + 1, size - 1), lines[3];
	for (size_t i = 0; i < 3; i++)
		lines[i] = fuzz_line(&rest);
	fuzz_request_init(&r, rest);
	for (size_t i = 0; i < 3 && presets[chosen].headers[i]; i++)
		if (lines[i].ptr)
			fuzz_add_value(&r, presets[chosen].headers[i], lines[i]);
	verifier_check(verifiers[chosen], &r.request, &result);
	/* But for the documented example, which is among the seeds. */
	demand(!result.ok || chosen == 3, "nobody guesses a signature");
	demand(result.ok || (result.status >= 401 && result.detail[0]), "a refusal says why");
	return 0;
}
