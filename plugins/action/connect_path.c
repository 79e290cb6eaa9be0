#include "connect_path.h"
#include <string.h>
#include "scan.h"

#define INDEX_MAX 100000000

/* One step: a name, or the index of an item. */
struct step {
	tappet_str name; /* without quotes; it may have escapes, as the keys of an object have */
	bool is_index;
	size_t index;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* .name */
static const char *read_name(const char *at, const char *end, struct step *ret)
{
	const char *begin = at;
	while (at < end && (is_letter(*at) || (at > begin && is_digit(*at))))
		at++;
	*ret = (struct step){.name = tappet_strn(begin, (size_t)(at - begin))};
	return at > begin ? at : NULL;
}

/* [0] */
static const char *read_index(const char *at, const char *end, struct step *ret)
{
	size_t index = 0;
	const char *begin = at;
	for (; at < end && is_digit(*at) && index < INDEX_MAX; at++)
		index = index * 10 + (size_t)(*at - '0');
	*ret = (struct step){.is_index = true, .index = index};
	return at > begin && at < end && *at == ']' ? at + 1 : NULL;
}

/* ["name"]; within a string of JSON the quotes are escaped. */
static const char *read_quoted(const char *at, const char *end, struct step *ret)
{
	const bool escaped = *at == '\\';
	const char *begin = at += escaped ? 2 : 1;
	while (at < end && *at != '"' && !(escaped && end - at > 1 && *at == '\\' && at[1] == '"'))
		at += *at == '\\' ? 2 : 1;
	const char *behind = at + (escaped ? 2 : 1);
	if (at >= end || behind >= end || *behind != ']')
		return NULL;
	*ret = (struct step){.name = tappet_strn(begin, (size_t)(at - begin))};
	return behind + 1;
}

/* NULL: there is none that can be read. */
static const char *read_step(const char *at, const char *end, struct step *ret)
{
	if (*at == '.' && end - at > 1 && at[1] != '[')
		return read_name(at + 1, end, ret);
	if (*at == '.')
		at++;
	if (end - at < 3 || *at != '[')
		return NULL;
	const bool quoted = at[1] == '"' || (at[1] == '\\' && at[2] == '"');
	return quoted ? read_quoted(at + 1, end, ret) : read_index(at + 1, end, ret);
}

const char *path_problem(tappet_str path)
{
	const char *at = path.ptr, *end = path.ptr + path.len;
	struct step step;
	if (path.len == 0 || *at != '.')
		return "begins with a dot: .seq, .meta.seq, .items[0].id";
	if (path.len == 1)
		return NULL;
	while (at && at < end)
		at = read_step(at, end, &step);
	return at ? NULL : "is names and indexes: .seq, .meta[\"the seq\"], .items[0].id";
}

bool path_find(tappet_str json, tappet_str path, tappet_str *ret)
{
	const char *at = path.ptr, *end = path.ptr + path.len;
	tappet_str value = json;
	struct step step;
	while (path.len > 1 && at < end) {
		at = read_step(at, end, &step);
		if (!at ||
		    !(step.is_index ? scan_item(value, step.index, &value) : scan_member(value, step.name, &value)))
			return false;
	}
	*ret = value;
	return true;
}
