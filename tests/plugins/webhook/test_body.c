/* What a caller sent: tokens are found and taken out whatever their spelling, and nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../../../plugins/webhook/body.c"

static enum body_error split(const char *text, struct body *ret)
{
	return body_split(tappet_cstr(text), ret);
}

static void expect_payload(const char *text, const char *payload)
{
	struct body body;
	assert_int_equal(split(text, &body), BODY_OK);
	size_t size = body_payload_size(&body);
	char *out = malloc(size);
	body_payload(&body, out);
	assert_int_equal(size, strlen(payload));
	assert_memory_equal(out, payload, size);
	free(out);
}

static void the_token_is_cut_out_wherever_it_stands(void **state)
{
	(void)state;
	expect_payload("{\"token\":\"T\"}", "{\"body\":{}}");
	expect_payload("{\"token\":\"T\",\"a\":1}", "{\"body\":{\"a\":1}}");
	expect_payload("{\"a\":1,\"token\":\"T\"}", "{\"body\":{\"a\":1}}");
	expect_payload("{\"a\":1,\"token\":\"T\",\"b\":2}", "{\"body\":{\"a\":1,\"b\":2}}");
	expect_payload(" { \"token\" : \"T\" , \"a\" : [1, {\"token\":2}] } \n",
		       "{\"body\":{ \"a\" : [1, {\"token\":2}] }}");
}

static void a_token_key_with_escapes_is_cut_out_too(void **state)
{
	(void)state;
	expect_payload("{\"tok\\u0065n\":\"T\",\"a\":1}", "{\"body\":{\"a\":1}}");
}

static void brackets_and_quotes_inside_strings_do_not_confuse(void **state)
{
	(void)state;
	expect_payload("{\"a\":\"}\\\"]\",\"token\":\"T\",\"b\":{\"c\":\"\\\\\"}}",
		       "{\"body\":{\"a\":\"}\\\"]\",\"b\":{\"c\":\"\\\\\"}}}");
}

static void numbers_stay_as_they_were_sent(void **state)
{
	(void)state;
	expect_payload("{\"n\":12345678901234567890.10}", "{\"body\":{\"n\":12345678901234567890.10}}");
}

static void an_empty_body_counts_as_an_empty_object(void **state)
{
	(void)state;
	expect_payload("", "{\"body\":{}}");
	expect_payload(" \n", "{\"body\":{}}");
}

static void properties_are_found_and_null_counts_as_none(void **state)
{
	(void)state;
	struct body body;
	assert_int_equal(split("{\"properties\":{\"k\":\"v\"},\"token\":\"T\"}", &body), BODY_OK);
	assert_int_equal(body.properties.len, strlen("{\"k\":\"v\"}"));
	assert_memory_equal(body.properties.ptr, "{\"k\":\"v\"}", body.properties.len);
	assert_int_equal(split("{\"properties\":null}", &body), BODY_OK);
	assert_null(body.properties.ptr);
}

static void wrong_shapes_are_told_apart(void **state)
{
	(void)state;
	struct body body;
	assert_int_equal(split("[]", &body), BODY_NOT_OBJECT);
	assert_int_equal(split("\"text\"", &body), BODY_NOT_OBJECT);
	assert_int_equal(split("token=T", &body), BODY_NOT_JSON);
	assert_int_equal(split("{\"properties\":[]}", &body), BODY_BAD_PROPERTIES);
	assert_int_equal(split("{\"properties\":\"{}\"}", &body), BODY_BAD_PROPERTIES);
	assert_int_equal(split("{\"token\":\"a\",\"token\":\"b\"}", &body), BODY_TWICE);
	assert_int_equal(split("{\"properties\":{},\"propert\\u0069es\":{}}", &body), BODY_TWICE);
	assert_int_equal(split("{\"properties\":null,\"properties\":{}}", &body), BODY_TWICE);
}

static void broken_texts_are_not_json(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{",       "{\"a\"}", "{\"a\":}",   "{\"a\":1", "{\"a\":1,}",  "{\"a\":1}x", "{\"a\":1}{}",
		"{\"a:1}", "{a:1}",   "{\"a\":[1}", "{,}",      "{\"a\":\"\\", "{\"a\" 1}",  "{\"a\":1 \"b\":2}"};
	struct body body;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (split(texts[i], &body) == BODY_OK)
			assert_false(body_is_json(&body));
}

static void no_prefix_of_a_body_reads_past_its_end(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,\"\\\"\"],\"t\\u006fken\":\"T\\n\",\"properties\":{\"k\":null}}";
	for (size_t len = 0; len < sizeof(text); len++) {
		char *exact = malloc(len + 1);
		memcpy(exact, text, len);
		char *end = realloc(exact, len ? len : 1); /* the sanitizer sees a read behind it */
		struct body body;
		enum body_error error = body_split(tappet_strn(end, len), &body);
		if (len > 0 && len < sizeof(text) - 1)
			assert_int_equal(error, BODY_NOT_JSON);
		free(end);
	}
}

static enum token_error find(const char *body, const char *header, const char *query, struct token *ret)
{
	return token_find(tappet_cstr(body), tappet_cstr(header), tappet_cstr(query), ret);
}

static void expect_token(const char *body, const char *header, const char *query, const char *text)
{
	struct token token;
	assert_int_equal(find(body, header, query, &token), TOKEN_OK);
	assert_int_equal(token.text.len, strlen(text));
	assert_memory_equal(token.text.ptr, text, token.text.len);
	token_release(&token);
}

static void a_token_comes_from_body_header_or_query(void **state)
{
	(void)state;
	expect_token("\"T\"", NULL, NULL, "T");
	expect_token("\"\\u0054\"", NULL, NULL, "T");
	expect_token(NULL, "Bearer T", NULL, "T");
	expect_token(NULL, "bearer   T", NULL, "T");
	expect_token(NULL, NULL, "T", "T");
	expect_token("\"T\"", "Bearer T", "T", "T");
	expect_token("null", "Basic dTpw", "T", "T");
}

static void different_tokens_conflict(void **state)
{
	(void)state;
	struct token token;
	assert_int_equal(find("\"T\"", "Bearer U", NULL, &token), TOKEN_CONFLICT);
	assert_int_equal(find("\"T\"", NULL, "U", &token), TOKEN_CONFLICT);
	assert_int_equal(find(NULL, "Bearer T", "U", &token), TOKEN_CONFLICT);
	assert_int_equal(find("\"\\u0054\"", NULL, "U", &token), TOKEN_CONFLICT);
	assert_int_equal(find("5", "Bearer T", NULL, &token), TOKEN_CONFLICT);
}

static void no_token_is_missing(void **state)
{
	(void)state;
	struct token token;
	assert_int_equal(find(NULL, NULL, NULL, &token), TOKEN_MISSING);
	assert_int_equal(find("\"\"", NULL, NULL, &token), TOKEN_MISSING);
	assert_int_equal(find("17", NULL, NULL, &token), TOKEN_MISSING);
	assert_int_equal(find("{\"a\":\"T\"}", NULL, NULL, &token), TOKEN_MISSING);
	assert_int_equal(find(NULL, "Bearer ", NULL, &token), TOKEN_MISSING);
	assert_int_equal(find(NULL, "Basic dTpw", NULL, &token), TOKEN_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_token_is_cut_out_wherever_it_stands),
		cmocka_unit_test(a_token_key_with_escapes_is_cut_out_too),
		cmocka_unit_test(brackets_and_quotes_inside_strings_do_not_confuse),
		cmocka_unit_test(numbers_stay_as_they_were_sent),
		cmocka_unit_test(an_empty_body_counts_as_an_empty_object),
		cmocka_unit_test(properties_are_found_and_null_counts_as_none),
		cmocka_unit_test(wrong_shapes_are_told_apart),
		cmocka_unit_test(broken_texts_are_not_json),
		cmocka_unit_test(no_prefix_of_a_body_reads_past_its_end),
		cmocka_unit_test(a_token_comes_from_body_header_or_query),
		cmocka_unit_test(different_tokens_conflict),
		cmocka_unit_test(no_token_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
