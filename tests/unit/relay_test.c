/* The built-in TURN server: requests to one worker, and sessions whose clients use only TURN. */
#include "base/check.h"
#include "base/link.h"
#include "proto/turn.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define UNIX_START (3900000000u + 1000 - 2208988800u) /* the world's wall clock when it opens */
enum { NONE = -1, OK = 0 };

static struct world w;

/* --- a TURN client --- */

struct turn_client {
    struct path path; /* its address and the server's */
    unsigned worker;
    char username[80], nonce[16];
    size_t nonce_len;
    struct hmac_sha1 key;
    uint32_t transactions;
    uint8_t message[1500]; /* the request under construction, then the last answer or indication */
    size_t len;
    struct stun_writer writer;
    struct stun_view answer;
    unsigned answers, data_indications, channel_data;
    unsigned remainders;         /* bit n: ChannelData came whose length is n more than a multiple of 4 */
    struct world_client *behind; /* receives the datagrams from the tunnel */
    uint16_t channel;            /* 0: Send indications */
};

static struct turn_client *tunnels[4];
static size_t tunnel_count;

static void from_tunnel(struct turn_client *c, struct bytes data)
{
    if (c->behind)
        client_input(c->behind->client, data.data, data.len, w.now);
}

static void received(struct world *world, const struct path *path, const uint8_t *data, size_t len)
{
    struct turn_client *c = NULL;
    struct stun_view v;
    struct turn_view t;
    struct bytes payload;
    uint16_t number;
    for (size_t i = 0; i < tunnel_count; i++)
        if (address_equal(&tunnels[i]->path.local, &path->remote))
            c = tunnels[i];
    if (!c)
        return;
    if (data[0] >= 64) {
        CHECK(turn_channel_data(data, len, &number, &payload) && number == c->channel);
        CHECK_EQ(len, TURN_CHANNEL_HEAD + payload.len +
                          (link_kind(path->link) == LINK_TURN ? -payload.len & 3 : 0));
        for (size_t i = TURN_CHANNEL_HEAD + payload.len; i < len; i++)
            CHECK_EQ(data[i], 0); /* and not what the buffer held before: another client's bytes */
        c->channel_data++;
        c->remainders |= 1u << payload.len % 4;
        from_tunnel(c, payload);
        return;
    }
    CHECK_EQ(stun_parse(&v, data, len), STUN_OK);
    if (v.class == STUN_INDICATION) {
        CHECK(v.method == TURN_DATA && turn_parse(&t, &v) && t.peer_count == 1 && t.data.data);
        CHECK(address_equal(&t.peers[0].address, &c->path.remote));
        c->data_indications++;
        from_tunnel(c, t.data);
        return;
    }
    c->answers++;
    memcpy(c->message, data, len);
    c->len = len;
    CHECK_EQ(stun_parse(&c->answer, c->message, len), STUN_OK);
}

static void open_world(unsigned workers)
{
    world_open(&w, workers);
    w.stranger = received;
    tunnel_count = 0;
}

static void credentials(struct turn_client *c, uint64_t expiry, const char *id)
{
    snprintf(c->username, sizeof c->username, "%llu:%s", (unsigned long long)expiry, id);
    CHECK(turn_key(&w.relay.secret, (struct bytes){(uint8_t *)c->username, strlen(c->username)}, &c->key));
}

static void client_open(struct turn_client *c, const char *ip, uint16_t port, const char *id)
{
    *c = (struct turn_client){.writer.failed = false};
    CHECK(
        address_parse(&c->path.local, ip, port) &&
        address_parse(&c->path.remote, address_is_v4(&c->path.local) ? "198.51.100.1" : "2001:db8::1", 8000));
    credentials(c, UNIX_START + 3600, id);
    tunnels[0] = c;
    tunnel_count = 1;
}

static void send_raw(struct turn_client *c, const void *data, size_t len)
{
    world_datagram(&w, c->worker, &c->path, exact(data, len), len);
    world_settle(&w);
}

static struct stun_writer *begin(struct turn_client *c, enum stun_class class, uint16_t method)
{
    uint8_t txid[STUN_TXID_SIZE] = {0};
    put32(txid, ++c->transactions);
    memcpy(txid + 4, &c->path.local.port, 2);
    stun_begin(&c->writer, c->message, sizeof c->message, class, method, txid);
    return &c->writer;
}

static struct stun_writer *request(struct turn_client *c, uint16_t method)
{
    return begin(c, STUN_REQUEST, method);
}

/* OK, an error's number, or NONE: no answer. */
static int send_and_read(struct turn_client *c)
{
    unsigned before = c->answers;
    c->len = stun_end(&c->writer);
    CHECK(c->len > 0);
    send_raw(c, c->message, c->len);
    if (c->answers == before)
        return NONE;
    CHECK_EQ(c->answers, before + 1);
    if (c->answer.nonce.data) {
        c->nonce_len = c->answer.nonce.len;
        memcpy(c->nonce, c->answer.nonce.data, c->nonce_len);
    }
    CHECK((c->answer.class == STUN_SUCCESS) == (c->answer.error_code == 0));
    return c->answer.error_code;
}

static void authenticate(struct turn_client *c)
{
    stun_add(&c->writer, STUN_ATTR_USERNAME, c->username, strlen(c->username));
    stun_add(&c->writer, STUN_ATTR_REALM, TURN_REALM, strlen(TURN_REALM));
    stun_add(&c->writer, STUN_ATTR_NONCE, c->nonce, c->nonce_len);
    stun_add_integrity(&c->writer, &c->key);
}

/* Sends the request authenticated; the answer must be authenticated too. */
static int ask(struct turn_client *c)
{
    authenticate(c);
    int result = send_and_read(c);
    if (result != NONE && result != 401 && result != 438)
        CHECK(stun_check(&c->answer, &c->key));
    return result;
}

static void challenge(struct turn_client *c)
{
    stun_add_u32(request(c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    CHECK_EQ(send_and_read(c), 401);
}

static int allocate(struct turn_client *c)
{
    if (!c->nonce_len)
        challenge(c);
    stun_add_u32(request(c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    return ask(c);
}

static int refresh(struct turn_client *c, uint32_t lifetime)
{
    stun_add_u32(request(c, TURN_REFRESH), TURN_ATTR_LIFETIME, lifetime);
    return ask(c);
}

static int permit(struct turn_client *c, const struct address *peer)
{
    stun_add_xor_address(request(c, TURN_CREATE_PERMISSION), TURN_ATTR_XOR_PEER, peer);
    return ask(c);
}

static int bind(struct turn_client *c, uint16_t channel, const struct address *peer)
{
    stun_add_u32(request(c, TURN_CHANNEL_BIND), TURN_ATTR_CHANNEL, (uint32_t)channel << 16);
    stun_add_xor_address(&c->writer, TURN_ATTR_XOR_PEER, peer);
    return ask(c);
}

static bool answer_has(const struct turn_client *c, uint16_t wanted, struct bytes *value)
{
    uint16_t attribute;
    for (size_t at = 0; stun_next(&c->answer, &at, &attribute, value);)
        if (attribute == wanted)
            return true;
    return false;
}

static struct address relayed_address(const struct turn_client *c)
{
    struct bytes value;
    struct address a = {.port = 0};
    enum stun_family family;
    CHECK(answer_has(c, TURN_ATTR_XOR_RELAYED, &value) && stun_xor_address(&c->answer, value, &a, &family));
    return a;
}

static uint32_t lifetime(const struct turn_client *c)
{
    struct bytes value;
    return answer_has(c, TURN_ATTR_LIFETIME, &value) && value.len == 4 ? get32(value.data) : UINT32_MAX;
}

static void send_indication(struct turn_client *c, const struct address *peer, const void *data, size_t len)
{
    stun_add_xor_address(begin(c, STUN_INDICATION, TURN_SEND), TURN_ATTR_XOR_PEER, peer);
    stun_add(&c->writer, TURN_ATTR_DATA, data, len);
    c->len = stun_end(&c->writer);
    send_raw(c, c->message, c->len);
}

static uint64_t relayed_in(void)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < w.workers; i++)
        n += stat_get(&w.stats[i].relayed_in);
    return n;
}

/* --- strangers --- */

static void stranger_gets_a_short_challenge_and_leaves_nothing(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    for (int extra = 0; extra < 40; extra++)
        for (int print = 0; print < 2; print++)
            for (uint16_t method = 0; method < 16; method++) {
                static const uint8_t filling[160];
                c.path.local.ip[15] = (uint8_t)(method + 16 * print); /* each its own rate */
                request(&c, method);
                for (int i = 0; i < extra; i++)
                    stun_add(&c.writer, 0x8022, filling, 0);
                if (print)
                    stun_add_fingerprint(&c.writer);
                size_t sent = stun_end(&c.writer);
                int result = send_and_read(&c);
                bool known = method == TURN_ALLOCATE || method == TURN_REFRESH ||
                             method == TURN_CREATE_PERMISSION || method == TURN_CHANNEL_BIND;
                if (method != STUN_BINDING)
                    CHECK(known ? result == 401 || result == 400 : result == NONE);
                if (result == 401)
                    CHECK(c.answer.nonce.len == TURN_NONCE_SIZE &&
                          bytes_equal(c.answer.realm, TURN_REALM, 4));
                CHECK(result == NONE || c.len * 10 <= sent * 16);
            }
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    CHECK_EQ(stat_get(&w.stats[0].pool_used), 0);
    challenge(&c); /* the smallest request that a client makes: 28 bytes */
    CHECK_EQ(c.len, 44);
    world_close(&w);
}

static void strangers_are_answered_at_a_capped_rate(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    for (int i = 0; i < 1000; i++) {
        stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
        c.path.local.port++;
        send_and_read(&c);
    }
    CHECK_EQ(c.answers, STUN_ANSWERS_BURST);
    CHECK_EQ(world_drops(&w, DROP_STUN_RATE), 1000 - STUN_ANSWERS_BURST);
    world_close(&w);
}

static void strangers_of_one_ipv6_network_share_their_rate(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "2001:db8:0:1::", 5000, "a");
    for (int i = 0; i < 1000; i++) {
        stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
        put64(c.path.local.ip + 8, (uint64_t)i << 40 | (unsigned)i);
        send_and_read(&c);
    }
    CHECK_EQ(c.answers, STUN_ANSWERS_BURST);
    client_open(&c, "2001:db8:0:2::", 5000, "a"); /* another network has its own */
    challenge(&c);
    world_close(&w);
}

static void who_is_not_who_he_says_gets_nothing(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    challenge(&c);
    credentials(&c, UNIX_START - 1, "a"); /* expired */
    CHECK_EQ(allocate(&c), 401);
    credentials(&c, UNIX_START + 3600, "a");
    struct hmac_sha1 right = c.key;
    c.key.inner[0] ^= 1;
    CHECK_EQ(allocate(&c), 401);
    c.key = right;
    snprintf(c.username, sizeof c.username, "%u:b", UNIX_START + 3600); /* another's name */
    CHECK_EQ(allocate(&c), 401);
    snprintf(c.username, sizeof c.username, "no-expiry");
    CHECK_EQ(allocate(&c), 401);
    credentials(&c, UNIX_START + 3600, "a");
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add_integrity(&c.writer, &c.key); /* no username, realm, nonce */
    CHECK_EQ(send_and_read(&c), 400);
    c.nonce[0] ^= 1;
    CHECK_EQ(allocate(&c), 438);
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    CHECK_EQ(allocate(&c), OK); /* with the nonce that the 438 brought */
    world_close(&w);
}

static void every_flipped_bit_is_refused(void)
{
    struct turn_client c;
    uint8_t good[256] = {0};
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    challenge(&c);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    authenticate(&c);
    size_t len = stun_end(&c.writer);
    memcpy(good, c.message, len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        uint8_t bad[256] = {0};
        memcpy(bad, good, len);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_datagram(&w, 0, &c.path, exact(bad, len), len);
        if (bit % 50 == 0)
            w.now += MP_S(1); /* another 50 answers */
    }
    for (size_t n = 0; n < len; n++) /* and every shorter one */
        world_datagram(&w, 0, &c.path, exact(good, n), n);
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    send_raw(&c, good, len);
    CHECK_EQ(stat_get(&w.stats[0].allocations), 1);
    world_close(&w);
}

static void nonce_goes_stale(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK_EQ(allocate(&c), OK);
    for (int i = 0; i < 12; i++) {
        w.now += MP_S(500);
        int result = refresh(&c, 600);
        CHECK(result == OK || result == 438);
        if (result == 438)
            CHECK_EQ(refresh(&c, 600), OK);
    }
    /* 6000 s later the name has expired too: the allocation continues, but the name cannot make a new one. */
    CHECK_EQ(permit(&c, &c.path.remote), OK);
    c.path.local.port++;
    CHECK_EQ(allocate(&c), 438);
    CHECK_EQ(allocate(&c), 401);
    world_close(&w);
}

/* --- allocations --- */

static void allocation_has_an_address_of_ours_with_a_port_of_its_own(void)
{
    struct turn_client c[3];
    struct address seen[3];
    open_world(2);
    for (int i = 0; i < 3; i++) {
        client_open(&c[i], "203.0.113.1", (uint16_t)(5000 + i), "a");
        c[i].worker = (unsigned)i % 2;
        CHECK_EQ(allocate(&c[i]), OK);
        seen[i] = relayed_address(&c[i]);
        struct address ours = seen[i];
        ours.port = 8000;
        CHECK(address_equal(&ours, &w.relay.addresses[0]) && seen[i].port >= 1024 && seen[i].port != 8000);
        CHECK(address_equal(&c[i].answer.mapped, &c[i].path.local));
        CHECK_EQ(lifetime(&c[i]), 600);
        for (int k = 0; k < i; k++)
            CHECK(seen[k].port != seen[i].port);
    }
    CHECK_EQ(stat_get(&w.stats[0].allocations), 2);
    CHECK_EQ(stat_get(&w.stats[1].allocations), 1);
    world_close(&w);
}

static void request_sent_again_is_answered_alike(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK_EQ(allocate(&c), OK);
    struct address first = relayed_address(&c), again;
    c.transactions--;
    CHECK_EQ(allocate(&c), OK);
    again = relayed_address(&c);
    CHECK(address_equal(&first, &again));
    CHECK_EQ(allocate(&c), 437); /* a new request on the same 5-tuple */
    CHECK_EQ(stat_get(&w.stats[0].allocations), 1);
    world_close(&w);
}

static void allocation_is_refreshed_ended_and_expires(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK_EQ(allocate(&c), OK);
    CHECK(refresh(&c, 100000) == OK && lifetime(&c) == 3600);
    CHECK(refresh(&c, 1) == OK && lifetime(&c) == 600);
    world_run(&w, MP_S(599));
    CHECK_EQ(stat_get(&w.stats[0].allocations), 1);
    world_run(&w, MP_S(2));
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    CHECK_EQ(refresh(&c, 600), 437);
    CHECK_EQ(allocate(&c), OK);
    CHECK(refresh(&c, 0) == OK && lifetime(&c) == 0);
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    CHECK(permit(&c, &c.path.remote) == 437 && bind(&c, 0x4000, &c.path.remote) == 437);
    world_close(&w);
}

static void what_cannot_be_is_refused_by_its_number(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    challenge(&c);
    request(&c, TURN_ALLOCATE);
    CHECK_EQ(ask(&c), 400); /* no transport */
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, 6u << 24);
    CHECK_EQ(ask(&c), 442); /* TCP */
    static const struct {
        uint16_t attribute, len;
        const char *value;
        int result;
    } table[] = {
        {TURN_ATTR_EVEN_PORT, 1, "\x80", 508},     {TURN_ATTR_RESERVATION, 8, "12345678", 508},
        {TURN_ATTR_FAMILY, 4, "\x03\0\0\0", 440},  {TURN_ATTR_ADDITIONAL_FAMILY, 4, "\x01\0\0\0", 400},
        {TURN_ATTR_RESERVATION, 4, "1234", 400},   {0x7ffe, 0, "", 420},
        {TURN_ATTR_TRANSPORT, 3, "\x11\0\0", 400}, {TURN_ATTR_LIFETIME, 2, "\1\2", 400},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
        stun_add(&c.writer, table[i].attribute, table[i].value, table[i].len);
        CHECK_EQ(ask(&c), table[i].result);
        struct bytes value;
        if (table[i].result == 420)
            CHECK(answer_has(&c, STUN_ATTR_UNKNOWN, &value) && value.len == 2 && get16(value.data) == 0x7ffe);
    }
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add(&c.writer, TURN_ATTR_EVEN_PORT, "\0", 1);
    stun_add(&c.writer, TURN_ATTR_DONT_FRAGMENT, NULL, 0);
    CHECK_EQ(ask(&c), OK);
    CHECK_EQ(relayed_address(&c).port % 2, 0);
    credentials(&c, UNIX_START + 3600, "b");
    CHECK_EQ(refresh(&c, 600), 441); /* authentic, but not the allocation's owner */
    world_close(&w);
}

static void families_are_relayed_as_asked(void)
{
    struct turn_client c;
    struct bytes value;
    open_world(1);
    client_open(&c, "2001:db8:1::1", 5000, "a");
    CHECK_EQ(allocate(&c), OK);
    struct address a = relayed_address(&c);
    CHECK(address_is_v4(&a));
    CHECK_EQ(permit(&c, &w.relay.addresses[1]), 443);
    CHECK_EQ(permit(&c, &w.relay.addresses[0]), OK);
    stun_add(request(&c, TURN_REFRESH), TURN_ATTR_FAMILY, "\x02\0\0\0", 4);
    CHECK_EQ(ask(&c), 443);
    CHECK_EQ(refresh(&c, 0), OK);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add(&c.writer, TURN_ATTR_FAMILY, "\x02\0\0\0", 4);
    CHECK_EQ(ask(&c), OK);
    a = relayed_address(&c);
    CHECK(!address_is_v4(&a));
    CHECK(permit(&c, &w.relay.addresses[0]) == 443 && permit(&c, &w.relay.addresses[1]) == OK);
    CHECK_EQ(refresh(&c, 0), OK);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add(&c.writer, TURN_ATTR_ADDITIONAL_FAMILY, "\x02\0\0\0", 4);
    CHECK_EQ(ask(&c), OK);
    CHECK(permit(&c, &w.relay.addresses[0]) == OK && permit(&c, &w.relay.addresses[1]) == OK);
    CHECK_EQ(refresh(&c, 0), OK);
    w.relay.address_count = 1; /* a server without IPv6 */
    c.path.remote = w.relay.addresses[0];
    c.path.local.port++;
    challenge(&c);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add(&c.writer, TURN_ATTR_FAMILY, "\x02\0\0\0", 4);
    CHECK_EQ(ask(&c), 440);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add(&c.writer, TURN_ATTR_ADDITIONAL_FAMILY, "\x02\0\0\0", 4);
    CHECK_EQ(ask(&c), OK);
    CHECK(answer_has(&c, TURN_ATTR_ADDRESS_ERROR, &value) && bytes_equal(value, "\x02\0\x04\x28", 4));
    world_close(&w);
}

/* --- peers --- */

/* The special-purpose tables of IANA, a few public addresses, and ours in other notations. */
static const char *const foreign[] = {
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.2",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "8.8.8.8",
    "1.1.1.1",
    "::",
    "::1",
    "64:ff9b::c633:6401",
    "64:ff9b:1::c633:6401",
    "100::1",
    "2001::1",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:db8::2",
    "2002:c633:6401::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "ff02::1",
    "::198.51.100.1",
    "2606:4700:4700::1111",
};

static void add_hidden_v4(struct turn_client *c, const struct address *a)
{
    uint8_t value[20] = {0, STUN_FAMILY_V6};
    const uint8_t *mask = c->message + 4;
    put16(value + 2, a->port ^ get16(mask));
    for (int i = 0; i < 16; i++)
        value[4 + i] = a->ip[i] ^ mask[i];
    stun_add(&c->writer, TURN_ATTR_XOR_PEER, value, sizeof value);
}

static void nobody_but_this_server_is_a_peer(void)
{
    struct turn_client c;
    struct address a;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    challenge(&c);
    stun_add_u32(request(&c, TURN_ALLOCATE), TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    stun_add(&c.writer, TURN_ATTR_ADDITIONAL_FAMILY, "\x02\0\0\0",
             4); /* both families, so that neither is refused for itself */
    CHECK_EQ(ask(&c), OK);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        CHECK(address_parse(&a, foreign[i], 8000));
        if (permit(&c, &a) != 403 || bind(&c, 0x4000, &a) != 403) {
            printf("# %s\n", foreign[i]);
            CHECK(false);
        }
        send_indication(&c, &a, "data", 4);
        request(&c, TURN_CREATE_PERMISSION); /* the same as IPv4 in IPv6, in both directions */
        add_hidden_v4(&c, &a);
        CHECK_EQ(ask(&c), 403);
    }
    struct address own = w.relay.addresses[0];
    for (int port = 1; port < 65536; port += 127) { /* our own address, but not our port */
        own.port = (uint16_t)port;
        CHECK(permit(&c, &own) == 403 && bind(&c, 0x4000, &own) == 403);
        send_indication(&c, &own, "data", 4);
    }
    own.port = 8000;
    request(&c, TURN_CREATE_PERMISSION);
    add_hidden_v4(&c, &own);
    CHECK_EQ(ask(&c), 403);
    stun_add_xor_address(request(&c, TURN_CREATE_PERMISSION), TURN_ATTR_XOR_PEER, &own);
    stun_add_xor_address(&c.writer, TURN_ATTR_XOR_PEER, &a);
    CHECK_EQ(ask(&c), 403); /* one of two: neither is permitted */
    send_indication(&c, &own, "data", 4);
    CHECK_EQ(relayed_in(), 0);
    CHECK_EQ(permit(&c, &own), OK);
    send_indication(&c, &own, "data", 4);
    CHECK_EQ(relayed_in(), 1);
    CHECK_EQ(permit(&c, &w.relay.addresses[1]), OK);
    world_close(&w);
}

static void announced_addresses_are_all_there_is(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK(address_parse(&c.path.remote, "192.0.2.77",
                        8000)); /* the address that the client reached, not a configured one */
    CHECK_EQ(allocate(&c), OK);
    struct address a = relayed_address(&c);
    a.port = 8000;
    CHECK(address_equal(&a, &c.path.remote));
    CHECK_EQ(permit(&c, &c.path.remote), OK);
    CHECK_EQ(refresh(&c, 0), OK);
    w.relay.announced = true;
    CHECK_EQ(allocate(&c), OK);
    a = relayed_address(&c);
    a.port = 8000;
    CHECK(address_equal(&a, &w.relay.addresses[0]));
    CHECK(permit(&c, &c.path.remote) == 403 && permit(&c, &a) == OK);
    world_close(&w);
}

static void channels_are_bound_to_one_peer_each(void)
{
    struct turn_client c;
    struct address other;
    uint8_t data[16] = {0};
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK(address_parse(&other, "198.51.100.9", 8000));
    w.relay.addresses[1] = other;
    CHECK_EQ(allocate(&c), OK);
    CHECK_EQ(bind(&c, 0x3fff, &c.path.remote), 400);
    CHECK_EQ(bind(&c, 0x5000, &c.path.remote), 400);
    stun_add_u32(request(&c, TURN_CHANNEL_BIND), TURN_ATTR_CHANNEL, 0x40000000);
    CHECK_EQ(ask(&c), 400); /* no peer */
    request(&c, TURN_CREATE_PERMISSION);
    CHECK_EQ(ask(&c), 400);
    CHECK_EQ(bind(&c, 0x4000, &c.path.remote), OK);
    CHECK_EQ(bind(&c, 0x4000, &c.path.remote), OK);
    CHECK_EQ(bind(&c, 0x4000, &other), 400);
    CHECK_EQ(bind(&c, 0x4001, &c.path.remote), 400);
    CHECK_EQ(bind(&c, 0x4fff, &other), OK);
    turn_channel_head(data, 0x4000, 4);
    send_raw(&c, data, 8);
    turn_channel_head(data, 0x4001, 4); /* not bound */
    send_raw(&c, data, 8);
    turn_channel_head(data, 0x4000, 0); /* nothing in it */
    send_raw(&c, data, 4);
    CHECK_EQ(relayed_in(), 1);
    for (size_t len = 0; len < 8; len++) { /* said to be longer than it is */
        turn_channel_head(data, 0x4000, 5);
        world_datagram(&w, 0, &c.path, exact(data, len), len);
    }
    CHECK_EQ(relayed_in(), 1);
    world_close(&w);
}

static void permissions_and_channels_expire(void)
{
    struct turn_client c;
    uint8_t data[8] = {0};
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK_EQ(allocate(&c), OK);
    CHECK_EQ(refresh(&c, 3600), OK);
    turn_channel_head(data, 0x4000, 4);
    CHECK_EQ(bind(&c, 0x4000, &c.path.remote), OK); /* permits for 5 minutes, binds for 10 */
    world_run(&w, MP_S(299));
    send_raw(&c, data, 8);
    CHECK_EQ(relayed_in(), 1);
    world_run(&w, MP_S(2));
    send_raw(&c, data, 8);
    send_indication(&c, &c.path.remote, "data", 4);
    CHECK_EQ(relayed_in(), 1);
    CHECK_EQ(permit(&c, &c.path.remote), OK);
    send_raw(&c, data, 8);
    CHECK_EQ(relayed_in(), 2);
    world_run(&w, MP_S(298));
    CHECK_EQ(permit(&c, &c.path.remote), OK);
    world_run(&w, MP_S(2));
    send_raw(&c, data, 8); /* no channel any more */
    CHECK_EQ(relayed_in(), 2);
    CHECK_EQ(bind(&c, 0x4001, &c.path.remote), OK);
    world_close(&w);
}

static void quotas_hold(void)
{
    struct turn_client c;
    open_world(1); /* 64 sessions: 64 allocations in all */
    client_open(&c, "203.0.113.1", 5000, "greedy");
    for (int i = 0; i < 10000; i++) {
        c.path.local.ip[14] = (uint8_t)(i >> 8);
        c.path.local.ip[15] = (uint8_t)i;
        credentials(&c, UNIX_START + 60 + (unsigned)i, "greedy"); /* however many names the same user has */
        challenge(&c);
        CHECK_EQ(allocate(&c), i < RELAY_USER_ALLOCATIONS_MAX ? OK : 486);
    }
    for (int i = RELAY_USER_ALLOCATIONS_MAX; i < 80; i++) {
        char id[16];
        snprintf(id, sizeof id, "user%d", i);
        c.path.local.ip[14] = 200;
        c.path.local.ip[15] = (uint8_t)i;
        credentials(&c, UNIX_START + 3600, id);
        challenge(&c);
        CHECK_EQ(allocate(&c), i < 64 ? OK : 508);
    }
    CHECK_EQ(stat_get(&w.stats[0].allocations), 64);
    world_run(&w, MP_S(601));
    CHECK_EQ(stat_get(&w.stats[0].allocations), 0);
    w.now += MP_S(3600);
    for (int i = 0; i < 64; i++) { /* an ended allocation makes room */
        char id[16];
        snprintf(id, sizeof id, "late%d", i);
        c.path.local.ip[15] = (uint8_t)i;
        credentials(&c, UNIX_START + 90000, id);
        challenge(&c);
        CHECK_EQ(allocate(&c), OK);
    }
    world_close(&w);
}

/* However many addresses and users the holder of a /64 makes. */
static int allocate_as(struct turn_client *c, const char *network, unsigned n)
{
    char id[16];
    snprintf(id, sizeof id, "user%u", n);
    client_open(c, network, 5000, id);
    put64(c->path.local.ip + 8, (uint64_t)n << 32 | n);
    w.now += MP_MS(25); /* answers to unauthenticated requests have another limit */
    challenge(c);
    return allocate(c);
}

static void an_ipv6_network_has_one_quota(void)
{
    struct turn_client c;
    world_open_for(&w, 1, 2048);
    w.stranger = received;
    for (unsigned n = 0; n < RELAY_NETWORK_ALLOCATIONS_MAX + 50; n++)
        CHECK_EQ(allocate_as(&c, "2001:db8:0:1::", n), n < RELAY_NETWORK_ALLOCATIONS_MAX ? OK : 486);
    CHECK_EQ(allocate_as(&c, "2001:db8:0:2::", 0), OK);
    CHECK_EQ(stat_get(&w.stats[0].allocations), RELAY_NETWORK_ALLOCATIONS_MAX + 1);
    world_close(&w);
}

static void peers_of_an_allocation_are_bounded(void)
{
    struct turn_client c;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    w.relay.address_count = CANDIDATES_MAX;
    for (uint16_t i = 0; i < CANDIDATES_MAX; i++)
        CHECK(address_parse(&w.relay.addresses[i], "198.51.100.1", 8000) &&
              (w.relay.addresses[i].ip[15] = (uint8_t)(1 + i)));
    CHECK_EQ(allocate(&c), OK);
    for (uint16_t i = 0; i < CANDIDATES_MAX; i++)
        CHECK_EQ(permit(&c, &w.relay.addresses[i]), i < RELAY_PERMISSIONS_MAX ? OK : 508);
    for (uint16_t i = 0; i < CANDIDATES_MAX; i++)
        CHECK_EQ(bind(&c, (uint16_t)(0x4000 + i), &w.relay.addresses[i]), i < RELAY_CHANNELS_MAX ? OK : 508);
    CHECK_EQ(permit(&c, &w.relay.addresses[0]), OK); /* existing permissions are refreshed */
    world_close(&w);
}

/* --- sessions behind it --- */

static void through_tunnel(struct world *world, struct world_client *client, const uint8_t *data, size_t len)
{
    uint8_t message[1600];
    struct turn_client *c = client->user;
    struct stun_writer writer;
    size_t n;
    if (c->channel) {
        turn_channel_head(message, c->channel, len);
        memcpy(message + TURN_CHANNEL_HEAD, data, len);
        n = TURN_CHANNEL_HEAD + len;
    } else {
        stun_begin(&writer, message, sizeof message, STUN_INDICATION, TURN_SEND,
                   (const uint8_t *)"indication..");
        stun_add_xor_address(&writer, TURN_ATTR_XOR_PEER, &c->path.remote);
        stun_add(&writer, TURN_ATTR_DATA, data, len);
        n = stun_end(&writer);
    }
    world_datagram(world, c->worker, &c->path, message, n);
}

/* A session whose client reaches the server by TURN alone, at worker `worker`. */
static struct world_client *join_behind(struct turn_client *c, const char *ip, unsigned worker, uint32_t link)
{
    client_open(c, ip, 5000, ip);
    c->worker = worker;
    c->path.link = link;
    tunnels[0] = c;
    CHECK(allocate(c) == OK && permit(c, &c->path.remote) == OK);
    struct world_client *client = world_join(&w, worker);
    client->outgoing = through_tunnel;
    client->user = c;
    c->behind = client;
    return client;
}

static void media(struct world_client *from, struct world_client *to, unsigned start)
{
    unsigned before = to->rtp;
    for (unsigned i = 0; i < 40; i++) {
        world_send(&w, from, CODEC_VP8, 1000, start + i, 3000 * (start + i / 8), i < 8, i % 8 == 7,
                   900 + i % 3);
        if (i % 8 == 7)
            world_settle(&w);
    }
    CHECK_EQ(to->rtp - before, 40);
}

/* Publisher and viewer, each behind TURN, sessions and allocations on the workers given. */
static void call_by_turn(unsigned workers, unsigned first, unsigned second, uint32_t link)
{
    struct turn_client a, b;
    open_world(workers);
    struct world_client *p = join_behind(&a, "203.0.113.1", first, LINK_UDP);
    struct world_client *v = join_behind(&b, "203.0.113.2", second, link);
    tunnels[0] = &a;
    tunnels[1] = &b;
    tunnel_count = 2;
    world_connect(&w, p);
    world_connect(&w, v);
    CHECK(world_owner(&w, p) == first && world_owner(&w, v) == second);
    CHECK(a.data_indications > 0 && a.channel_data == 0);
    struct address mapped = client_mapped(p->client);
    CHECK(mapped.port != 5000 && mapped.port != 8000); /* it sees itself at its relayed address */
    world_publish(&w, p, 1, CODEC_VP8, 1000);
    world_subscribe(&w, v, p, 1, CODEC_VP8, 2000);
    media(p, v, 1);
    tunnel_count = 1;
    tunnels[0] = &b;
    CHECK_EQ(bind(&b, 0x4007, &b.path.remote), OK);
    b.channel = 0x4007;
    tunnels[1] = &a;
    tunnel_count = 2;
    unsigned indications = b.data_indications;
    media(p, v, 101);
    CHECK(b.channel_data >= 40 && b.data_indications == indications);
    b.remainders = 0;
    for (unsigned i = 0; i < 4; i++) { /* one by one: packets of one run get equal lengths */
        world_send(&w, p, CODEC_VP8, 1000, 141 + i, 3000 * (141 + i), false, true, 900 + i);
        world_settle(&w);
    }
    CHECK_EQ(b.remainders, 0xf);
    world_run(&w, MP_S(40)); /* consent goes on through the tunnel */
    CHECK(world_event(&w, MESSAGE_ENDED, v->session) == NULL);
    tunnel_count = 1;
    tunnels[0] = &b;
    CHECK_EQ(refresh(&b, 0), OK); /* and ends with it */
    b.behind = NULL;
    world_run(&w, MP_S(40));
    CHECK(world_event(&w, MESSAGE_ENDED, v->session) != NULL);
    world_close(&w);
}

static void session_behind_turn_sends_and_receives(void) { call_by_turn(1, 0, 0, LINK_UDP); }

static void sessions_behind_turn_on_two_workers(void) { call_by_turn(2, 0, 1, LINK_UDP); }

static void channel_data_over_a_stream_is_padded(void) { call_by_turn(1, 0, 0, link_make(LINK_TURN, 0, 7)); }

/* Allocation and session on different workers: a client moves from UDP to TURN. */
static void session_of_another_worker_is_reached_by_turn(void)
{
    struct turn_client c;
    open_world(2);
    struct world_client *p = world_join(&w, 0), *v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 1, CODEC_VP8, 1000);
    world_subscribe(&w, v, p, 1, CODEC_VP8, 2000);
    media(p, v, 1);
    client_open(&c, "203.0.113.1", 5000, "a");
    c.worker = 1;
    CHECK(allocate(&c) == OK && bind(&c, 0x4000, &c.path.remote) == OK);
    c.channel = 0x4000;
    c.behind = v;
    v->outgoing = through_tunnel;
    v->user = &c;
    world_run(&w, MP_S(12)); /* checks by the tunnel nominate it */
    unsigned before = c.channel_data;
    media(p, v, 101);
    CHECK(c.channel_data - before >= 40);
    CHECK_EQ(world_owner(&w, v), 0);
    world_close(&w);
}

static void an_ended_allocations_way_leads_nowhere(void)
{
    struct turn_client a, b;
    open_world(1);
    struct world_client *p = world_join(&w, 0), *v = join_behind(&a, "203.0.113.1", 0, LINK_UDP);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 1, CODEC_VP8, 1000);
    world_subscribe(&w, v, p, 1, CODEC_VP8, 2000);
    media(p, v, 1);
    CHECK_EQ(refresh(&a, 0), OK);
    client_open(&b, "203.0.113.2", 5000, "b"); /* gets the place in the table that was freed */
    CHECK(allocate(&b) == OK && permit(&b, &b.path.remote) == OK);
    unsigned answers = b.answers, relayed = b.data_indications;
    uint64_t drops = world_drops(&w, DROP_RELAY);
    world_send(&w, p, CODEC_VP8, 1000, 101, 9000, true, true, 900);
    world_settle(&w);
    CHECK(b.answers == answers && b.data_indications == relayed);
    CHECK(world_drops(&w, DROP_RELAY) > drops);
    world_close(&w);
}

static void a_relay_within_a_relay_is_refused(void)
{
    struct turn_client c;
    uint8_t inner[64];
    struct stun_writer writer;
    open_world(1);
    client_open(&c, "203.0.113.1", 5000, "a");
    CHECK(allocate(&c) == OK && permit(&c, &c.path.remote) == OK);
    stun_begin(&writer, inner, sizeof inner, STUN_REQUEST, TURN_ALLOCATE, (const uint8_t *)"inner.......");
    stun_add_u32(&writer, TURN_ATTR_TRANSPORT, TURN_TRANSPORT_UDP << 24);
    uint64_t drops = world_drops(&w, DROP_RELAY);
    unsigned relayed = c.data_indications;
    send_indication(&c, &c.path.remote, inner, stun_end(&writer));
    CHECK(world_drops(&w, DROP_RELAY) == drops + 1 && c.data_indications == relayed);
    turn_channel_head(inner, 0x4000, 4);
    send_indication(&c, &c.path.remote, inner, 8);
    CHECK_EQ(world_drops(&w, DROP_RELAY), drops + 2);
    stun_begin(&writer, inner, sizeof inner, STUN_REQUEST, STUN_BINDING, (const uint8_t *)"plain.......");
    send_indication(&c, &c.path.remote, inner,
                    stun_end(&writer)); /* a plain Binding request gets an answer here too */
    CHECK_EQ(c.data_indications, relayed + 1);
    world_close(&w);
}

TEST_MAIN(TEST(stranger_gets_a_short_challenge_and_leaves_nothing),
          TEST(strangers_are_answered_at_a_capped_rate), TEST(strangers_of_one_ipv6_network_share_their_rate),
          TEST(who_is_not_who_he_says_gets_nothing), TEST(every_flipped_bit_is_refused),
          TEST(nonce_goes_stale), TEST(allocation_has_an_address_of_ours_with_a_port_of_its_own),
          TEST(request_sent_again_is_answered_alike), TEST(allocation_is_refreshed_ended_and_expires),
          TEST(what_cannot_be_is_refused_by_its_number), TEST(families_are_relayed_as_asked),
          TEST(nobody_but_this_server_is_a_peer), TEST(announced_addresses_are_all_there_is),
          TEST(channels_are_bound_to_one_peer_each), TEST(permissions_and_channels_expire), TEST(quotas_hold),
          TEST(an_ipv6_network_has_one_quota), TEST(peers_of_an_allocation_are_bounded),
          TEST(session_behind_turn_sends_and_receives), TEST(sessions_behind_turn_on_two_workers),
          TEST(channel_data_over_a_stream_is_padded), TEST(session_of_another_worker_is_reached_by_turn),
          TEST(an_ended_allocations_way_leads_nowhere), TEST(a_relay_within_a_relay_is_refused))
