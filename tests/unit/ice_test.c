#include "proto/ice.h"
#include "base/prng.h"
#include "proto/candidate.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"
#include <stdlib.h>

#define UFRAG           "0001abcdefgh"
#define PASSWORD        "abcdefghijklmnopqrstuvwx"
#define CLIENT_PASSWORD "zyxwvutsrqponmlkjihgfe"

static struct path path_from(const char *ip, uint16_t port)
{
    struct path p;
    memset(&p, 0, sizeof p);
    address_parse(&p.remote, ip, port);
    address_parse(&p.local, strchr(ip, ':') ? "2001:db8::53" : "192.0.2.53", 3478);
    return p;
}

/* Contents of a client's check; zero-initialised: a valid check from a controlling client. */
struct check {
    const char *username, *password;
    uint32_t priority;
    bool nominate, controlled, indication, no_integrity;
    uint16_t unknown, method;
};

static size_t check_write(uint8_t *out, size_t size, const struct check *c)
{
    static uint8_t txid[12];
    const char *username = c->username ? c->username : UFRAG ":remote";
    const char *password = c->password ? c->password : PASSWORD;
    struct hmac_sha1 key;
    struct stun_writer w;
    hmac_sha1_key(&key, (const uint8_t *)password, strlen(password));
    txid[0]++;
    stun_begin(&w, out, size, c->indication ? STUN_INDICATION : STUN_REQUEST,
               c->method ? c->method : STUN_BINDING, txid);
    stun_add(&w, STUN_ATTR_USERNAME, username, strlen(username));
    stun_add_u64(&w, c->controlled ? STUN_ATTR_CONTROLLED : STUN_ATTR_CONTROLLING, 42);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, c->priority);
    if (c->nominate)
        stun_add(&w, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    if (c->unknown)
        stun_add(&w, c->unknown, "x", 1);
    if (!c->no_integrity)
        stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

static uint8_t reply[256];

/* Sends one check of a client; returns the result before the client answers the server's check of that
 * address. */
static struct ice_answer send_only(struct ice *ice, const struct check *c, const struct path *path,
                                   mp_time now)
{
    uint8_t p[512];
    struct stun_view v;
    size_t len = check_write(p, sizeof p, c);
    CHECK_EQ(stun_parse(&v, exact(p, len), len), STUN_OK);
    memset(reply, 0, sizeof reply);
    return ice_input(ice, &v, path, reply, sizeof reply, now);
}

/* The client's answer to the server's own check. */
static struct ice_answer answer(struct ice *ice, const uint8_t *check, const struct path *path,
                                const char *password, mp_time now)
{
    struct stun_view v;
    struct stun_writer w;
    struct hmac_sha1 key;
    uint8_t p[256];
    hmac_sha1_key(&key, (const uint8_t *)password, strlen(password));
    stun_begin(&w, p, sizeof p, STUN_SUCCESS, STUN_BINDING, check + 8);
    stun_add_mapped(&w, &path->local);
    stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    size_t len = stun_end(&w);
    CHECK_EQ(stun_parse(&v, exact(p, len), len), STUN_OK);
    return ice_response(ice, &v, path, now);
}

/* The client answers every due check of the server at once. Returns the last result. */
static struct ice_answer settle(struct ice *ice, const char *password, mp_time now)
{
    struct ice_answer last = {.event = ICE_CHECK}, a;
    struct path to;
    uint8_t check[256];
    while (ice_output(ice, &to, check, sizeof check, now))
        if ((a = answer(ice, check, &to, password, now)).event == ICE_SELECTED)
            last = a;
    return last;
}

/* A check by a client that answers the server's checks. */
static struct ice_answer send_check(struct ice *ice, const struct check *c, const struct path *path,
                                    mp_time now)
{
    struct ice_answer a = send_only(ice, c, path, now);
    if (settle(ice, CLIENT_PASSWORD, now).event == ICE_SELECTED)
        a.event = ICE_SELECTED;
    return a;
}

static const struct hmac_sha1 secret = {.inner = {1}, .outer = {2}};

static struct ice_description description(uint32_t generation, const char *ufrag, const char *password)
{
    return (struct ice_description){.generation = generation,
                                    .local_ufrag = ufrag,
                                    .local_password = password,
                                    .remote_ufrag = "remote",
                                    .remote_password = CLIENT_PASSWORD};
}

static struct ice fresh(void)
{
    struct ice ice;
    struct ice_description d = description(1, UFRAG, PASSWORD);
    ice_init(&ice, UFRAG, PASSWORD, &secret, 7, MP_S(1));
    ice_credentials_set(&ice, &d);
    return ice;
}

static void response_is_signed_and_carries_the_mapped_address(void)
{
    const char *ips[] = {"198.51.100.7", "2001:db8::7"};
    for (int i = 0; i < 2; i++) {
        struct ice ice = fresh();
        struct path from = path_from(ips[i], 4711);
        struct stun_view v;
        struct hmac_sha1 key;
        hmac_sha1_key(&key, (const uint8_t *)PASSWORD, strlen(PASSWORD));
        uint8_t p[256];
        size_t len = check_write(p, sizeof p, &(struct check){0});
        struct stun_view m;
        stun_parse(&m, p, len);
        struct ice_answer a = ice_input(&ice, &m, &from, reply, sizeof reply, MP_S(2));
        CHECK_EQ(a.event, ICE_PATH_NEW);
        CHECK_EQ(a.len, i ? 76 : 64);
        CHECK_EQ(stun_parse(&v, exact(reply, a.len), a.len), STUN_OK);
        CHECK_EQ(v.class, STUN_SUCCESS);
        CHECK_EQ(v.method, STUN_BINDING);
        CHECK_BYTES(v.txid, m.txid, 12);
        CHECK(v.has_mapped && address_equal(&v.mapped, &from.remote));
        CHECK(v.fingerprint && stun_check(&v, &key));
        CHECK(a.len <= len); /* no amplification */
    }
}

static bool untouched(const struct ice *ice)
{
    struct ice f = fresh();
    return ice->count == 0 && ice->selected == -1 && ice->last_check == f.last_check && !ice_selected(ice);
}

static void what_is_not_authentic_learns_and_answers_nothing(void)
{
    const struct check lies[] = {{.no_integrity = true},
                                 {.password = "abcdefghijklmnopqrstuvwy"},
                                 {.password = ""},
                                 {.username = "0001abcdefgi:remote"},
                                 {.username = "0001abcdefg:remote"},
                                 {.username = "0001abcdefghi:remote"},
                                 {.username = UFRAG},
                                 {.username = ":remote"},
                                 {.username = ""},
                                 {.indication = true},
                                 {.method = 3}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct ice ice = fresh();
        struct path from = path_from("203.0.113.66", 666);
        struct check c = lies[i];
        c.nominate = true;
        struct ice_answer a = send_check(&ice, &c, &from, MP_S(5));
        CHECK_EQ(a.event, ICE_REFUSED);
        CHECK_EQ(a.len, 0);
        CHECK(!a.path_new && !a.has_dropped);
        CHECK(untouched(&ice));
    }
}

static void every_flipped_bit_of_a_check_learns_nothing(void)
{
    uint8_t p[256];
    size_t len = check_write(p, sizeof p, &(struct check){.nominate = true});
    for (size_t bit = 0; bit < 8 * len; bit++) {
        struct ice ice = fresh();
        struct path from = path_from("203.0.113.66", 666);
        struct stun_view v;
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool in_type =
            bit / 8 >= len - 8 && bit / 8 < len - 6; /* FINGERPRINT by another name: still authentic */
        if (stun_parse(&v, p, len) == STUN_OK && !in_type) {
            CHECK_EQ(ice_input(&ice, &v, &from, reply, sizeof reply, MP_S(2)).len, 0);
            CHECK(untouched(&ice));
        }
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void forged_checks_do_not_touch_a_running_session(void)
{
    struct ice ice = fresh(), before;
    struct path good = path_from("198.51.100.7", 4711), bad = path_from("203.0.113.66", 666);
    send_check(&ice, &(struct check){.nominate = true, .priority = 5}, &good, MP_S(2));
    before = ice;
    for (int i = 0; i < 1000; i++)
        send_check(&ice, &(struct check){.nominate = true, .priority = 9, .password = "wrong"},
                   i & 1 ? &bad : &good, MP_S(3));
    CHECK_BYTES(&ice, &before, sizeof ice);
    CHECK(path_equal(ice_selected(&ice), &good));
}

static void first_check_from_a_path_is_told(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    struct ice_answer r = send_check(&ice, &(struct check){0}, &a, MP_S(2));
    CHECK(r.event == ICE_PATH_NEW && r.path_new && !r.has_dropped);
    r = send_check(&ice, &(struct check){0}, &a, MP_S(2));
    CHECK(r.event == ICE_CHECK && !r.path_new);
    CHECK(ice_knows(&ice, &a) && !ice_knows(&ice, &b));
    r = send_check(&ice, &(struct check){.nominate = true}, &b, MP_S(2));
    CHECK(r.event == ICE_SELECTED && r.path_new);
    CHECK(ice_knows(&ice, &b));
    CHECK_EQ(ice.count, 2);
}

static void one_remote_over_two_local_addresses_is_two_paths(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = a;
    b.local.ip[15]++;
    send_check(&ice, &(struct check){0}, &a, MP_S(2));
    CHECK(send_check(&ice, &(struct check){0}, &b, MP_S(2)).path_new);
}

static void plain_checks_never_move_the_path(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    send_check(&ice, &(struct check){.priority = 9}, &b, MP_S(2));
    CHECK(!ice_selected(&ice));
    send_check(&ice, &(struct check){.nominate = true, .priority = 1}, &a, MP_S(2));
    for (int s = 2; s < 100; s++)
        CHECK(send_check(&ice, &(struct check){.priority = 9}, &b, MP_S(s)).event == ICE_CHECK);
    CHECK(path_equal(ice_selected(&ice), &a));
}

static void nomination_of_the_selected_path_is_no_event(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1);
    CHECK_EQ(send_check(&ice, &(struct check){.nominate = true}, &a, MP_S(2)).event, ICE_SELECTED);
    CHECK_EQ(send_check(&ice, &(struct check){.nominate = true}, &a, MP_S(3)).event, ICE_CHECK);
}

/* Firefox sets USE-CANDIDATE on every check of every pair. */
static void aggressive_nomination_settles_on_the_highest_priority(void)
{
    struct prng r;
    prng_seed(&r, 5);
    for (int round = 0; round < 500; round++) {
        struct ice ice = fresh();
        struct path paths[6];
        int count = 2 + (int)prng_below(&r, 5), moves = 0;
        for (int i = 0; i < count; i++)
            paths[i] = path_from(i & 1 ? "198.51.100.7" : "2001:db8::7", (uint16_t)(1000 + i));
        mp_time now = MP_S(2);
        int order[6] = {0, 1, 2, 3, 4, 5};
        for (int pass = 0; pass < 40; pass++) {
            for (int i = count - 1; i > 0; i--) { /* checks come in any order */
                int j = (int)prng_below(&r, (uint32_t)i + 1), t = order[i];
                order[i] = order[j];
                order[j] = t;
            }
            for (int i = 0; i < count; i++) {
                struct check c = {.nominate = true, .priority = 1000 + 10 * (uint32_t)order[i]};
                bool moved = send_check(&ice, &c, &paths[order[i]], now).event == ICE_SELECTED;
                CHECK(!moved || pass == 0);
                moves += moved;
                now += MP_MS(20);
            }
        }
        CHECK(path_equal(ice_selected(&ice), &paths[count - 1]));
        CHECK(moves <= count);
    }
}

/* Chromium nominates the pair that it uses, and goes on checking the one that it left. */
static void client_can_move_to_a_lower_priority(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("203.0.113.9", 2);
    send_check(&ice, &(struct check){.nominate = true, .priority = 9}, &a, MP_S(10));
    for (mp_time now = MP_S(11); now <= MP_S(15); now += MP_S(1)) {
        send_check(&ice, &(struct check){.priority = 9}, &a, now);
        CHECK(send_check(&ice, &(struct check){.nominate = true, .priority = 3}, &b, now).event !=
              ICE_SELECTED);
        CHECK(path_equal(ice_selected(&ice), &a));
    }
    send_check(&ice, &(struct check){.priority = 9}, &a, MP_S(15));
    CHECK_EQ(send_check(&ice, &(struct check){.nominate = true, .priority = 3}, &b, MP_S(15) + 1).event,
             ICE_SELECTED);
    CHECK(path_equal(ice_selected(&ice), &b));
}

static void client_behind_a_new_mapping_moves_at_once(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    send_check(&ice, &(struct check){.nominate = true, .priority = 9}, &a, MP_S(10));
    CHECK_EQ(send_check(&ice, &(struct check){.nominate = true, .priority = 9}, &b, MP_S(11)).event,
             ICE_SELECTED);
}

static void move_tells_how_long_the_old_path_was_silent(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    const struct check c = {.nominate = true, .priority = 9};
    send_only(&ice, &c, &a, MP_S(10));
    struct ice_answer first = settle(&ice, CLIENT_PASSWORD, MP_S(10));
    CHECK(first.event == ICE_SELECTED && first.silence == 0); /* there was none */
    send_only(&ice, &c, &b, MP_S(13));
    struct ice_answer next = settle(&ice, CLIENT_PASSWORD, MP_S(13));
    CHECK(next.event == ICE_SELECTED && next.silence == MP_S(3));
}

static uint16_t error_of(struct ice_answer a, struct stun_view *v)
{
    struct hmac_sha1 key;
    hmac_sha1_key(&key, (const uint8_t *)PASSWORD, strlen(PASSWORD));
    CHECK_EQ(stun_parse(v, reply, a.len), STUN_OK);
    CHECK_EQ(v->class, STUN_ERROR);
    CHECK(v->fingerprint && stun_check(v, &key));
    return v->error_code;
}

static void controlled_client_gets_487(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1);
    struct stun_view v;
    struct ice_answer r =
        send_check(&ice, &(struct check){.controlled = true, .nominate = true}, &a, MP_S(2));
    CHECK_EQ(r.event, ICE_REFUSED);
    CHECK_EQ(error_of(r, &v), 487);
    CHECK(untouched(&ice));
}

static void unknown_required_attribute_gets_420(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1);
    struct stun_view v;
    struct ice_answer r = send_check(&ice, &(struct check){.unknown = 0x7f01, .nominate = true}, &a, MP_S(2));
    CHECK_EQ(r.event, ICE_REFUSED);
    CHECK_EQ(error_of(r, &v), 420);
    const uint8_t listed[] = {0x00, 0x0a, 0x00, 0x02, 0x7f, 0x01, 0x00, 0x00};
    CHECK(memmem(reply, r.len, listed, sizeof listed) != NULL);
    CHECK(untouched(&ice));
}

static void tuples_are_bounded_and_the_selected_stays(void)
{
    struct ice ice = fresh();
    struct path home = path_from("198.51.100.7", 1), oldest;
    send_check(&ice, &(struct check){.nominate = true, .priority = 9}, &home, MP_S(2));
    for (uint16_t port = 2; port < 10000; port++) {
        struct path p = path_from("198.51.100.7", port);
        struct ice_answer a = send_check(&ice, &(struct check){0}, &p, MP_S(2) + MP_MS(port));
        CHECK(a.path_new && a.has_dropped == (port > ICE_TUPLES_MAX));
        if (a.has_dropped) {
            oldest = path_from("198.51.100.7", (uint16_t)(port - (ICE_TUPLES_MAX - 1)));
            CHECK(path_equal(&a.dropped, &oldest));
            CHECK(!ice_knows(&ice, &a.dropped));
        }
        CHECK(ice.count <= ICE_TUPLES_MAX && ice_knows(&ice, &p) && ice_knows(&ice, &home));
    }
    CHECK(path_equal(ice_selected(&ice), &home));
}

static void full_table_still_takes_a_nomination(void)
{
    struct ice ice = fresh();
    for (uint16_t port = 1; port <= 20; port++) {
        struct path p = path_from("198.51.100.7", port);
        struct ice_answer a = send_check(&ice, &(struct check){.nominate = true}, &p, MP_S(2) + port);
        CHECK_EQ(a.event, ICE_SELECTED);
        CHECK(path_equal(ice_selected(&ice), &p));
        CHECK(!a.has_dropped || !path_equal(&a.dropped, &p));
    }
}

/* The client's half of a restart arrives while every slot is in use by paths that already used it. */
static void full_table_takes_the_credentials_of_a_restart(void)
{
    struct ice *ice = malloc(sizeof *ice); /* exactly, so that a sanitizer sees one place too much */
    struct ice_description d = description(2, "0001restarts", "xwvutsrqponmlkjihgfedcba");
    struct check under_it = {.username = UFRAG ":theirs-anew", .nominate = true};
    struct path last = path_from("198.51.100.7", ICE_TUPLES_MAX);
    *ice = fresh();
    for (uint16_t port = 1; port <= ICE_TUPLES_MAX; port++) {
        struct path p = path_from("198.51.100.7", port);
        if (port == 1)
            send_check(ice, &(struct check){.nominate = true}, &p, MP_S(2));
        else
            send_only(ice, &under_it, &p, MP_S(2) + port);
    }
    d.remote_ufrag = "theirs-anew";
    d.remote_password = "the client's new password";
    ice_credentials_set(ice, &d);
    CHECK_EQ(settle(ice, "the client's new password", MP_S(3)).event, ICE_SELECTED);
    CHECK(path_equal(ice_selected(ice), &last)); /* the path that it nominated last */
    free(ice);
}

static enum ice_timeout due(struct ice *ice, mp_time now)
{
    struct path path;
    return ice_timeout(ice, &path, now);
}

static void consent_ends_after_30_s(void)
{
    struct ice ice = fresh(); /* started at 1 s */
    struct path a = path_from("198.51.100.7", 1);
    CHECK_EQ(ice_deadline(&ice), MP_S(31));
    CHECK(due(&ice, MP_S(31) - 1) == ICE_IDLE && due(&ice, MP_S(31)) == ICE_EXPIRED);
    send_check(&ice, &(struct check){0}, &a, MP_S(20));
    CHECK_EQ(ice_deadline(&ice), MP_S(50));
    send_check(&ice, &(struct check){.password = "wrong"}, &a, MP_S(40));
    send_check(&ice, &(struct check){.controlled = true}, &a, MP_S(40));
    CHECK_EQ(ice_deadline(&ice), MP_S(50));
    CHECK(due(&ice, MP_S(50) - 1) == ICE_IDLE && due(&ice, MP_S(50)) == ICE_EXPIRED);
}

/* Consent belongs to a path (RFC 7675 5): datagrams from another address do not keep media flowing to an
 * abandoned one. */
static void consent_of_the_selected_path_ends_for_itself(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2), lost;
    send_check(&ice, &(struct check){.nominate = true}, &a, MP_S(2));
    for (int s = 3; s < 32; s++)
        send_check(&ice, &(struct check){0}, &b, MP_S(s));
    CHECK(path_equal(ice_selected(&ice), &a));
    CHECK_EQ(ice_timeout(&ice, &lost, MP_S(32)), ICE_LOST);
    CHECK(path_equal(&lost, &a) && !ice_selected(&ice));
    CHECK_EQ(due(&ice, MP_S(32)), ICE_IDLE);
    CHECK_EQ(send_check(&ice, &(struct check){.nominate = true}, &b, MP_S(33)).event, ICE_SELECTED);
}

/* RFC 7675 5.1: only a STUN transaction renews consent. Media from a client does not prove that it still
 * wants to receive any. */
static void media_is_no_consent(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2), lost;
    send_check(&ice, &(struct check){.nominate = true}, &a, MP_S(2));
    for (mp_time now = MP_S(2); now < MP_S(32); now += MP_MS(250)) {
        ice_media(&ice, &a, 1200, now);
        CHECK_EQ(due(&ice, now), ICE_IDLE);
    }
    CHECK_EQ(due(&ice, MP_S(32)), ICE_EXPIRED);

    ice = fresh(); /* the same while another path is still being checked */
    send_check(&ice, &(struct check){.nominate = true}, &a, MP_S(2));
    send_check(&ice, &(struct check){0}, &b, MP_S(20));
    for (mp_time now = MP_S(2); now < MP_S(32); now += MP_MS(250)) {
        ice_media(&ice, &a, 1200, now);
        CHECK_EQ(due(&ice, now), ICE_IDLE);
    }
    CHECK_EQ(ice_timeout(&ice, &lost, MP_S(32)), ICE_LOST);
    CHECK(path_equal(&lost, &a) && !ice_selected(&ice));
}

/* --- our own checks --- */

static size_t next_check(struct ice *ice, uint8_t check[256], const struct path *to, mp_time now)
{
    struct path where;
    size_t len = ice_output(ice, &where, check, 256, now);
    CHECK(len > 0 && path_equal(&where, to));
    return len;
}

static void own_check_is_what_a_controlling_client_expects(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1);
    uint8_t check[256];
    struct stun_view v;
    struct hmac_sha1 key;
    send_only(&ice, &(struct check){0}, &a, MP_S(2));
    size_t len = next_check(&ice, check, &a, MP_S(2));
    hmac_sha1_key(&key, (const uint8_t *)CLIENT_PASSWORD, strlen(CLIENT_PASSWORD));
    CHECK_EQ(stun_parse(&v, exact(check, len), len), STUN_OK);
    CHECK(v.class == STUN_REQUEST && v.method == STUN_BINDING);
    CHECK(bytes_equal(v.username, "remote:" UFRAG, strlen("remote:" UFRAG)));
    CHECK(v.has_controlled && v.has_priority && !v.use_candidate && v.fingerprint && stun_check(&v, &key));
}

static void media_goes_only_where_a_check_of_ours_was_answered(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    uint8_t check[256];
    CHECK_EQ(send_only(&ice, &(struct check){.nominate = true}, &a, MP_S(2)).event, ICE_PATH_NEW);
    CHECK(!ice_selected(&ice));
    next_check(&ice, check, &a, MP_S(2));
    CHECK_EQ(answer(&ice, check, &b, CLIENT_PASSWORD, MP_S(2)).event, ICE_REFUSED); /* from elsewhere */
    CHECK_EQ(answer(&ice, check, &a, "another password", MP_S(2)).event, ICE_REFUSED);
    check[10] ^= 1; /* another transaction */
    CHECK_EQ(answer(&ice, check, &a, CLIENT_PASSWORD, MP_S(2)).event, ICE_REFUSED);
    check[10] ^= 1;
    CHECK(!ice_selected(&ice));
    struct ice_answer r = answer(&ice, check, &a, CLIENT_PASSWORD, MP_S(2) + MP_MS(30));
    CHECK(r.event == ICE_SELECTED && r.rtt == MP_MS(30));
    CHECK(path_equal(ice_selected(&ice), &a));
    CHECK_EQ(answer(&ice, check, &a, CLIENT_PASSWORD, MP_S(3)).event, ICE_REFUSED); /* once */
}

static void transactions_do_not_repeat(void)
{
    struct ice ice = fresh();
    uint8_t check[256], before[STUN_TXID_SIZE] = {0};
    for (uint16_t port = 1; port < 50; port++) {
        struct path p = path_from("198.51.100.7", port);
        send_only(&ice, &(struct check){0}, &p, MP_S(2));
        next_check(&ice, check, &p, MP_S(2));
        CHECK(memcmp(before, check + 8, sizeof before) != 0);
        memcpy(before, check + 8, sizeof before);
    }
}

/* A client spoofs a victim's address and nominates it: the victim gets at most 3 times the bytes that came
 * from there, and the session keeps its path. */
static void victim_of_a_nomination_gets_three_times_the_bytes(void)
{
    struct ice ice = fresh();
    struct path home = path_from("198.51.100.7", 1), victim = path_from("203.0.113.9", 53);
    uint8_t check[256];
    struct path to;
    size_t len, sent = 0, received = 0;
    send_check(&ice, &(struct check){.nominate = true, .priority = 1}, &home, MP_S(2));
    for (mp_time now = MP_S(3); now < MP_S(8); now += MP_MS(20)) {
        if (now < MP_S(3) + MP_MS(60)) {
            uint8_t p[512];
            struct stun_view v;
            len = check_write(p, sizeof p, &(struct check){.nominate = true, .priority = 9});
            CHECK_EQ(stun_parse(&v, p, len), STUN_OK);
            received += len;
            struct ice_answer a = ice_input(&ice, &v, &victim, reply, sizeof reply, now);
            sent += ice_spend(&ice, &victim, a.len) ? a.len : 0;
        }
        sent += ice_spend(&ice, &victim, 1200) ? 1200 : 0; /* other datagrams to that address */
        while ((len = ice_output(&ice, &to, check, sizeof check, now))) {
            CHECK(path_equal(&to, &victim));
            sent += len;
        }
        due(&ice, now);
        CHECK(path_equal(ice_selected(&ice), &home));
        ice_media(&ice, &home, 100, now);
    }
    CHECK(sent > 0 && sent <= 3 * received);
    CHECK_EQ(ice.wanted, ice.selected); /* given up */
}

/* A client that spoofs a victim's address cannot accumulate credit: the server sends there at most 64 KiB and
 * three times the last datagram at once. */
static void credit_of_an_unproved_path_is_bounded(void)
{
    struct ice ice = fresh();
    struct path a = path_from("203.0.113.9", 53);
    size_t spent = 0;
    send_only(&ice, &(struct check){0}, &a, MP_S(2));
    for (int i = 0; i < 1000; i++)
        ice_credit(&ice, &a, 1200);
    while (ice_spend(&ice, &a, 100) && spent < 1000000)
        spent += 100;
    CHECK(spent > UINT16_MAX - 100 && spent < UINT16_MAX + ICE_AMPLIFICATION * 1200);
}

static void unanswered_check_is_repeated_five_times(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), to;
    uint8_t check[256];
    unsigned sent = 0;
    send_only(&ice, &(struct check){.nominate = true}, &a, MP_S(2));
    mp_time now = MP_S(2);
    enum ice_timeout what = ICE_IDLE;
    for (; what == ICE_IDLE && now < MP_S(20); now = ice_deadline(&ice)) {
        ice_credit(&ice, &a, 1000);
        while (ice_output(&ice, &to, check, sizeof check, now))
            sent++;
        what = due(&ice, now);
    }
    CHECK_EQ(what, ICE_CHECK_FAILED);
    CHECK_EQ(sent, ICE_CHECK_TRIES);
    CHECK(!ice_selected(&ice) && now > MP_S(5));
}

static void credentials_may_come_after_the_first_check(void)
{
    struct ice ice;
    struct path a = path_from("198.51.100.7", 1), to;
    uint8_t check[256];
    ice_init(&ice, UFRAG, PASSWORD, &secret, 7, MP_S(1));
    send_only(&ice, &(struct check){.nominate = true}, &a, MP_S(2));
    CHECK_EQ(ice_output(&ice, &to, check, sizeof check, MP_S(2)), 0);
    CHECK_EQ(ice_deadline(&ice), MP_S(32));
    struct ice_description d = description(1, UFRAG, PASSWORD);
    ice_credentials_set(&ice, &d);
    CHECK_EQ(settle(&ice, CLIENT_PASSWORD, MP_S(2)).event, ICE_SELECTED);
}

/* --- roaming --- */

static struct ice on_path(const struct path *home)
{
    struct ice ice = fresh();
    send_check(&ice, &(struct check){.nominate = true, .priority = 9}, home, MP_S(2));
    return ice;
}

static void media_from_a_new_mapping_moves_after_a_check(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    struct ice ice = on_path(&a);
    CHECK_EQ(ice_media(&ice, &a, 100, MP_S(3)).event, ICE_CHECK);
    struct ice_answer r = ice_media(&ice, &b, 100, MP_S(4));
    CHECK(r.event == ICE_PATH_NEW && r.path_new);
    CHECK(path_equal(ice_selected(&ice), &a));
    CHECK_EQ(ice_media(&ice, &b, 100, MP_S(4)).event, ICE_CHECK);
    r = settle(&ice, CLIENT_PASSWORD, MP_S(4));
    CHECK(r.event == ICE_SELECTED && r.moved && path_equal(ice_selected(&ice), &b));
    CHECK_EQ(ice.reason, ICE_BY_ROAMING);
    ice_media(&ice, &a, 100, MP_S(4) + MP_MS(5)); /* a latecomer */
    CHECK(path_equal(ice_selected(&ice), &b) && ice.wanted == ice.selected);
}

/* RFC 8445 8.1.1: a client may nominate, and send by, whichever of its pairs it likes while it concludes. */
static void client_that_chooses_among_its_addresses_does_not_roam(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("203.0.113.7", 2),
                c = path_from("203.0.113.7", 3);
    struct ice ice = fresh();
    send_check(&ice, &(struct check){.nominate = true, .priority = 100}, &a, MP_S(2));
    send_check(&ice, &(struct check){.priority = 90}, &b, MP_S(2));
    /* before anything came by the first */
    struct ice_answer r = ice_media(&ice, &b, 100, MP_S(2) + ICE_SILENT);
    CHECK(r.event == ICE_SELECTED && !r.moved && ice.reason == ICE_BY_NOMINATION);
    CHECK_EQ(ice_media(&ice, &b, 100, MP_S(3)).event, ICE_CHECK);
    r = ice_media(&ice, &a, 100, MP_S(4)); /* another candidate than the one whose media flowed */
    CHECK(r.event == ICE_SELECTED && r.moved && ice.reason == ICE_BY_NOMINATION);
    ice_media(&ice, &c, 100, MP_S(5)); /* but media from an address without a check moves it */
    r = settle(&ice, CLIENT_PASSWORD, MP_S(5));
    CHECK(r.event == ICE_SELECTED && r.moved && ice.reason == ICE_BY_ROAMING);

    ice = fresh();
    send_check(&ice, &(struct check){.nominate = true, .priority = 100}, &a, MP_S(2));
    ice_media(&ice, &c, 100, MP_S(3)); /* before media came by the first */
    r = settle(&ice, CLIENT_PASSWORD, MP_S(3));
    CHECK(r.event == ICE_SELECTED && !r.moved && ice.reason == ICE_BY_NOMINATION);
    r = send_check(&ice, &(struct check){.nominate = true, .priority = 101}, &a, MP_S(4));
    CHECK(r.event == ICE_SELECTED && !r.moved);
}

static void mapping_that_comes_back_is_followed_when_the_other_is_silent(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    struct ice ice = on_path(&a);
    ice_media(&ice, &b, 100, MP_S(4));
    settle(&ice, CLIENT_PASSWORD, MP_S(4));
    ice_media(&ice, &b, 100, MP_S(5));
    CHECK_EQ(ice_media(&ice, &a, 100, MP_S(5) + ICE_SILENT - 1).event, ICE_CHECK);
    CHECK_EQ(ice_media(&ice, &a, 100, MP_S(5) + ICE_SILENT).event, ICE_SELECTED); /* it is validated still */
    CHECK(path_equal(ice_selected(&ice), &a));
}

static void media_before_a_nomination_moves_nothing(void)
{
    struct ice ice = fresh();
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    send_check(&ice, &(struct check){0}, &a, MP_S(2));
    CHECK_EQ(ice_media(&ice, &b, 100, MP_S(3)).event, ICE_CHECK);
    CHECK(!ice_selected(&ice) && !ice_knows(&ice, &b));
}

static void roaming_path_that_does_not_answer_is_tried_again(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2), to;
    struct ice ice = on_path(&a);
    uint8_t check[256];
    unsigned failed = 0, sent = 0;
    for (mp_time now = MP_S(4); now < MP_S(14); now += MP_MS(20)) {
        ice_media(&ice, &b, 100, now);
        while (ice_output(&ice, &to, check, sizeof check, now))
            sent += path_equal(&to, &b);
        failed += due(&ice, now) == ICE_CHECK_FAILED;
    }
    CHECK(failed == 6 && sent >= 6 * ICE_CHECK_TRIES);
    CHECK(path_equal(ice_selected(&ice), &a));
    CHECK_EQ(due(&ice, MP_S(15)), ICE_CHECK_FAILED);
    ice_media(&ice, &b, 100, MP_S(16));
    CHECK_EQ(settle(&ice, CLIENT_PASSWORD, MP_S(16)).event, ICE_SELECTED);
}

static void quiet_path_is_checked_and_told_as_lost(void)
{
    struct path a = path_from("198.51.100.7", 1), to;
    struct ice ice = on_path(&a);
    uint8_t check[256];
    enum ice_timeout what = ICE_IDLE;
    unsigned sent = 0;
    mp_time now = MP_S(2);
    for (; now < MP_S(10) && what == ICE_IDLE; now = ice_deadline(&ice)) {
        what = due(&ice, now);
        while (ice_output(&ice, &to, check, sizeof check, now))
            sent++;
    }
    CHECK_EQ(what, ICE_LOST);
    CHECK_EQ(sent, ICE_CHECK_TRIES);
    CHECK(now >= MP_S(2) + ICE_QUIET && path_equal(ice_selected(&ice), &a)); /* it may come back */
    ice = on_path(&a);
    for (now = MP_S(2); now < MP_S(60); now += MP_S(2) + MP_MS(500)) { /* Chromium that has nothing to send */
        send_check(&ice, &(struct check){.nominate = true}, &a, now);
        CHECK_EQ(due(&ice, now), ICE_IDLE);
        CHECK_EQ(ice_output(&ice, &to, check, sizeof check, now), 0);
    }
}

static void who_was_heard_all_the_time_is_missed_sooner(void)
{
    static const struct {
        mp_time pause, missed_after;
        unsigned burst;
    } senders[] = {
        {MP_MS(20), ICE_QUIET_LIVELY, 1}, /* sound */
        {MP_MS(33), ICE_QUIET_LIVELY, 9}, /* video: all of a frame at once */
        {MP_MS(250), MP_S(2), 1},         /* feedback on little */
        {MP_MS(900), ICE_QUIET, 40},      /* a publisher whose screen changes once a second has not left */
        {MP_MS(2500), ICE_QUIET, 1},      /* checks alone */
    };
    struct path a = path_from("198.51.100.7", 1), to;
    uint8_t check[256];
    for (size_t k = 0; k < sizeof senders / sizeof *senders; k++) {
        struct ice ice = on_path(&a);
        mp_time now = MP_S(2), last = now;
        for (; now < MP_S(120); now += senders[k].pause) {
            for (unsigned i = 0; i < senders[k].burst; i++)
                ice_media(&ice, &a, 1000, now);
            last = now;
            if (now < MP_S(100)) /* only checks renew consent */
                send_check(&ice, &(struct check){.nominate = true}, &a, now);
            CHECK_EQ(due(&ice, now), ICE_IDLE);
            CHECK_EQ(ice_output(&ice, &to, check, sizeof check, now), 0);
        }
        while (!ice_output(&ice, &to, check, sizeof check, now)) {
            now = ice_deadline(&ice);
            CHECK_EQ(due(&ice, now), ICE_IDLE);
        }
        CHECK(now - last >= senders[k].missed_after * 9 / 10 &&
              now - last <= senders[k].missed_after * 11 / 10);
    }
}

/* --- restart --- */

#define UFRAG2    "0001ijklmnop"
#define PASSWORD2 "ABCDEFGHIJKLMNOPQRSTUVWX"
#define UFRAG3    "0001qrstuvwx"
#define UFRAG4    "0001yz012345"

static void restart_keeps_the_old_path_until_the_new_one_is_selected(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("203.0.113.9", 2);
    struct ice ice = on_path(&a);
    struct ice_description d = description(2, UFRAG2, PASSWORD2);
    const struct check old = {.nominate = true, .priority = 9};
    const struct check new = {
        .username = UFRAG2 ":remote", .password = PASSWORD2, .nominate = true, .priority = 1};
    struct check plain = new;
    plain.nominate = false;
    ice_credentials_set(&ice, &d);
    CHECK_EQ(send_check(&ice, &old, &a, MP_S(3)).event, ICE_CHECK);
    CHECK_EQ(send_check(&ice, &plain, &b, MP_S(3)).event, ICE_PATH_NEW);
    CHECK(path_equal(ice_selected(&ice), &a));
    struct ice_answer r = send_only(&ice, &new, &b, MP_S(4)); /* whatever its priority */
    CHECK(r.event == ICE_SELECTED && r.len);
    CHECK(path_equal(ice_selected(&ice), &b));
    CHECK_EQ(ice.credentials[0].generation, 2);
    CHECK_EQ(send_check(&ice, &old, &a, MP_S(4)).event, ICE_REFUSED); /* from now on */
    CHECK_EQ(send_check(&ice, &new, &b, MP_S(5)).event, ICE_CHECK);
}

static void restart_on_the_same_path_needs_a_nomination_too(void)
{
    struct path a = path_from("198.51.100.7", 1);
    struct ice ice = on_path(&a);
    struct ice_description d = description(2, UFRAG2, PASSWORD2);
    struct check new = {.username = UFRAG2 ":remote", .password = PASSWORD2};
    ice_credentials_set(&ice, &d);
    CHECK_EQ(send_check(&ice, &new, &a, MP_S(3)).event, ICE_CHECK);
    CHECK_EQ(ice.credentials[0].generation, 1);
    new.nominate = true;
    CHECK_EQ(send_only(&ice, &new, &a, MP_S(3)).event, ICE_SELECTED);
    CHECK_EQ(ice.credentials[0].generation, 2);
}

static void oldest_restart_gives_way_to_a_further_one(void)
{
    struct path a = path_from("198.51.100.7", 1);
    struct ice ice = on_path(&a);
    struct ice_description second = description(2, UFRAG2, PASSWORD2),
                           third = description(3, UFRAG3, PASSWORD2),
                           fourth = description(4, UFRAG4, PASSWORD2);
    const struct check in_use = {.nominate = true};
    struct check check = {.username = UFRAG2 ":remote", .password = PASSWORD2};
    ice_credentials_set(&ice, &second);
    ice_credentials_set(&ice, &third);
    CHECK_EQ(send_check(&ice, &check, &a, MP_S(3)).event, ICE_CHECK);
    ice_credentials_set(&ice, &fourth);
    check.nominate = true;
    CHECK_EQ(send_check(&ice, &check, &a, MP_S(3)).event, ICE_REFUSED);
    CHECK_EQ(send_check(&ice, &in_use, &a, MP_S(3)).event, ICE_CHECK);
    check.username = UFRAG3 ":remote";
    CHECK(send_check(&ice, &check, &a, MP_S(3)).event == ICE_SELECTED);
    CHECK_EQ(ice.credentials[0].generation, 3);
    CHECK_EQ(send_check(&ice, &in_use, &a, MP_S(3)).event, ICE_REFUSED);
    check.username = UFRAG4 ":remote";
    CHECK(send_check(&ice, &check, &a, MP_S(3)).event == ICE_SELECTED);
    CHECK_EQ(ice.credentials[0].generation, 4);
}

/* RFC 8445 9: a restart's pairs end with its credentials. A path that was nominated under those of a replaced
 * restart is nominated anew before media goes there, also if the client answers the check sent meanwhile. */
static void nomination_ends_with_its_credentials(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2), to;
    const struct check second_check = {
        .username = UFRAG2 ":remote", .password = PASSWORD2, .nominate = true, .priority = 9};
    const struct check third_check = {
        .username = UFRAG3 ":remote", .password = PASSWORD2, .nominate = true, .priority = 1};
    struct ice_description second = description(2, UFRAG2, PASSWORD2),
                           third = description(3, UFRAG3, PASSWORD2),
                           fourth = description(4, UFRAG4, PASSWORD2);
    for (int selected = 0; selected < 2; selected++) { /* whether the client has a path already */
        struct ice ice = selected ? on_path(&a) : fresh();
        uint8_t check[256];
        ice_credentials_set(&ice, &second);
        CHECK_EQ(send_only(&ice, &second_check, &b, MP_S(3)).event, ICE_PATH_NEW);
        CHECK(ice_output(&ice, &to, check, sizeof check, MP_S(3)) && path_equal(&to, &b));
        ice_credentials_set(&ice, &third);
        ice_credentials_set(&ice, &fourth);
        CHECK_EQ(answer(&ice, check, &b, CLIENT_PASSWORD, MP_S(3)).event, ICE_CHECK);
        CHECK(selected ? path_equal(ice_selected(&ice), &a) : !ice_selected(&ice));
        CHECK_EQ(send_only(&ice, &third_check, &b, MP_S(3)).event, ICE_SELECTED);
        CHECK_EQ(ice.credentials[0].generation, 3);
    }
}

static void nomination_of_a_kept_restart_stays(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2), to;
    const struct check nominated = {
        .username = UFRAG3 ":remote", .password = PASSWORD2, .nominate = true, .priority = 1};
    struct ice_description second = description(2, UFRAG2, PASSWORD2),
                           third = description(3, UFRAG3, PASSWORD2),
                           fourth = description(4, UFRAG4, PASSWORD2);
    struct ice ice = on_path(&a);
    uint8_t check[256];
    ice_credentials_set(&ice, &second);
    ice_credentials_set(&ice, &third);
    CHECK_EQ(send_only(&ice, &nominated, &b, MP_S(3)).event, ICE_PATH_NEW);
    CHECK(ice_output(&ice, &to, check, sizeof check, MP_S(3)) && path_equal(&to, &b));
    ice_credentials_set(&ice, &fourth);
    CHECK_EQ(answer(&ice, check, &b, CLIENT_PASSWORD, MP_S(3)).event, ICE_SELECTED);
    CHECK(path_equal(ice_selected(&ice), &b));
    CHECK_EQ(ice.credentials[0].generation, 3);
}

static void hundred_restarts_end_where_they_should(void)
{
    struct path a = path_from("198.51.100.7", 1);
    struct ice ice = on_path(&a);
    for (uint32_t g = 2; g <= 101; g++) {
        char ufrag[UFRAG_SIZE + 1], username[64];
        snprintf(ufrag, sizeof ufrag, "0001%08u", g);
        snprintf(username, sizeof username, "%s:remote", ufrag);
        struct ice_description d = description(g, ufrag, PASSWORD2);
        ice_credentials_set(&ice, &d);
        CHECK_EQ(send_check(&ice,
                            &(struct check){.username = username, .password = PASSWORD2, .nominate = true},
                            &a, MP_S(3))
                     .event,
                 ICE_SELECTED);
        CHECK_EQ(ice.credentials[0].generation, g);
    }
    CHECK_EQ(ice.count, 1);
}

/* A client uses its own new credentials at once, and the server's only after the answer. */
#define CLIENT_PASSWORD2 "hgfedcbazyxwvutsrqponm"

static struct ice_description restarted_client(uint32_t generation, const char *ufrag, const char *client)
{
    struct ice_description d = description(generation, ufrag, PASSWORD2);
    d.remote_ufrag = client;
    d.remote_password = CLIENT_PASSWORD2;
    return d;
}

/* The server's next check goes to `path` with this username and password; the client answers it. */
static struct ice_answer asks(struct ice *ice, const struct path *path, const char *username,
                              const char *password, mp_time now)
{
    uint8_t check[256];
    struct stun_view v;
    struct path to;
    struct hmac_sha1 key;
    size_t len = ice_output(ice, &to, check, sizeof check, now);
    CHECK(len && path_equal(&to, path));
    CHECK_EQ(stun_parse(&v, exact(check, len), len), STUN_OK);
    hmac_sha1_key(&key, (const uint8_t *)password, strlen(password));
    CHECK(bytes_equal(v.username, username, strlen(username)) && stun_check(&v, &key));
    return answer(ice, check, path, password, now);
}

static void client_may_restart_under_our_old_credentials(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    struct ice ice = on_path(&a);
    struct ice_description d = restarted_client(2, UFRAG2, "again");
    const struct check mixed = {.username = UFRAG ":again", .nominate = true, .priority = 1};
    const struct check old = {.nominate = true, .priority = 9};
    ice_credentials_set(&ice, &d);
    CHECK_EQ(send_only(&ice, &mixed, &b, MP_S(3)).event, ICE_PATH_NEW); /* whatever its priority */
    struct ice_answer r = asks(&ice, &b, "again:" UFRAG, CLIENT_PASSWORD2, MP_S(3));
    CHECK(r.event == ICE_SELECTED && ice.credentials[0].generation == 1 && ice.reason == ICE_BY_RESTART);
    CHECK(path_equal(ice_selected(&ice), &b));
    CHECK_EQ(send_only(&ice, &old, &a, MP_S(4)).event, ICE_CHECK); /* of a client that has left */
    CHECK(path_equal(ice_selected(&ice), &b));
    CHECK_EQ(send_only(&ice, &mixed, &b, MP_S(5)).event, ICE_CHECK); /* it may stay as long as it likes */
    ice_doubt(&ice, MP_S(6));
    CHECK_EQ(asks(&ice, &b, "again:" UFRAG, CLIENT_PASSWORD2, MP_S(6)).event, ICE_CHECK);
    const struct check whole = {
        .username = UFRAG2 ":again", .password = PASSWORD2, .nominate = true, .priority = 1};
    r = send_only(&ice, &whole, &b, MP_S(7));
    CHECK(r.event == ICE_SELECTED && ice.credentials[0].generation == 2);
    ice_doubt(&ice, MP_S(8));
    CHECK_EQ(asks(&ice, &b, "again:" UFRAG2, CLIENT_PASSWORD2, MP_S(8)).event, ICE_CHECK);
    CHECK_EQ(send_only(&ice, &mixed, &b, MP_S(8)).event, ICE_REFUSED);
}

static void check_of_a_restart_may_overtake_its_offer(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2), to;
    struct ice ice = on_path(&a);
    uint8_t check[256];
    const struct check early = {.username = UFRAG ":again", .nominate = true, .priority = 1};
    CHECK_EQ(send_only(&ice, &early, &b, MP_S(3)).event, ICE_PATH_NEW);
    CHECK_EQ(ice_output(&ice, &to, check, sizeof check, MP_S(3)), 0); /* no password to sign with */
    struct ice_description d = restarted_client(2, UFRAG2, "again");
    ice_credentials_set(&ice, &d);
    CHECK_EQ(asks(&ice, &b, "again:" UFRAG, CLIENT_PASSWORD2, MP_S(4)).event, ICE_SELECTED);
    CHECK(path_equal(ice_selected(&ice), &b));
}

static void client_may_restart_again_and_again_under_our_first_credentials(void)
{
    struct path from = path_from("198.51.100.7", 1);
    struct ice ice = on_path(&from);
    for (uint32_t g = 2; g <= 20; g++) {
        char ours[UFRAG_SIZE + 1], client[16], username[64], called[64];
        snprintf(ours, sizeof ours, "0001%08u", g);
        snprintf(client, sizeof client, "client%u", g);
        snprintf(username, sizeof username, UFRAG ":%s", client);
        snprintf(called, sizeof called, "%s:" UFRAG, client);
        struct ice_description d = restarted_client(g, ours, client);
        ice_credentials_set(&ice, &d);
        from = path_from("198.51.100.7", (uint16_t)g);
        send_only(&ice, &(struct check){.username = username, .nominate = true}, &from, MP_S(g));
        CHECK_EQ(asks(&ice, &from, called, CLIENT_PASSWORD2, MP_S(g)).event, ICE_SELECTED);
        CHECK_EQ(ice.credentials[0].generation, 1);
    }
}

/* The client's half alone may be of the restart that is replaced. */
static void nomination_ends_with_the_clients_half(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2);
    for (int kept = 0; kept < 2; kept++) { /* whether the path is of the restart that is not replaced */
        struct ice ice = on_path(&a);
        struct ice_description second = restarted_client(2, UFRAG2, "again"),
                               third = restarted_client(3, UFRAG3, "more"),
                               fourth = restarted_client(4, UFRAG4, "last");
        const struct check nominated = {.username = kept ? UFRAG ":more" : UFRAG ":again", .nominate = true};
        ice_credentials_set(&ice, &second);
        ice_credentials_set(&ice, &third);
        CHECK_EQ(send_only(&ice, &nominated, &b, MP_S(3)).event, ICE_PATH_NEW);
        CHECK(ice.wanted != ice.selected);
        ice_credentials_set(&ice, &fourth);
        CHECK_EQ(ice.wanted == ice.selected, !kept);
    }
}

/* The client restarts again before it used the previous restart's credentials, whose answer it has by now. */
static void client_may_restart_under_what_the_last_restart_brought(void)
{
    struct path a = path_from("198.51.100.7", 1), b = path_from("198.51.100.7", 2),
                c = path_from("198.51.100.7", 3);
    struct ice ice = on_path(&a);
    struct ice_description second = restarted_client(2, UFRAG2, "again"),
                           third = restarted_client(3, UFRAG3, "more");
    ice_credentials_set(&ice, &second);
    send_only(&ice, &(struct check){.username = UFRAG ":again", .nominate = true}, &b, MP_S(3));
    CHECK_EQ(asks(&ice, &b, "again:" UFRAG, CLIENT_PASSWORD2, MP_S(3)).event, ICE_SELECTED);
    const struct check check = {.username = UFRAG2 ":more", .password = PASSWORD2, .nominate = true};
    CHECK_EQ(send_only(&ice, &check, &c, MP_S(4)).event, ICE_PATH_NEW); /* ahead of its offer */
    ice_credentials_set(&ice, &third);
    struct ice_answer r = asks(&ice, &c, "more:" UFRAG2, CLIENT_PASSWORD2, MP_S(4));
    CHECK_EQ(r.event, ICE_SELECTED);
    CHECK_EQ(ice.credentials[0].generation, 2);
    CHECK_EQ(send_only(&ice, &check, &c, MP_S(5)).event, ICE_CHECK);
}

static void reply_without_room_is_silence(void)
{
    uint8_t p[256];
    struct stun_view v;
    struct path a = path_from("198.51.100.7", 1);
    size_t len = check_write(p, sizeof p, &(struct check){0});
    for (size_t size = 0; size < 80; size++) {
        struct ice ice = fresh();
        uint8_t *out = malloc(size + 1);
        stun_parse(&v, p, len);
        CHECK_EQ(ice_input(&ice, &v, &a, out + 1, size, MP_S(2)).len, size < 64 ? 0 : 64);
        free(out);
    }
}

static void username_is_split_at_its_first_colon(void)
{
    struct bytes local;
    CHECK(ice_username_local((struct bytes){(const uint8_t *)"ab:cd:ef", 8}, &local) &&
          bytes_equal(local, "ab", 2));
    CHECK(ice_username_local((struct bytes){(const uint8_t *)"ab:", 3}, &local) &&
          bytes_equal(local, "ab", 2));
    CHECK(!ice_username_local((struct bytes){(const uint8_t *)":cd", 3}, &local));
    CHECK(!ice_username_local((struct bytes){(const uint8_t *)"abcd", 4}, &local));
    CHECK(!ice_username_local((struct bytes){(const uint8_t *)"", 0}, &local));
    CHECK(!ice_username_local((struct bytes){NULL, 0}, &local));
}

/* --- candidate lines --- */

static bool read_line(struct candidate *c, const char *text)
{
    return candidate_parse(c, (const char *)exact(text, strlen(text)), strlen(text));
}

static void browsers_candidate_lines_are_read(void)
{
    struct candidate c;
    struct address a;
    CHECK(read_line(
        &c, "candidate:842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.0.17 rport 46154 "
            "generation 0 ufrag EEtu network-id 1 network-cost 10"));
    CHECK(!strcmp(c.foundation, "842163049"));
    CHECK(c.component == 1 && !c.tcp && c.priority == 1677729535 && c.type == CANDIDATE_SRFLX && !c.hidden);
    address_parse(&a, "203.0.113.5", 46154);
    CHECK(address_equal(&c.address, &a));
    CHECK(read_line(&c, "a=candidate:0 1 UDP 2122187007 2001:db8::1 54321 typ host"));
    address_parse(&a, "2001:db8::1", 54321);
    CHECK(address_equal(&c.address, &a) && c.type == CANDIDATE_HOST);
    CHECK(read_line(&c, "a+b/ 256 udp 1 192.0.2.1 0 typ relay raddr :: rport 0"));
    CHECK(c.component == 256 && c.type == CANDIDATE_RELAY);
    CHECK(read_line(&c, "candidate:1 1 udp 1 192.0.2.1 1 typ prflx") && c.type == CANDIDATE_PRFLX);
}

static void mdns_names_are_hidden_addresses(void)
{
    static const struct address none;
    struct candidate c;
    CHECK(read_line(
        &c, "candidate:1 1 udp 2113937151 2f3a9b1e-0c6d-4e8f-9a43-5f0f8d0a77aa.local 60769 typ host"));
    CHECK(c.hidden && address_equal(&c.address, &none));
    CHECK(read_line(&c, "candidate:1 1 udp 1 ABC.LOCAL 1 typ host") && c.hidden);
    CHECK(!read_line(&c, "candidate:1 1 udp 1 .local 1 typ host"));
    CHECK(!read_line(&c, "candidate:1 1 udp 1 a/b.local 1 typ host"));
    CHECK(!read_line(&c, "candidate:1 1 udp 1 a.local.example.org 1 typ host"));
    for (int len = 254; len < 258; len++) { /* RFC 1035 2.3.4: a name has 255 octets at most */
        char line[400];
        snprintf(line, sizeof line, "candidate:1 1 udp 1 %0*d.local 1 typ host", len - 6, 0);
        CHECK_EQ(read_line(&c, line), len <= 255);
    }
}

static void tcp_candidates_have_a_tcptype(void)
{
    struct candidate c;
    CHECK(read_line(&c, "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0") &&
          c.tcp);
    CHECK(read_line(&c, "candidate:1 1 TCP 1 192.0.2.1 9 typ host generation 0 tcptype passive") && c.tcp);
    CHECK(read_line(&c, "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype so"));
    CHECK(!read_line(&c, "candidate:1 1 tcp 1 192.0.2.1 9 typ host"));
    CHECK(!read_line(&c, "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype lazy"));
    CHECK(!read_line(&c, "candidate:1 1 udp 1 192.0.2.1 9 typ host tcptype active"));
}

static void malformed_candidates_are_refused(void)
{
    static const char *const lines[] = {
        "",
        "candidate:",
        "a=candidate:",
        " 1 1 udp 1 192.0.2.1 1 typ host",
        "candidate: 1 udp 1 192.0.2.1 1 typ host",
        "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host",
        "candidate:a-b 1 udp 1 192.0.2.1 1 typ host",
        "candidate:1 0 udp 1 192.0.2.1 1 typ host",
        "candidate:1 257 udp 1 192.0.2.1 1 typ host",
        "candidate:1 x udp 1 192.0.2.1 1 typ host",
        "candidate:1 -1 udp 1 192.0.2.1 1 typ host",
        "candidate:1 1 sctp 1 192.0.2.1 1 typ host",
        "candidate:1 1 ssltcp 1 192.0.2.1 443 typ host tcptype passive",
        "candidate:1 1 udp 2147483648 192.0.2.1 1 typ host",
        "candidate:1 1 udp 99999999999 192.0.2.1 1 typ host",
        "candidate:1 1 udp 1 192.0.2.256 1 typ host",
        "candidate:1 1 udp 1 [2001:db8::1] 1 typ host",
        "candidate:1 1 udp 1 example.org 1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 192.0.2.1  1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 1 typ",
        "candidate:1 1 udp 1 192.0.2.1 1 typ ",
        "candidate:1 1 udp 1 192.0.2.1 1 typ hostess",
        "candidate:1 1 udp 1 192.0.2.1 1 type host",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host ",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host generation",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host generation  0",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host\ta b",
    };
    struct candidate c;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (read_line(&c, lines[i])) {
            printf("# accepted: %s\n", lines[i]);
            CHECK(false);
        }
    static const char nul[] = "candidate:1 1 udp 1 192.0.2.1 1 typ host a\0b c";
    CHECK(!candidate_parse(&c, nul, sizeof nul - 1));
}

static void every_length_of_a_candidate_is_survived(void)
{
    static const char line[] =
        "a=candidate:842163049 1 tcp 1677729535 2001:db8::5 46154 typ srflx raddr 10.0.0.17 rport 9 "
        "tcptype passive generation 0";
    struct candidate c;
    for (size_t len = 0; len < sizeof line; len++)
        candidate_parse(&c, (const char *)exact(line, len), len);
    struct prng r;
    prng_seed(&r, 2);
    for (int i = 0; i < 20000; i++) {
        char text[sizeof line];
        memcpy(text, line, sizeof line);
        for (int k = 0; k < 3; k++)
            text[prng_below(&r, sizeof line - 1)] = (char)prng_next(&r);
        candidate_parse(&c, (const char *)exact(text, sizeof line - 1), sizeof line - 1);
    }
}

static void written_candidate_reads_back(void)
{
    const char *ips[] = {"192.0.2.1", "2001:db8::1"};
    for (int i = 0; i < 16; i++) {
        struct candidate c = {.foundation = "f1",
                              .component = 1,
                              .tcp = i & 1,
                              .type = i & 2 ? CANDIDATE_SRFLX : CANDIDATE_HOST},
                         back;
        char text[256], cut[256];
        address_parse(&c.address, ips[i >> 2 & 1], 5000);
        c.priority = candidate_priority(c.type, (uint16_t)(i * 1000), 1);
        size_t len = candidate_write(&c, text, sizeof text);
        CHECK(len > 0 && strlen(text) == len);
        CHECK(candidate_parse(&back, text, len));
        CHECK(!strcmp(back.foundation, c.foundation) && back.component == 1 && back.tcp == c.tcp &&
              back.priority == c.priority && back.type == c.type && address_equal(&back.address, &c.address));
        CHECK_EQ(candidate_write(&c, cut, len), 0);
        CHECK_EQ(candidate_write(&c, cut, len + 1), len);
    }
}

static void written_candidates_are_these(void)
{
    struct candidate c = {.foundation = "1", .component = 1, .priority = 2130706431};
    char text[256];
    address_parse(&c.address, "192.0.2.1", 8000);
    candidate_write(&c, text, sizeof text);
    CHECK(!strcmp(text, "candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host"));
    c.type = CANDIDATE_SRFLX;
    candidate_write(&c, text, sizeof text);
    CHECK(!strcmp(text, "candidate:1 1 udp 2130706431 192.0.2.1 8000 typ srflx raddr 0.0.0.0 rport 0"));
    address_parse(&c.address, "2001:db8::1", 8000);
    c.tcp = true;
    candidate_write(&c, text, sizeof text);
    CHECK(!strcmp(
        text, "candidate:1 1 tcp 2130706431 2001:db8::1 8000 typ srflx raddr :: rport 0 tcptype passive"));
}

static void priorities_follow_the_formula(void)
{
    CHECK_EQ(candidate_priority(CANDIDATE_HOST, 65535, 1), 2130706431);
    CHECK_EQ(candidate_priority(CANDIDATE_SRFLX, 65535, 1), 1694498815);
    CHECK_EQ(candidate_priority(CANDIDATE_PRFLX, 0, 256), 110u << 24);
    CHECK_EQ(candidate_priority(CANDIDATE_RELAY, 1, 2), 256 + 254);
}

TEST_MAIN(
    TEST(response_is_signed_and_carries_the_mapped_address),
    TEST(what_is_not_authentic_learns_and_answers_nothing), TEST(every_flipped_bit_of_a_check_learns_nothing),
    TEST(forged_checks_do_not_touch_a_running_session), TEST(first_check_from_a_path_is_told),
    TEST(one_remote_over_two_local_addresses_is_two_paths), TEST(plain_checks_never_move_the_path),
    TEST(nomination_of_the_selected_path_is_no_event),
    TEST(aggressive_nomination_settles_on_the_highest_priority), TEST(client_can_move_to_a_lower_priority),
    TEST(client_behind_a_new_mapping_moves_at_once), TEST(move_tells_how_long_the_old_path_was_silent),
    TEST(controlled_client_gets_487), TEST(unknown_required_attribute_gets_420),
    TEST(tuples_are_bounded_and_the_selected_stays), TEST(full_table_still_takes_a_nomination),
    TEST(consent_ends_after_30_s), TEST(consent_of_the_selected_path_ends_for_itself),
    TEST(media_is_no_consent), TEST(full_table_takes_the_credentials_of_a_restart),
    TEST(credit_of_an_unproved_path_is_bounded), TEST(own_check_is_what_a_controlling_client_expects),
    TEST(media_goes_only_where_a_check_of_ours_was_answered), TEST(transactions_do_not_repeat),
    TEST(victim_of_a_nomination_gets_three_times_the_bytes), TEST(unanswered_check_is_repeated_five_times),
    TEST(credentials_may_come_after_the_first_check), TEST(media_from_a_new_mapping_moves_after_a_check),
    TEST(client_that_chooses_among_its_addresses_does_not_roam),
    TEST(mapping_that_comes_back_is_followed_when_the_other_is_silent),
    TEST(media_before_a_nomination_moves_nothing), TEST(roaming_path_that_does_not_answer_is_tried_again),
    TEST(quiet_path_is_checked_and_told_as_lost), TEST(who_was_heard_all_the_time_is_missed_sooner),
    TEST(restart_keeps_the_old_path_until_the_new_one_is_selected),
    TEST(restart_on_the_same_path_needs_a_nomination_too), TEST(oldest_restart_gives_way_to_a_further_one),
    TEST(nomination_ends_with_its_credentials), TEST(nomination_of_a_kept_restart_stays),
    TEST(nomination_ends_with_the_clients_half), TEST(hundred_restarts_end_where_they_should),
    TEST(client_may_restart_under_our_old_credentials), TEST(check_of_a_restart_may_overtake_its_offer),
    TEST(client_may_restart_again_and_again_under_our_first_credentials),
    TEST(client_may_restart_under_what_the_last_restart_brought), TEST(reply_without_room_is_silence),
    TEST(username_is_split_at_its_first_colon), TEST(browsers_candidate_lines_are_read),
    TEST(mdns_names_are_hidden_addresses), TEST(tcp_candidates_have_a_tcptype),
    TEST(malformed_candidates_are_refused), TEST(every_length_of_a_candidate_is_survived),
    TEST(written_candidate_reads_back), TEST(written_candidates_are_these),
    TEST(priorities_follow_the_formula))
