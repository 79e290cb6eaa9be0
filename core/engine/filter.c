#include "engine/filter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "model/reason.h"

void filter_refuse(struct filter *f, int reason, const char *format, ...)
{
	va_list args;

	f->reason = reason;
	va_start(args, format);
	(void)vsnprintf(f->detail, sizeof(f->detail), format, args);
	va_end(args);
}

void filter_release(struct filter *f)
{
	free(f->complete);
	free(f->key);
	free(f->lane);
	f->complete = f->key = f->lane = NULL;
}

/* ---- Results of programs -------------------------------------------------------------------------------------- */

static const char *problem(const struct expr_result *r)
{
	switch (r->status) {
	case -ETIMEDOUT:
		return "it took too long";
	case -ENOMEM:
		return "it needed too much memory";
	case -E2BIG:
		return "its result is too large";
	default:
		return r->message ? r->message : log_strerror(r->status);
	}
}

/* An error that is the program's own. */
static bool is_error(const struct expr_result *r)
{
	return r->status < 0 && r->status != -ENODATA;
}

static bool is_nothing(const struct expr_result *r)
{
	return r->status == -ENODATA || (r->len == 4 && memcmp(r->json, "null", 4) == 0);
}

/* An error that is nobody's fault: it says nothing of the emission. */
static int not_asked(const struct expr_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (results[i].status == -ECANCELED || results[i].status == -EIO)
			return results[i].status;
	return 0;
}

/* A key as text, or as its digest when it is longer than `max`. */
static int take_key(const struct expr_result *r, size_t max, char **ret, size_t *ret_len)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct buf text;
	int error;

	buf_init(&text, FILTER_TEXT_MAX);
	error = expr_text(r, &text);
	if (error == 0 && text.len > max) {
		digest_sha256(text.data, text.len, digest);
		digest_hex(digest, sizeof(digest), hex);
		buf_clear(&text);
		error = buf_printf(&text, "sha256:%s", hex);
	}
	if (error == 0) {
		*ret = buf_detach(&text, ret_len);
		error = *ret ? 0 : -ENOMEM;
	}
	buf_release(&text);
	return error;
}

/* ---- The lane ------------------------------------------------------------------------------------------------- */

static void keyed(void *arg, const struct expr_result *results, size_t count)
{
	struct filter *f = arg;
	int r = not_asked(results, count);

	if (r == 0 && is_error(&results[0]))
		filter_refuse(f, REASON_FILTER, "concurrency.key: %s", problem(&results[0]));
	else if (r == 0 && !is_nothing(&results[0]))
		r = take_key(&results[0], FILTER_LANE_MAX, &f->lane, &f->lane_len);
	f->done(f, r);
}

static void write_member(struct buf *out, const char *key, const char *json, size_t len)
{
	jsonw_key(out, key);
	if (json && len > 0)
		jsonw_raw(out, json, len);
	else
		jsonw_null(out);
}

static void write_context(const struct filter *f, struct buf *out)
{
	jsonw_open(out, '{');
	write_member(out, "params", f->complete, f->complete_len);
	write_member(out, "payload", f->payload, f->payload_len);
	write_member(out, "cause", f->cause, f->cause_len);
	jsonw_key(out, "trigger");
	jsonw_open(out, '{');
	jsonw_key(out, "plugin");
	jsonw_str(out, f->trigger);
	jsonw_key(out, "id");
	jsonw_str(out, f->trigger_id);
	jsonw_close(out, '}');
	jsonw_close(out, '}');
}

static int run_key(struct filter *f)
{
	const struct expr_program program = {.text = f->workflow->concurrency.key};
	struct buf context;
	int r;

	if (!f->expr)
		return -ENOSYS;
	buf_init(&context, 4 * FILTER_TEXT_MAX);
	write_context(f, &context);
	r = buf_error(&context);
	if (r == 0) {
		const struct expr_input input = {buf_cstr(&context), context.len};

		r = expr_run(f->expr, &program, 1, &input, 1, keyed, f);
	}
	buf_release(&context);
	return r == -ENOBUFS ? -E2BIG : r;
}

/* As filter_start. */
static int find_lane(struct filter *f)
{
	if (!f->workflow || f->workflow->concurrency.overlap == OVERLAP_ALLOW || f->reason)
		return 1;
	f->has_lane = true;
	return f->workflow->concurrency.key ? run_key(f) : 1;
}

/* ---- Parameters ----------------------------------------------------------------------------------------------- */

/* What is refused is recorded with the parameters as they came. */
static int complete_tree(struct filter *f, const struct json *given, struct buf *out)
{
	char why[FILTER_DETAIL_MAX];
	int r;

	if (!f->workflow || f->reason)
		return given ? json_print(given, out) : buf_str(out, "{}");
	r = workflow_params(f->workflow, given, out, why, sizeof(why));
	if (r != -EINVAL)
		return r;
	filter_refuse(f, REASON_PARAMETERS, "%s", why);
	buf_clear(out);
	return buf_str(out, "{}");
}

static int complete(struct filter *f, const char *params, size_t len)
{
	struct json *given = NULL;
	struct buf out;
	int r = 0;

	if (params && len > 0)
		r = json_parse(params, len, &given, NULL);
	if (r == 0 && given && !json_is_object(given))
		r = -EINVAL;
	buf_init(&out, FILTER_TEXT_MAX);
	if (r == 0)
		r = complete_tree(f, given, &out);
	if (r == 0)
		r = buf_error(&out);
	if (r == 0) {
		f->complete = buf_detach(&out, &f->complete_len);
		r = f->complete ? 0 : -ENOMEM;
	}
	buf_release(&out);
	json_free(given);
	return r == -ENOBUFS ? -E2BIG : r;
}

static bool is_mapped(const struct mapping *mapping, const struct expr_result *results, const char *name)
{
	for (size_t i = 0; i < mapping->count; i++)
		if (strcmp(mapping->items[i].name, name) == 0)
			return !is_nothing(&results[i]);
	return false;
}

/* Parameters that were given, with those of the mapping in their place; what maps to nothing stays as it was. */
static int merge(const struct filter *f, const struct expr_result *results, struct buf *out)
{
	const struct mapping *mapping = &f->def->params;
	struct json *given = NULL;
	int r = f->params_len > 0 ? json_parse(f->params, f->params_len, &given, NULL) : 0;

	if (r < 0)
		return r;
	jsonw_open(out, '{');
	for (const struct json *member = json_first(given); member; member = json_next(member)) {
		if (is_mapped(mapping, results, json_key(member)))
			continue;
		jsonw_key(out, json_key(member));
		(void)json_print(member, out);
	}
	for (size_t i = 0; i < mapping->count; i++) {
		if (is_nothing(&results[i]))
			continue;
		jsonw_key(out, mapping->items[i].name);
		jsonw_raw(out, results[i].json, results[i].len);
	}
	jsonw_close(out, '}');
	json_free(given);
	return buf_error(out);
}

static int map_params(struct filter *f, const struct expr_result *results)
{
	const struct mapping *mapping = &f->def->params;
	struct buf params;
	int r;

	for (size_t i = 0; i < mapping->count && !f->reason; i++)
		if (is_error(&results[i]))
			filter_refuse(f, REASON_PARAMETERS, "parameter \"%s\": %s", mapping->items[i].name,
				      problem(&results[i]));
	if (f->reason || mapping->count == 0)
		return complete(f, f->params, f->params_len);
	buf_init(&params, FILTER_TEXT_MAX);
	r = merge(f, results, &params);
	if (r == 0)
		r = complete(f, buf_cstr(&params), params.len);
	buf_release(&params);
	return r;
}

/* ---- when, dedup ---------------------------------------------------------------------------------------------- */

static void take_when(struct filter *f, const struct expr_result *r)
{
	if (is_error(r))
		filter_refuse(f, REASON_FILTER, "when: %s", problem(r));
	else if (!expr_truth(r))
		filter_refuse(f, REASON_FILTER, "when: %.200s gave %.60s", f->def->when,
			      r->status == -ENODATA ? "nothing" : r->json);
}

static int take_dedup(struct filter *f, const struct expr_result *r)
{
	if (is_error(r))
		filter_refuse(f, REASON_FILTER, "dedup: %s", problem(r));
	else if (!is_nothing(r))
		return take_key(r, FILTER_KEY_MAX, &f->key, &f->key_len);
	return 0;
}

static int take_results(struct filter *f, const struct expr_result *results)
{
	const struct expr_result *at = results;
	int r = 0;

	if (f->def->when)
		take_when(f, at++);
	if (f->def->dedup && !f->reason)
		r = take_dedup(f, at);
	at += f->def->dedup != NULL;
	return r < 0 ? r : map_params(f, at);
}

static void filtered(void *arg, const struct expr_result *results, size_t count)
{
	struct filter *f = arg;
	int r = not_asked(results, count);

	if (r == 0)
		r = take_results(f, results);
	if (r == 0)
		r = find_lane(f);
	if (r != 0)
		f->done(f, r < 0 ? r : 0);
}

static int run_programs(struct filter *f)
{
	const struct trigger_def *def = f->def;
	struct expr_input input = {"null", 4};
	struct expr_program *programs = calloc(def->params.count + 2, sizeof(*programs));
	size_t count = 0;
	int r;

	if (!programs)
		return -ENOMEM;
	if (f->payload && f->payload_len > 0)
		input = (struct expr_input){f->payload, f->payload_len};
	if (def->when)
		programs[count++].text = def->when;
	if (def->dedup)
		programs[count++].text = def->dedup;
	for (size_t i = 0; i < def->params.count; i++)
		programs[count++].text = def->params.items[i].program;
	r = expr_run(f->expr, programs, count, &input, 1, filtered, f);
	free(programs);
	return r;
}

static bool has_programs(const struct trigger_def *def)
{
	return def && (def->when || def->dedup || def->params.count > 0);
}

bool filter_asks(const struct filter *f)
{
	if (f->reason)
		return false;
	return has_programs(f->def) || (f->workflow && f->workflow->concurrency.key);
}

int filter_start(struct filter *f)
{
	int r;

	if (!f->reason && has_programs(f->def))
		return f->expr ? run_programs(f) : -ENOSYS;
	r = complete(f, f->params, f->params_len);
	return r < 0 ? r : find_lane(f);
}
