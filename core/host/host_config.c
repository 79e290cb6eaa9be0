/* Options as plugins read them. */
#include "host/internal.h"

size_t table_config_count(const tappet_config *config, const char *key)
{
	return config && key ? option_count(config->values, key) : 0;
}

int32_t table_config_str(const tappet_config *config, const char *key, size_t index, tappet_str *ret)
{
	const char *text;
	size_t len;
	if (!config || !key || !ret)
		return TAPPET_EINVAL;
	int r = option_get_str(config->values, key, index, &text, &len);
	if (r == 0)
		*ret = tappet_strn(text, len);
	return host_error(r);
}

int32_t table_config_int(const tappet_config *config, const char *key, size_t index, int64_t *ret)
{
	return config && key && ret ? host_error(option_get_int(config->values, key, index, ret)) : TAPPET_EINVAL;
}

int32_t table_config_bool(const tappet_config *config, const char *key, int32_t *ret)
{
	bool value;
	if (!config || !key || !ret)
		return TAPPET_EINVAL;
	int r = option_get_bool(config->values, key, &value);
	if (r == 0)
		*ret = value;
	return host_error(r);
}
