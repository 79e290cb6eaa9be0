/* One connection to one peer on a loop of its own: what each test of the client's side begins with. */
#ifndef SUPPORT_WS_SETTING_H
#define SUPPORT_WS_SETTING_H

#include "support_peer.h"
#include "support_ws_client.h"

/* The first bytes of frames that are whole messages, or control. */
#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a

struct setting {
	struct world world;
	struct peer peer;
	struct outgoing out;
	struct websocket_connect options;
	char url[128];
};

/* The peer listens; nothing is connected yet. */
void begin(struct setting *s, peer_script script);
void finish(struct setting *s);
void connect_and_wait_end(struct setting *s);
/* A peer that sends back what comes, and answers a close. */
void echo(struct peer *p, unsigned index);
/* Peers that answer nothing, no message, and nothing any more. */
void silent(struct peer *p, unsigned index);
void upgrade_and_say_nothing(struct peer *p, unsigned index);
void upgrade_and_cut(struct peer *p, unsigned index);
/* Sends a message of that length, and waits for its echo. */
void say_of_length(struct setting *s, size_t len, bool is_text);

#endif
