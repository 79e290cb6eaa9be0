#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include "cloudevents.h"
#include "decode.h"

#define BATCH_MAX 100
#define ATTRIBUTE_NAME_MAX 64

void cloud_event_release(struct cloud_event *e)
{
	text_release(&e->attributes);
	text_release(&e->data);
}

/* Lower-case letters and digits (section "Naming conventions"). */
static bool is_attribute_name(const char *name)
{
	return *name && strlen(name) <= ATTRIBUTE_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(name);
}

/* What every event must have, and the key that the specification promises to be one of a kind. */
static const char *check_required(struct cloud_event *e, const cJSON *attributes)
{
	static const char *const required[] = {"id", "source", "type"};
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(attributes, "specversion");
	const cJSON *found[3];
	if (!cJSON_IsString(version) || strcmp(version->valuestring, "1.0") != 0)
		return "The event's specversion is not 1.0.";
	for (size_t i = 0; i < 3; i++) {
		found[i] = cJSON_GetObjectItemCaseSensitive(attributes, required[i]);
		if (!cJSON_IsString(found[i]) || !found[i]->valuestring[0])
			return "The event has no id, source or type.";
	}
	if (strlen(found[2]->valuestring) < sizeof(e->type))
		snprintf(e->type, sizeof(e->type), "%s", found[2]->valuestring);
	const int len = snprintf(e->key, sizeof(e->key), "%s %s", found[1]->valuestring, found[0]->valuestring);
	return len < (int)sizeof(e->key) ? NULL : "The event's source and id are longer than 254 bytes together.";
}

static bool print(const cJSON *v, struct text *out)
{
	char *json = cJSON_PrintUnformatted(v);
	if (json)
		text_cstr(out, json);
	out->failed = out->failed || !json;
	free(json);
	return !out->failed;
}

/* ---- Structured ---- */

/* The attributes without "data" and "data_base64", which become the data. */
static const char *read_structured(struct cloud_event *e, cJSON *event)
{
	if (!cJSON_IsObject(event))
		return "The event is no JSON object.";
	cJSON *data = cJSON_DetachItemFromObjectCaseSensitive(event, "data");
	cJSON *base64 = cJSON_DetachItemFromObjectCaseSensitive(event, "data_base64");
	const cJSON *member;
	const char *problem = data && base64 ? "The event has both data and data_base64." : check_required(e, event);
	e->data_is_base64 = base64 != NULL;
	if (base64 && !cJSON_IsString(base64))
		problem = "The event's data_base64 is no text.";
	cJSON_ArrayForEach(member, event)
	{
		if (!is_attribute_name(member->string) || cJSON_IsObject(member) || cJSON_IsArray(member))
			problem = "The event has an attribute that is none.";
	}
	if (!problem && (!print(event, &e->attributes) || ((data || base64) && !print(data ? data : base64, &e->data))))
		problem = "Out of memory.";
	cJSON_Delete(data);
	cJSON_Delete(base64);
	return problem;
}

/* ---- Binary ---- */

/* Header values are percent-encoded where they are not plain ASCII (section 3.1.3.2). */
static void add_attribute(cJSON *attributes, tappet_http_header h)
{
	char name[ATTRIBUTE_NAME_MAX + 1];
	size_t n = 0;
	for (size_t i = 3; i < h.name.len && n < ATTRIBUTE_NAME_MAX; i++) {
		const char c = h.name.ptr[i];
		name[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	name[n] = '\0';
	char *value = form_decode(h.value.ptr, h.value.len, false);
	if (value && is_attribute_name(name) && !cJSON_HasObjectItem(attributes, name))
		cJSON_AddStringToObject(attributes, name, value);
	free(value);
}

static const char *read_binary(const tappet_http1 *http, tappet_request *request, struct cloud_event *e)
{
	cJSON *attributes = cJSON_CreateObject();
	e->data_in_body = true;
	const tappet_str type = http->header(request, "Content-Type");
	tappet_http_header h;
	for (size_t i = 0; attributes && http->header_at(request, i, &h) == TAPPET_OK; i++)
		if (h.name.len > 3 && strncasecmp(h.name.ptr, "ce-", 3) == 0)
			add_attribute(attributes, h);
	char *content_type = type.len ? strndup(type.ptr, type.len) : NULL;
	if (attributes && content_type)
		cJSON_AddStringToObject(attributes, "datacontenttype", content_type);
	const char *problem = attributes ? check_required(e, attributes) : "Out of memory.";
	if (!problem && !print(attributes, &e->attributes))
		problem = "Out of memory.";
	free(content_type);
	cJSON_Delete(attributes);
	return problem;
}

/* ---- All ---- */

static const char *read_list(cJSON *list, bool batch, struct cloud_event **ret, size_t *ret_count)
{
	const size_t count = batch ? (size_t)cJSON_GetArraySize(list) : 1;
	if (batch && (!cJSON_IsArray(list) || count > BATCH_MAX))
		return "The batch is no list of at most 100 events.";
	struct cloud_event *events = calloc(count ? count : 1, sizeof(*events));
	if (!events)
		return "Out of memory.";
	const char *problem = NULL;
	for (size_t i = 0; i < count && !problem; i++)
		problem = read_structured(&events[i], batch ? cJSON_GetArrayItem(list, (int)i) : list);
	*ret = events;
	*ret_count = count;
	return problem;
}

const char *cloud_read_event(tappet_str text, struct cloud_event *ret)
{
	*ret = (struct cloud_event){0};
	cJSON *tree = json_is_whole(text) ? cJSON_ParseWithLength(text.ptr, text.len) : NULL;
	const char *problem = tree ? read_structured(ret, tree) : "The event is not JSON.";
	cJSON_Delete(tree);
	return problem;
}

enum cloud_mode cloud_read(const tappet_http1 *http, tappet_request *request, struct cloud_event **ret,
			   size_t *ret_count, const char **ret_problem)
{
	const tappet_str type = http->header(request, "Content-Type"), body = http->body(request);
	const bool batch = content_type_is(type, "application/cloudevents-batch+json");
	const bool structured = content_type_is(type, "application/cloudevents+json");
	if (batch || structured) {
		cJSON *tree = json_is_whole(body) ? cJSON_ParseWithLength(body.ptr, body.len) : NULL;
		*ret_problem = tree ? read_list(tree, batch, ret, ret_count) : "The body is not JSON.";
		cJSON_Delete(tree);
		return *ret_problem ? CLOUD_MALFORMED : batch ? CLOUD_BATCH : CLOUD_STRUCTURED;
	}
	if (!http->header(request, "ce-specversion").ptr)
		return CLOUD_NONE;
	*ret = calloc(1, sizeof(**ret));
	*ret_count = *ret ? 1 : 0;
	*ret_problem = *ret ? read_binary(http, request, *ret) : "Out of memory.";
	return *ret_problem ? CLOUD_MALFORMED : CLOUD_BINARY;
}
