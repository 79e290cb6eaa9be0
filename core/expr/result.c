#include "expr/expr.h"

#include <errno.h>
#include "base/json.h"

bool expr_truth(const struct expr_result *result)
{
	return result->status == 0 && strcmp(result->json, "false") != 0 && strcmp(result->json, "null") != 0;
}

int expr_text(const struct expr_result *result, struct buf *out)
{
	struct json *value;
	if (result->status < 0)
		return result->status;
	if (result->json[0] != '"')
		return buf_append(out, result->json, result->len);
	int r = json_parse(result->json, result->len, &value, NULL);
	if (r < 0)
		return r;
	r = buf_str(out, json_str(value));
	json_free(value);
	return r;
}
