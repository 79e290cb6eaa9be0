/* Key-value state: of the plugin under the scope "", of a trigger under WORKFLOW/TRIGGER. It outlives triggers. */
#include <stdio.h>
#include "internal.h"

#define SCOPE_SIZE 300

struct entry {
	char *id; /* SCOPE NUL KEY; these bytes are the order of all of them */
	size_t id_len, scope_len;
	char *value;
	size_t value_len;
};

static char *id_of(const char *scope, tappet_str key, size_t *ret_len)
{
	size_t scope_len = strlen(scope);
	char *id = kit_alloc(scope_len + 1 + key.len);
	memcpy(id, scope, scope_len);
	if (key.len)
		memcpy(id + scope_len + 1, key.ptr, key.len);
	*ret_len = scope_len + 1 + key.len;
	return id;
}

static struct entry *find(const testkit *kit, const char *scope, tappet_str key)
{
	size_t len;
	char *id = id_of(scope, key, &len);
	struct entry *e = map_get(&kit->kv, id, len);
	free(id);
	return e;
}

static void entry_free(struct entry *e)
{
	free(e->id);
	free(e->value);
	free(e);
}

/* What is sorted is sorted no longer. */
static void forget_order(testkit *kit)
{
	free(kit->kv_sorted);
	kit->kv_sorted = NULL;
}

static struct entry *add(testkit *kit, const char *scope, tappet_str key)
{
	struct entry *e = kit_alloc(sizeof(*e));
	forget_order(kit);
	e->scope_len = strlen(scope);
	e->id = id_of(scope, key, &e->id_len);
	if (map_put(&kit->kv, e->id, e->id_len, e, NULL) < 0)
		misuse("out of memory");
	return e;
}

static void drop(testkit *kit, struct entry *e)
{
	forget_order(kit);
	map_remove(&kit->kv, e->id, e->id_len);
	entry_free(e);
}

void state_put(testkit *kit, const char *scope, tappet_str key, tappet_str value)
{
	struct entry *e = find(kit, scope, key);
	if (value.len == 0) {
		if (e)
			drop(kit, e);
		return;
	}
	if (!e)
		e = add(kit, scope, key);
	char *copy = kit_copy(value.ptr, value.len);
	free(e->value);
	e->value = copy;
	e->value_len = value.len;
}

bool state_get(const testkit *kit, const char *scope, tappet_str key, tappet_str *ret)
{
	const struct entry *e = find(kit, scope, key);
	if (e)
		*ret = tappet_strn(e->value, e->value_len);
	return e != NULL;
}

/* ---- In order ---- */

static int compare_ids(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare(const void *a, const void *b)
{
	const struct entry *first = *(const struct entry *const *)a, *second = *(const struct entry *const *)b;
	return compare_ids(first->id, first->id_len, second->id, second->id_len);
}

static int take(void *arg, const char *key, size_t key_len, void *value)
{
	struct entry ***next = arg;
	(void)key;
	(void)key_len;
	*(*next)++ = value;
	return 0;
}

static void sort(testkit *kit)
{
	struct entry **next;
	if (kit->kv_sorted)
		return;
	kit->kv_sorted = next = kit_alloc(kit->kv.count * sizeof(*next));
	map_each(&kit->kv, take, &next);
	qsort(kit->kv_sorted, kit->kv.count, sizeof(*kit->kv_sorted), compare);
}

/* The first that lies behind these bytes. */
static size_t behind(const testkit *kit, const char *id, size_t len)
{
	size_t low = 0, high = kit->kv.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *e = kit->kv_sorted[middle];
		if (compare_ids(e->id, e->id_len, id, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_in(const struct entry *e, const char *scope)
{
	return e->scope_len == strlen(scope) && memcmp(e->id, scope, e->scope_len) == 0;
}

tappet_checkpoint *state_list(testkit *kit, const char *scope, tappet_str after, size_t limit, size_t *ret_count)
{
	size_t count = 0, len;
	char *id = id_of(scope, after, &len);
	sort(kit);
	size_t at = behind(kit, id, len), room = kit->kv.count - at;
	free(id);
	tappet_checkpoint *list = kit_alloc((room < limit ? room : limit) * sizeof(*list));
	for (; count < limit && at < kit->kv.count && is_in(kit->kv_sorted[at], scope); at++) {
		const struct entry *e = kit->kv_sorted[at];
		list[count++] = (tappet_checkpoint){
			tappet_strn(e->id + e->scope_len + 1, e->id_len - e->scope_len - 1),
			tappet_strn(e->value, e->value_len),
		};
	}
	*ret_count = count;
	return list;
}

static int release_one(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	entry_free(value);
	return 0;
}

void state_release(testkit *kit)
{
	forget_order(kit);
	map_each(&kit->kv, release_one, NULL);
	map_release(&kit->kv);
}

/* ---- For the test ---- */

static void scope_of(const char *trigger_id, char scope[static SCOPE_SIZE])
{
	if (trigger_id)
		snprintf(scope, SCOPE_SIZE, "%s/%s", TESTKIT_WORKFLOW, trigger_id);
	else
		scope[0] = '\0';
}

tappet_str testkit_kv(const testkit *kit, const char *trigger_id, const char *key)
{
	char scope[SCOPE_SIZE];
	tappet_str value = {0};
	scope_of(trigger_id, scope);
	state_get(kit, scope, tappet_cstr(key), &value);
	return value;
}

void testkit_kv_set(testkit *kit, const char *trigger_id, const char *key, const char *value)
{
	char scope[SCOPE_SIZE];
	scope_of(trigger_id, scope);
	state_put(kit, scope, tappet_cstr(key), tappet_cstr(value));
}

static int copy_one(void *arg, const char *key, size_t key_len, void *value)
{
	const struct entry *e = value;
	(void)key_len;
	state_put(arg, key, tappet_strn(e->id + e->scope_len + 1, e->id_len - e->scope_len - 1),
		  tappet_strn(e->value, e->value_len));
	return 0;
}

void testkit_kv_copy(testkit *kit, const testkit *other)
{
	map_each(&other->kv, copy_one, kit);
}
