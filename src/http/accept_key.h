/* The Sec-WebSocket-Accept value for a key: the server sends it, the client expects it (RFC 6455 4.2.2). */
#pragma once
#include <stdbool.h>

#define WEBSOCKET_KEY_SIZE    25 /* 16 bytes in base64, and the end */
#define WEBSOCKET_ACCEPT_SIZE 29

bool accept_key(char out[WEBSOCKET_ACCEPT_SIZE], const char *key); /* false: not a valid key */
