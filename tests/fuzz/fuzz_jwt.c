/* Bearer tokens into the check of JSON Web Tokens, by HMAC and by a public key. Nobody without the key gets in. */
#include "verify_fuzz.h"

static const char *const auths[] = {
	"{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"0123456789abcdef0123456789abcdef\",\"issuer\":\"i\"}}",
	"{\"jwt\":{\"algorithm\":\"ES256\",\"key\":\"-----BEGIN PUBLIC KEY-----\\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\\n"
	"6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\\n-----END PUBLIC KEY-----\\n\"}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verifier *verifiers[2];
	static struct fuzz_request r;
	struct verify_result result;
	char text[8192];
	for (size_t i = 0; i < 2; i++) {
		struct verify_options options = {.auth = tappet_cstr(auths[i]), .secrets_resolved = true};
		if (!verifiers[i])
			demand(verifier_new(&options, NULL, &verifiers[i]) == 0, "these options are right");
		int len = snprintf(text, sizeof(text), "Bearer %.*s", (int)(size > 8000 ? 8000 : size),
				   (const char *)data);
		fuzz_request_init(&r, tappet_cstr("{}"));
		fuzz_add_value(&r, "authorization", tappet_strn(text, (size_t)len));
		verifier_check(verifiers[i], &r.request, &result);
		demand(!result.ok && result.detail[0], "nobody guesses a token, and a refusal says why");
	}
	return 0;
}
