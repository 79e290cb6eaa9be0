#include "connect_path.h"
#include <stdlib.h>
#include <string.h>
#include "scan.h"

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
	for (; at < end && is_digit(*at) && index < PATH_ITEMS_MAX; at++)
		index = index * 10 + (size_t)(*at - '0');
	*ret = (struct step){.is_index = true, .index = index};
	return at > begin && at < end && *at == ']' ? at + 1 : NULL;
}

/* ["name"] */
static const char *read_quoted(const char *at, const char *end, struct step *ret)
{
	const char *begin = ++at;
	while (at < end && *at != '"')
		at += *at == '\\' ? 2 : 1;
	if (at >= end || end - at < 2 || at[1] != ']')
		return NULL;
	*ret = (struct step){.name = tappet_strn(begin, (size_t)(at - begin))};
	return at + 2;
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
	return at[1] == '"' ? read_quoted(at + 1, end, ret) : read_index(at + 1, end, ret);
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

static bool find_member(tappet_str object, tappet_str name, tappet_str *ret)
{
	struct member *members = calloc(PATH_MEMBERS_MAX, sizeof(*members));
	size_t count = 0;
	bool found = false;
	if (members && !scan_object(object, members, PATH_MEMBERS_MAX, &count))
		for (size_t i = 0; i < count && !found; i++) {
			found = members[i].key.len == name.len && memcmp(members[i].key.ptr, name.ptr, name.len) == 0;
			if (found)
				*ret = members[i].value;
		}
	free(members);
	return found;
}

static bool find_item(tappet_str list, size_t index, tappet_str *ret)
{
	tappet_str *items = calloc(PATH_ITEMS_MAX, sizeof(*items));
	size_t count = 0;
	bool found = items && !scan_list(list, items, PATH_ITEMS_MAX, &count) && index < count;
	if (found)
		*ret = items[index];
	free(items);
	return found;
}

bool path_find(tappet_str json, tappet_str path, tappet_str *ret)
{
	const char *at = path.ptr, *end = path.ptr + path.len;
	tappet_str value = json;
	struct step step;
	while (path.len > 1 && at < end) {
		at = read_step(at, end, &step);
		if (!at ||
		    !(step.is_index ? find_item(value, step.index, &value) : find_member(value, step.name, &value)))
			return false;
	}
	*ret = value;
	return true;
}
