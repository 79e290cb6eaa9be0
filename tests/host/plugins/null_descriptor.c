/* Has the symbol, and nothing behind it. */
#include <tappet/plugin.h>

const tappet_plugin *tappet_plugin_v1(void)
{
	return NULL;
}
