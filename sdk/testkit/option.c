/* Options: checked by the code that the daemon checks them with. Their texts are gone when the callback has returned. */
#include <errno.h>
#include <unistd.h>
#include "internal.h"

struct tappet_config {
	struct handle handle;
	struct option_values *values;
};

static void release(struct handle *handle)
{
	option_values_free(((struct tappet_config *)(void *)handle)->values);
}

static void tell(testkit *kit, const struct diag *d)
{
	struct buf mistakes;
	buf_init(&mistakes, 64 * 1024);
	diag_print(d, &mistakes);
	set_error(kit, "%s", buf_cstr(&mistakes));
	buf_release(&mistakes);
}

static tappet_config *read_json(testkit *kit, bool of_trigger, const char *what, const char *text, bool ask)
{
	const struct option *table = of_trigger ? kit->trigger_options : kit->options;
	size_t count = of_trigger ? kit->desc.trigger_option_count : kit->desc.option_count;
	struct tappet_config *config = handle_new(kit, "config", sizeof(*config));
	struct json_file *file = NULL;
	struct diag d;
	char *folder = getcwd(NULL, 0);
	if (!folder)
		misuse("the working folder is gone");
	diag_init(&d);
	config->handle.release = release;
	int r = json_file_parse(what, text, strlen(text), &d, &file);
	if (r == 0)
		r = option_check(table, count, file, file->root, folder, &d, &config->values);
	if (r == 0 && ask)
		options_check(kit, of_trigger, file, config, &d);
	if (r < 0 || d.count > 0) {
		tell(kit, &d);
		config_close(config);
		config = NULL;
	}
	json_file_free(file);
	diag_release(&d);
	free(folder);
	return config;
}

tappet_config *config_open(testkit *kit, bool of_trigger, const char *what, const char *text)
{
	return read_json(kit, of_trigger, what, text ? text : "{}", true);
}

tappet_config *config_empty(testkit *kit)
{
	return read_json(kit, true, "open trigger", "{}", false);
}

void config_close(tappet_config *config)
{
	option_values_free(config->values);
	config->values = NULL;
	handle_end(&config->handle);
}

static bool readable(const tappet_config *config, const char *key)
{
	if (!config || !key)
		return false;
	if (config->values)
		return call_allowed(config->handle.kit, "config");
	rule_broken(config->handle.kit, RULE_MEM_2, "option %s", key);
	return false;
}

static int32_t error_of(int r)
{
	if (r == -ENOENT)
		return TAPPET_ENOTFOUND;
	return r < 0 ? TAPPET_EINVAL : TAPPET_OK;
}

size_t table_config_count(const tappet_config *config, const char *key)
{
	return readable(config, key) ? option_count(config->values, key) : 0;
}

int32_t table_config_str(const tappet_config *config, const char *key, size_t index, tappet_str *ret)
{
	const char *text;
	size_t len;
	if (!ret || !readable(config, key))
		return TAPPET_EINVAL;
	int r = option_get_str(config->values, key, index, &text, &len);
	if (r == 0)
		*ret = tappet_strn(text, len);
	return error_of(r);
}

int32_t table_config_int(const tappet_config *config, const char *key, size_t index, int64_t *ret)
{
	return ret && readable(config, key) ? error_of(option_get_int(config->values, key, index, ret)) : TAPPET_EINVAL;
}

int32_t table_config_bool(const tappet_config *config, const char *key, int32_t *ret)
{
	bool value;
	if (!ret || !readable(config, key))
		return TAPPET_EINVAL;
	int r = option_get_bool(config->values, key, &value);
	if (r == 0)
		*ret = value;
	return error_of(r);
}
