/* Callers know this document key by key: names, order, dates and what is absent must not change. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "webhook.h"

/* All of these leave out what is not there, and fail only when memory does. */

static bool add_string(cJSON *out, const char *key, const cJSON *value)
{
	return cJSON_AddStringToObject(out, key, cJSON_IsString(value) ? value->valuestring : "") != NULL;
}

static bool add_number(cJSON *out, const char *key, const cJSON *value)
{
	return !cJSON_IsNumber(value) || cJSON_AddNumberToObject(out, key, value->valuedouble) != NULL;
}

/* RFC 3339 in UTC -> "2019-12-04T20:47:27.394+0000", always with three digits of milliseconds. */
static bool add_time(cJSON *out, const char *key, const cJSON *value)
{
	static const size_t seconds_len = sizeof("2019-12-04T20:47:27") - 1;
	if (!cJSON_IsString(value) || strlen(value->valuestring) < seconds_len)
		return true;
	char millis[] = "000";
	const char *fraction = value->valuestring + seconds_len;
	if (*fraction == '.')
		for (size_t i = 0; i < 3 && isdigit((unsigned char)fraction[i + 1]); i++)
			millis[i] = fraction[i + 1];
	char text[40];
	snprintf(text, sizeof(text), "%.*s.%s+0000", (int)seconds_len, value->valuestring, millis);
	return cJSON_AddStringToObject(out, key, text) != NULL;
}

static bool add_outputs(cJSON *out, const cJSON *outputs)
{
	cJSON *object = cJSON_AddObjectToObject(out, "outputs");
	if (!object)
		return false;
	const cJSON *item;
	cJSON_ArrayForEach(item, outputs)
	{
		if (cJSON_IsString(item)) {
			if (!add_string(object, item->string, item))
				return false;
			continue;
		}
		char *text = cJSON_PrintUnformatted(item);
		bool ok = text && cJSON_AddStringToObject(object, item->string, text);
		cJSON_free(text);
		if (!ok)
			return false;
	}
	return true;
}

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool fill_step(cJSON *out, const cJSON *activity, const cJSON *step)
{
	return add_string(out, "activityId", get(activity, "id")) &&
	       add_number(out, "duration", get(step, "durationMs")) &&
	       add_string(out, "flowTaskStatus", get(step, "status")) && add_string(out, "id", get(step, "id")) &&
	       add_number(out, "order", get(step, "order")) && add_time(out, "startTime", get(step, "startedAt")) &&
	       add_string(out, "taskId", get(step, "taskId")) && add_string(out, "taskName", get(step, "name")) &&
	       add_outputs(out, get(step, "outputs"));
}

static bool add_steps(cJSON *out, const cJSON *activity)
{
	cJSON *steps = cJSON_AddArrayToObject(out, "steps");
	const cJSON *step;
	if (!steps)
		return false;
	cJSON_ArrayForEach(step, get(activity, "steps"))
	{
		cJSON *object = cJSON_CreateObject();
		if (!object)
			return false;
		cJSON_AddItemToArray(steps, object);
		if (!fill_step(object, activity, step))
			return false;
	}
	return true;
}

static bool fill(cJSON *out, const cJSON *activity)
{
	return add_time(out, "creationDate", get(activity, "createdAt")) &&
	       add_number(out, "duration", get(activity, "durationMs")) && add_string(out, "id", get(activity, "id")) &&
	       add_string(out, "status", get(activity, "status")) &&
	       add_string(out, "workflowId", get(activity, "workflowId")) &&
	       add_string(out, "workflowRevisionid", get(activity, "revisionId")) &&
	       add_string(out, "trigger", get(activity, "trigger")) && add_steps(out, activity) &&
	       add_string(out, "teamName", get(activity, "team"));
}

char *document_reshape(tappet_str document)
{
	char *text = NULL;
	cJSON *activity = cJSON_ParseWithLength(document.ptr, document.len);
	cJSON *out = cJSON_CreateObject();
	if (cJSON_IsObject(activity) && out && fill(out, activity))
		text = cJSON_PrintUnformatted(out);
	cJSON_Delete(out);
	cJSON_Delete(activity);
	return text;
}
