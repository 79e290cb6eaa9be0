/* A query in the first line, a form in the rest. What is flattened is no longer than the form, does not depend on where
 * an '&' too many stands, and what is looked for in a query fits. */
#include "../../plugins/webhook/verify_parts.h"
#include "verify_fuzz.h"

static void check_form(tappet_str form)
{
	size_t len = 0, again_len = 0;
	char *flat = form_flatten(form, &len);
	char *padded = malloc(form.len + 3);
	if (flat && padded) {
		demand(len <= form.len, "nothing grows");
		snprintf(padded, 2, "&");
		if (form.len)
			memcpy(padded + 1, form.ptr, form.len);
		padded[form.len + 1] = '&';
		char *again = form_flatten(tappet_strn(padded, form.len + 2), &again_len);
		demand(again && again_len == len && memcmp(again, flat, len) == 0, "empty pairs do not count");
		free(again);
	}
	free(padded);
	free(flat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tappet_str rest = tappet_strn((const char *)data, size);
	tappet_str query = fuzz_line(&rest);
	char found[66], url[256];
	if (query_find(query, "bodySHA256", found, sizeof(found)))
		demand(memchr(found, '\0', sizeof(found)), "what is found ends");
	for (int i = 0; i < URL_SPELLINGS; i++)
		if (url_spelling(query, i, url, sizeof(url)))
			demand(strlen(url) <= query.len + 4, "a port has at most four characters");
	check_form(rest);
	return 0;
}
