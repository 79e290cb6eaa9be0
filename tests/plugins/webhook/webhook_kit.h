/* The whole plugin on the testkit: a workflow with one trigger, and a token "T" for it. The plugin's sources are part of the test,
 * which may look at its statics. */
#ifndef WEBHOOK_KIT_H
#define WEBHOOK_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tappet/testkit.h"
#include "../../../plugins/webhook/answer.c"
#include "../../../plugins/webhook/body.c"
#include "../../../plugins/webhook/caller.c"
#include "../../../plugins/webhook/document.c"
#include "../../../plugins/webhook/payload.c"
#include "../../../plugins/webhook/status.c"
#include "../../../plugins/webhook/triggers.c"
#include "../../../plugins/webhook/webhook.c"

#define ALL_SCOPES (TAPPET_SCOPE_TRIGGER | TAPPET_SCOPE_STATUS | TAPPET_SCOPE_CANCEL)
#define OTHER_WORKFLOW "000000000000000000000000"
#define ACTIVITY_ID "5de81b5fe638b70001fa9d09"
#define GOOD_BODY "{\"token\":\"T\",\"properties\":{\"k\":\"v\"}}"

static inline testkit *webhook_begin_kit(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_token(kit, "T", ALL_SCOPES, TESTKIT_WORKFLOW);
	testkit_activity(kit, ACTIVITY_ID, TESTKIT_WORKFLOW, "inProgress", "{\"id\":\"a\"}");
	testkit_begin(kit, NULL, NULL);
	return kit;
}

static inline testkit_exchange *webhook_post(testkit *kit, const char *headers, const char *body)
{
	return testkit_http(kit, "POST", "/webhook/payload", headers, tappet_cstr(body));
}

#endif
