/* Options of a signature into their reader. What it takes signs a request and checks it; of what it does not take
 * it says something. */
#include "verify_fuzz.h"

static void count_mistake(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	size_t *count = arg;
	demand(strcmp(key, "signature") == 0 && index == 0 && message[0], "a mistake has its place and a text");
	demand(!pointer[0] || pointer[0] == '/', "a place is a JSON Pointer");
	++*count;
}

static void sign_and_check(const struct verifier *v)
{
	static struct fuzz_request r;
	struct verify_result result;
	/* With a timestamp for Linear's sake, and for templates that look for another field there is none. */
	fuzz_request_init(&r, tappet_cstr("{\"webhookTimestamp\":1614265330000}"));
	if (verifier_secret_query(v) || verifier_sign(v, &r.request, fuzz_add, &r) < 0)
		return;
	verifier_check(v, &r.request, &result);
	/* Headers that the options name twice, or that are no names, cannot be sent. */
	demand(result.ok || result.detail[0], "a refusal says why");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = 0;
	struct verifier *v = NULL;
	struct verify_mistakes mistakes = {.mistake = count_mistake, .arg = &count};
	struct verify_options options = {.signature = tappet_strn((const char *)data, size), .secrets_resolved = true};
	int32_t r = verifier_new(&options, &mistakes, &v);
	demand((r == 0) == (count == 0), "it fails just when there is a mistake");
	if (r == 0)
		sign_and_check(v);
	verifier_free(v);
	return 0;
}
