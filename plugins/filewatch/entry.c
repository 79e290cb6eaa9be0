/* An entry of a folder as bytes: the form of the journal in memory and in the store, and of listings.
 *
 *   type and flags (1 byte)  length of the name (1)  the name
 *   a folder: inode, child   anything else: size, mtime, ctime - mtime, inode
 *
 * Numbers are in base 128, the low seven bits first; those that may be negative are in zigzag. */
#include "filewatch.h"
#include <string.h>

#define TYPE_BITS 3
#define NUMBER_MAX 10

const char *const entry_type_names[ENTRY_TYPE_COUNT] = {"none", "file", "directory", "symlink", "other"};

static uint8_t *put_number(uint8_t *to, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		*to++ = (uint8_t)(n | 0x80);
	*to++ = (uint8_t)n;
	return to;
}

/* NULL: it does not end before `end`, or came as NULL. */
static const uint8_t *get_number(const uint8_t *from, const uint8_t *end, uint64_t *ret)
{
	uint64_t n = 0;
	for (unsigned int shift = 0; from && from < end && shift < 7 * NUMBER_MAX; shift += 7) {
		const uint8_t byte = *from++;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret = n;
			return from;
		}
	}
	return NULL;
}

static uint64_t zigzag(int64_t n)
{
	return ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t n)
{
	return (int64_t)((n >> 1) ^ (n & 1 ? UINT64_MAX : 0));
}

size_t entry_write(const struct entry *e, uint8_t to[static ENTRY_SIZE_MAX])
{
	uint8_t *at = to;
	*at++ = (uint8_t)((unsigned int)e->type | e->flags << TYPE_BITS);
	*at++ = (uint8_t)e->len;
	memcpy(at, e->name, e->len);
	at += e->len;
	if (e->type == ENTRY_DIR) {
		at = put_number(at, e->inode);
		at = put_number(at, e->child);
	} else {
		at = put_number(at, e->size);
		at = put_number(at, zigzag(e->mtime_ns));
		at = put_number(at, zigzag((int64_t)((uint64_t)e->ctime_ns - (uint64_t)e->mtime_ns)));
		at = put_number(at, e->inode);
	}
	return (size_t)(at - to);
}

static const uint8_t *read_times(const uint8_t *at, const uint8_t *end, struct entry *e)
{
	uint64_t mtime = 0, since = 0;
	at = get_number(at, end, &e->size);
	at = get_number(at, end, &mtime);
	at = get_number(at, end, &since);
	e->mtime_ns = unzigzag(mtime);
	e->ctime_ns = (int64_t)((uint64_t)e->mtime_ns + (uint64_t)unzigzag(since));
	return get_number(at, end, &e->inode);
}

size_t entry_read(const uint8_t *from, size_t len, struct entry *ret)
{
	const uint8_t *at = from + 2, *end = from + len;
	struct entry e = {0};
	if (len < 2 || (size_t)from[1] > len - 2)
		return 0;
	e.type = (enum entry_type)(from[0] & ((1u << TYPE_BITS) - 1));
	e.flags = from[0] >> TYPE_BITS;
	e.name = (const char *)at;
	e.len = from[1];
	at += e.len;
	if (e.len == 0 || e.type == ENTRY_NONE || e.type > ENTRY_UNKNOWN)
		return 0;
	if (e.type == ENTRY_DIR) {
		at = get_number(at, end, &e.inode);
		at = get_number(at, end, &e.child);
	} else {
		at = read_times(at, end, &e);
	}
	if (!at)
		return 0;
	*ret = e;
	return (size_t)(at - from);
}

size_t entry_skip(const uint8_t *from, size_t len)
{
	size_t at = 2 + (len > 1 ? from[1] : 0);
	const bool is_dir = (from[0] & ((1u << TYPE_BITS) - 1)) == ENTRY_DIR;
	for (unsigned int numbers = is_dir ? 2 : 4; numbers > 0 && at < len; at++)
		numbers -= from[at] < 0x80;
	return at;
}

int name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	const int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

uint32_t entry_differs(const struct entry *a, const struct entry *b)
{
	uint32_t differs = 0;
	if (a->type != b->type)
		differs |= DIFFERS_TYPE;
	if (a->inode != b->inode)
		differs |= DIFFERS_INODE;
	if (a->type == ENTRY_DIR && b->type == ENTRY_DIR)
		return differs;
	if (a->size != b->size)
		differs |= DIFFERS_SIZE;
	if (a->mtime_ns != b->mtime_ns)
		differs |= DIFFERS_MTIME;
	if (a->ctime_ns != b->ctime_ns)
		differs |= DIFFERS_CTIME;
	return differs;
}
