/* The rules, in the words of sdk/ABI.md, and what was found about each. */
#include <stdarg.h>
#include <stdio.h>
#include "host/probe/board.h"

static const struct {
	const char *id, *text;
} rules[RULES] = {
	[LINK_SYMBOL] = {"LINK-SYMBOL", "exports tappet_plugin_v1 and nothing else"},
	[LINK_UNDEFINED] = {"LINK-UNDEFINED", "every symbol that it needs is in a library that it names"},
	[LINK_TEXTREL] = {"LINK-TEXTREL", "has no relocations in its code"},
	[DESC_LOAD] = {"DESC-LOAD",
		       "can be loaded: sizes, versions, names and option tables of its descriptor are right"},
	[DESC_PURE] = {"DESC-PURE", "tappet_plugin_v1 says the same each time, and opens and starts nothing"},
	[DESC_OPTIONS] = {"DESC-OPTIONS",
			  "each option has a help text, a default of its type, and is replaced by one that is there"},
	[DESC_CHECK] = {"DESC-CHECK",
			"check_options and check_trigger say the same each time, and call nothing of the host"},
	[LIFE_CREATE] = {"LIFE-CREATE", "create, trigger_add and start succeed with valid options"},
	[LIFE_OPTIONS] = {"LIFE-OPTIONS", "survives absurd and huge options (it may refuse them)"},
	[LIFE_TWICE] = {"LIFE-TWICE", "two instances of it do not get in each other's way"},
	[LIFE_CRASH] = {"LIFE-CRASH", "never crashes, hangs or ends the process"},
	[LIFE_ORDER] = {"LIFE-ORDER", "survives triggers, pauses and stops in any order that is allowed"},
	[LIFE_STOP] = {"LIFE-STOP", "says `stopped` before the deadline when all callbacks have fired"},
	[LIFE_STOPPED] = {"LIFE-STOPPED", "says `stopped` once, and only when asked to stop"},
	[LIFE_LEFTOVER] = {"LIFE-LEFTOVER", "leaves no timer, watch, route, reader, endpoint or connection behind"},
	[LIFE_HANDLE] = {"LIFE-HANDLE", "uses no handle that is gone"},
	[LIFE_AFTER] = {"LIFE-AFTER", "calls nothing of the host after destroy"},
	[EMIT_VALID] = {"EMIT-VALID", "emits valid JSON, sizes and keys, with a callback"},
	[EMIT_STATE] = {"EMIT-STATE", "emits only after start, and only for triggers that are there"},
	[EMIT_BUSY] = {"EMIT-BUSY", "does not try again at once after TAPPET_EBUSY"},
	[EMIT_RETRY] = {"EMIT-RETRY", "tries again after TAPPET_EUNKNOWN with the same dedup key"},
	[THREAD_LOOP] = {"THREAD-LOOP", "calls nothing but log and post from other threads"},
	[THREAD_SLOW] = {"THREAD-SLOW", "every callback returns within 10 ms"},
	[THREAD_LEFT] = {"THREAD-LEFT", "no thread of its own goes on after destroy"},
	[MEM_KEPT] = {"MEM-KEPT", "keeps no pointer beyond the call that handed it out"},
	[MEM_TRIGGERS] = {"MEM-TRIGGERS", "memory does not grow as triggers come and go"},
	[MEM_INSTANCE] = {"MEM-INSTANCE", "destroy frees all that create has made"},
	[MEM_FDS] = {"MEM-FDS", "destroy closes every descriptor that it has opened"},
	[TIME_JUMP] = {"TIME-JUMP", "survives that the clock is set, forwards and back"},
	[TIME_STORM] = {"TIME-STORM", "timers do not fire endlessly without time going by"},
	[HTTP_ANSWER] = {"HTTP-ANSWER", "answers each request exactly once, and does not use it afterwards"},
	[HTTP_COMMIT] = {"HTTP-COMMIT", "says 2xx for what it emits only after the commit"},
	[HTTP_VALID] = {"HTTP-VALID", "answers with a valid status and valid headers"},
	[HTTP_ODD] = {"HTTP-ODD", "survives odd methods, headers, parameters and bodies"},
	[EVENTS_ODD] = {"EVENTS-ODD", "survives batches that are empty, have gaps, larger elements or unknown types"},
	[WS_ANSWER] = {"WS-ANSWER", "answers each upgrade exactly once, and does not use it afterwards"},
	[WS_VALID] = {"WS-VALID", "closes with a valid code and reason, and sends only UTF-8 as text"},
	[WS_ODD] = {"WS-ODD",
		    "survives odd messages, slow readers, and connections that are refused, break or end at any time"},
};

size_t probe_rule_count(void)
{
	return RULES;
}

const char *probe_rule_id(size_t rule)
{
	return rules[rule].id;
}

const char *probe_rule_text(size_t rule)
{
	return rules[rule].text;
}

enum probe_state probe_rule_state(const struct probe_report *r, size_t rule)
{
	return r->board->rules[rule].state;
}

const char *probe_rule_detail(const struct probe_report *r, size_t rule)
{
	return r->board->rules[rule].detail;
}

void board_broken(struct board *b, enum rule rule, const char *format, ...)
{
	va_list args;
	if (b->rules[rule].state == PROBE_BROKEN)
		return;
	va_start(args, format);
	vsnprintf(b->rules[rule].detail, sizeof(b->rules[rule].detail), format, args);
	va_end(args);
	b->rules[rule].state = PROBE_BROKEN;
}

void board_applies(struct board *b, enum rule rule)
{
	if (b->rules[rule].state == PROBE_NOT_APPLICABLE)
		b->rules[rule].state = PROBE_PASSED;
}
