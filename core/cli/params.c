#include "cli/params.h"

bool params_write_json(struct buf *body, const char *what, const char *text, size_t len)
{
	struct json_error error;
	if (json_check(text, len, &error) < 0) {
		cli_error("%s is not JSON: %s (byte %zu)", what, error.message, error.offset);
		return false;
	}
	jsonw_raw(body, text, len);
	return true;
}

/* NAME=TEXT or NAME:=JSON */
static bool write_param(struct buf *body, const char *param)
{
	const char *equals = strchr(param, '=');
	if (!equals || equals == param || (equals == param + 1 && param[0] == ':')) {
		cli_error("a parameter is NAME=VALUE or NAME:=JSON, not '%s'", param);
		return false;
	}
	const bool json = equals[-1] == ':';
	char *name = strndup(param, (size_t)(equals - param) - json);
	if (!name) {
		cli_error("out of memory");
		return false;
	}
	jsonw_key(body, name);
	const bool well = json ? params_write_json(body, name, equals + 1, strlen(equals + 1)) : true;
	if (!json)
		jsonw_str(body, equals + 1);
	free(name);
	return well;
}

bool params_write(const struct cli *c, struct buf *out)
{
	const char *param;
	jsonw_open(out, '{');
	for (size_t i = 0; (param = cli_value_at(c, "param", i)); i++)
		if (!write_param(out, param))
			return false;
	jsonw_close(out, '}');
	return true;
}
