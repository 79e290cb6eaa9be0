#include "base/program.h"
#include "expr/expr.h"
#include "version.h"

int expr_helper_path(char **ret)
{
	static const char *const places[] = {"tappet-jq", TAPPET_HELPERS_FROM_PROGRAM "/tappet-jq"};
	return program_find(places, sizeof(places) / sizeof(places[0]), ret);
}
