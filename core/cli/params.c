#include "cli/params.h"
#include "cli/input.h"

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
	const bool well = json ? input_json(name, equals + 1, strlen(equals + 1), body) : true;
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
