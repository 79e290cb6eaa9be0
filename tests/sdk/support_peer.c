/* The same for the client library: see its header. */
#include "unit/gateway/support_peer.c"
