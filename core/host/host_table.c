/* The table of functions that `create` hands to a plugin, and those of its functions that are too small for a file. */
#include "host/internal.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_FIELDS_MAX 24
#define LOG_ROOM 4096

const tappet_host host_table = {
	.struct_size = sizeof(tappet_host),
	.abi_major = TAPPET_ABI_MAJOR,
	.abi_minor = TAPPET_ABI_MINOR,
	.log = table_log,
	.config_count = table_config_count,
	.config_str = table_config_str,
	.config_int = table_config_int,
	.config_bool = table_config_bool,
	.emit = table_emit,
	.credit = table_credit,
	.account = table_account,
	.refuse = table_refuse,
	.timer_start = table_timer_start,
	.timer_stop = table_timer_stop,
	.wall_ms = table_wall_ms,
	.mono_ms = table_mono_ms,
	.fd_watch = table_fd_watch,
	.fd_unwatch = table_fd_unwatch,
	.kv_put = table_kv_put,
	.kv_get = table_kv_get,
	.metric = table_metric,
	.metric_add = table_metric_add,
	.metric_set = table_metric_set,
	.metric_observe = table_metric_observe,
	.post = table_post,
	.work = table_work,
	.health = table_health,
	.stopped = table_stopped,
	.capability = table_capability,
	.kv_list = table_kv_list,
};

/* Copies a value that is not NUL-terminated into `room`; what does not fit is cut. */
static const char *take(char **room, size_t *left, tappet_str value)
{
	if (*left == 0)
		return "";
	size_t len = value.ptr ? value.len : 0;
	if (len > *left - 1)
		len = *left - 1;
	char *text = *room;
	if (len)
		memcpy(text, value.ptr, len);
	text[len] = '\0';
	*room += len + 1;
	*left -= len + 1;
	return text;
}

/* Any thread: nothing but constants of `self` is read. */
void table_log(tappet_instance *self, int32_t level, const char *message, const tappet_field *fields,
	       size_t field_count)
{
	struct log_field out[LOG_FIELDS_MAX + 2];
	char text[LOG_ROOM], *room = text;
	size_t left = sizeof(text), n = 0;
	if (!self || !message)
		return;
	if (level < TAPPET_LOG_DEBUG || level > TAPPET_LOG_ERROR)
		level = TAPPET_LOG_ERROR;
	if (!log_enabled((enum log_level)level))
		return;
	out[n++] = log_str("plugin", self->name);
	for (size_t i = 0; fields && i < field_count && n <= LOG_FIELDS_MAX; i++)
		if (fields[i].key)
			out[n++] = log_str(fields[i].key, take(&room, &left, fields[i].value));
	out[n] = LOG_END;
	log_write((enum log_level)level, message, out);
}

int64_t table_wall_ms(tappet_instance *self)
{
	(void)self;
	return clock_wall_ms();
}

int64_t table_mono_ms(tappet_instance *self)
{
	(void)self;
	return clock_mono_ms();
}

const void *table_capability(tappet_instance *self, const char *name)
{
	return self && name ? host_capability(self->host, name) : NULL;
}
