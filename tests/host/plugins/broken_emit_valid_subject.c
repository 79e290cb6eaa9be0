/* Emits for a subject through a trigger that is not open. */
#include "broken.h"

static void fire(struct binding *b)
{
	const tappet_emission emission = {.struct_size = sizeof(emission), .subject = tappet_cstr("one")};
	b->state->host->emit(b->handle, &emission, broken_settled, b);
}

static const struct hooks hooks = {.fire = fire};
