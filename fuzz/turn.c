/* TURN's attributes, ChannelData, usernames and nonces. */
#include "proto/turn.h"
#include "fuzz/fuzz.h"

static void channel(const uint8_t *data, size_t len)
{
    uint16_t number;
    struct bytes inside;
    uint8_t head[TURN_CHANNEL_HEAD];
    if (!turn_channel_data(data, len, &number, &inside))
        return;
    INVARIANT(inside.len + TURN_CHANNEL_HEAD <= len &&
              (!inside.len || inside.data == data + TURN_CHANNEL_HEAD));
    turn_channel_head(head, number, inside.len);
    INVARIANT(memcmp(head, data, sizeof head) == 0);
}

static void credentials(struct bytes text)
{
    static const uint8_t secret[] = "a secret";
    static const struct address from = {.port = 7};
    struct hmac_sha1 key, user;
    struct bytes id;
    char nonce[TURN_NONCE_SIZE];
    uint64_t expiry;
    hmac_sha1_key(&key, secret, sizeof secret);
    bool known = turn_username(text, &expiry, &id);
    INVARIANT(!known || (id.data >= text.data && id.data + id.len == text.data + text.len));
    INVARIANT(turn_key(&key, text, &user) == (text.len <= TURN_USERNAME_MAX));
    turn_nonce(&key, &from, 1000, nonce);
    INVARIANT(turn_nonce_valid(&key, &from, 1000, (struct bytes){(const uint8_t *)nonce, sizeof nonce}));
    turn_nonce_valid(&key, &from, 1000, text);
}

void fuzz_turn(const uint8_t *data, size_t len)
{
    struct stun_view stun;
    struct turn_view v;
    channel(data, len);
    credentials((struct bytes){data, len});
    if (stun_parse(&stun, data, len) != STUN_OK)
        return;
    if (stun.username.data)
        credentials(stun.username);
    if (turn_parse(&v, &stun)) {
        INVARIANT(v.peer_count <= TURN_PEERS_MAX && v.unknown_count <= 4);
        INVARIANT(!v.data.data || (v.data.data > data && v.data.data + v.data.len <= data + len));
    }
}
