/* What became of an action, as JSON and in words. */
#include "action.h"

/* What lies in the emission itself is the last word; a full queue or disk is not. */
static bool is_final(int32_t reason)
{
	return reason != TAPPET_REASON_QUEUE_FULL && reason != TAPPET_REASON_STORE &&
	       reason != TAPPET_REASON_PLUGIN_DOWN;
}

static enum action_end end_of(int32_t outcome, int32_t reason)
{
	switch (outcome) {
	case TAPPET_OK:
	case TAPPET_EDUP:
	case TAPPET_ECONFLICT:
		return ACTION_DONE;
	case TAPPET_EREFUSED:
		return is_final(reason) ? ACTION_DONE : ACTION_BUSY;
	case TAPPET_EUNKNOWN:
		return ACTION_UNKNOWN;
	default:
		return ACTION_BUSY;
	}
}

enum action_end action_end(const struct action *a)
{
	enum action_end end = end_of(a->stored, TAPPET_REASON_NONE);
	for (size_t i = 0; i < a->count; i++) {
		const enum action_end one = end_of(a->targets[i].outcome, a->targets[i].reason);
		if (one > end)
			end = one;
	}
	return end;
}

static const char *reason_word(int32_t reason)
{
	static const char *const words[] = {
		[TAPPET_REASON_FILTER] = "filter",         [TAPPET_REASON_RATE] = "rate",
		[TAPPET_REASON_OVERLAP] = "overlap",       [TAPPET_REASON_DISABLED] = "disabled",
		[TAPPET_REASON_PARAMETERS] = "parameters", [TAPPET_REASON_QUEUE_FULL] = "queue-full",
		[TAPPET_REASON_TOKEN] = "token",           [TAPPET_REASON_SCOPE] = "scope",
		[TAPPET_REASON_SIGNATURE] = "signature",   [TAPPET_REASON_MALFORMED] = "malformed",
		[TAPPET_REASON_TOO_LARGE] = "too-large",   [TAPPET_REASON_PLUGIN_DOWN] = "stopping",
		[TAPPET_REASON_INVALID] = "invalid",       [TAPPET_REASON_STORE] = "store",
		[TAPPET_REASON_DUPLICATE] = "duplicate",
	};
	const size_t count = sizeof(words) / sizeof(words[0]);
	return reason > 0 && (size_t)reason < count && words[reason] ? words[reason] : "other";
}

static const char *target_reason(const struct action_target *t)
{
	if (t->outcome == TAPPET_EREFUSED)
		return reason_word(t->reason);
	if (t->outcome == TAPPET_ECONFLICT)
		return "conflict";
	return t->outcome == TAPPET_EUNKNOWN ? "outcome-unknown" : "not-stored";
}

static bool is_started(const struct action_target *t)
{
	return t->outcome == TAPPET_OK || t->outcome == TAPPET_EDUP;
}

static void write_target(const struct action_target *t, bool *first, struct text *out)
{
	text_cstr(out, *first ? "{" : ",{");
	*first = false;
	text_member(out, "workflow", tappet_cstr(t->binding->slug));
	text_member(out, "trigger", tappet_cstr(t->binding->trigger_id));
	if (t->activity_id[0])
		text_member(out, "activityId", tappet_cstr(t->activity_id));
	if (t->outcome == TAPPET_EDUP) {
		text_key(out, "duplicate");
		text_cstr(out, "true");
	}
	if (!is_started(t)) {
		text_member(out, "reason", tappet_cstr(target_reason(t)));
		if (t->detail)
			text_member(out, "detail", tappet_cstr(t->detail));
	}
	text_cstr(out, "}");
}

static void write_targets(const struct action *a, const char *key, bool started, struct text *out)
{
	bool first = true;
	text_key(out, key);
	text_cstr(out, "[");
	for (size_t i = 0; i < a->count; i++)
		if (is_started(&a->targets[i]) == started)
			write_target(&a->targets[i], &first, out);
	text_cstr(out, "]");
}

void action_write(const struct action *a, struct text *out)
{
	text_number(out, "matched", (int64_t)a->count);
	write_targets(a, "activities", true, out);
	write_targets(a, "refused", false, out);
	if (a->released > 0)
		text_number(out, "released", (int64_t)a->released);
}

const char *action_end_code(enum action_end end)
{
	return end == ACTION_UNKNOWN ? "outcome-unknown" : "busy";
}

const char *action_end_text(enum action_end end)
{
	return end == ACTION_UNKNOWN
		       ? "It is not known whether all of this was stored; send it again with the same key."
		       : "Not all of this was stored; send it again with the same key.";
}

const char *action_error_code(int32_t error)
{
	switch (error) {
	case TAPPET_EDENIED:
		return "forbidden";
	case TAPPET_EREFUSED:
		return "too-many";
	case TAPPET_EINVAL:
	case TAPPET_ETOOBIG:
		return "invalid-value";
	case TAPPET_EBUSY:
	case TAPPET_ESTATE:
		return "busy";
	default:
		return "internal";
	}
}

const char *action_error_text(int32_t error)
{
	switch (error) {
	case TAPPET_EDENIED:
		return "The token is not for this topic.";
	case TAPPET_EREFUSED:
		return "More triggers match than one action may start.";
	case TAPPET_ETOOBIG:
		return "The data are larger than what is taken.";
	case TAPPET_EINVAL:
		return "The data are not taken: no JSON, a key twice in one object, or nested too deeply.";
	case TAPPET_EBUSY:
		return "Too much is under way already; try again later.";
	case TAPPET_ESTATE:
		return "The daemon does not take anything at the moment.";
	default:
		return "Out of memory.";
	}
}
