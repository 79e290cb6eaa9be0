/* Made for a later major version of the ABI. */
const void *tappet_plugin_v2(void);
__attribute__((visibility("default"))) const void *tappet_plugin_v2(void)
{
	return 0;
}
