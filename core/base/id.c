#include "base/id.h"

#define TIME_MASK 0xffffffffffffu

static void format(uint64_t time, uint16_t node, uint32_t counter, char ret_id[static ID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t high = (time << 16) | node;
	for (int i = 0; i < 16; i++)
		ret_id[i] = hex[(high >> (60 - 4 * i)) & 15];
	for (int i = 0; i < 8; i++)
		ret_id[16 + i] = hex[(counter >> (28 - 4 * i)) & 15];
	ret_id[ID_LEN] = '\0';
}

static uint64_t parse_hex(const char *text, int len)
{
	uint64_t value = 0;
	for (int i = 0; i < len; i++) {
		char c = text[i];
		value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return value;
}

bool id_valid(const char *id)
{
	if (!id)
		return false;
	size_t len = strspn(id, "0123456789abcdef");
	return len == ID_LEN && id[len] == '\0';
}

void id_source_init(struct id_source *source, uint16_t node)
{
	*source = (struct id_source){.node = node};
}

void id_source_seed(struct id_source *source, const char *id)
{
	if (!id_valid(id))
		return;
	int64_t time = (int64_t)parse_hex(id, 12);

	if (time < source->last_ms)
		return;
	/* How many siblings were reserved behind the newest id is not known here: go on in the next millisecond. */
	source->last_ms = time + 1;
	source->counter = 0;
}

void id_next(struct id_source *source, int64_t now_ms, uint32_t reserve, char ret_id[static ID_SIZE])
{
	if (now_ms > source->last_ms) {
		source->last_ms = now_ms;
		source->counter = 0;
	} else if (source->counter > UINT32_MAX - 2 - reserve) {
		source->last_ms++;
		source->counter = 0;
	}
	source->counter++;
	format((uint64_t)source->last_ms & TIME_MASK, source->node, source->counter, ret_id);
	source->counter += reserve;
}

void id_sibling(const char *id, uint32_t offset, char ret_id[static ID_SIZE])
{
	format(parse_hex(id, 12), (uint16_t)parse_hex(id + 12, 4), (uint32_t)parse_hex(id + 16, 8) + offset, ret_id);
}
