/* Which sizes the clients of the load generator wish, and when. */
#include "load/views.h"
#include "tests/unit/test.h"

#define SECTION(kind, mid, direction, stream)                                                                \
    "m=" kind " 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:" mid "\r\na=" direction                 \
    "\r\na=rtcp-mux\r\na=rtpmap:96 " kind "/90000\r\na=msid:" stream " track\r\n"

static const char offer[] =
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n" SECTION(
        "video", "s0", "sendonly", "one") SECTION("audio", "s1", "sendonly", "one")
        SECTION("video", "s2", "inactive", "gone") SECTION("video", "s3", "sendonly", "two");

static struct views v;

static void begin(enum view_mode mode, unsigned layers, unsigned number)
{
    static struct options o;
    o = (struct options){.views = mode, .layers = layers};
    views_begin(&v, &o, number);
    json_t *streams = json_pack("[{s:s, s:s}, {s:s, s:s}]", "id", "two", "participant", "second", "id", "one",
                                "participant", "first");
    CHECK(views_offer(&v, offer, sizeof offer - 1, streams) == (mode != VIEWS_NONE));
    json_decref(streams);
}

/* Widths of the two pictures, as 4 digits each; 0: nothing is told. */
static unsigned widths(void)
{
    json_t *tracks = views_tracks(&v);
    unsigned result = 0;
    if (tracks) {
        CHECK_EQ(json_object_size(tracks), 2);
        json_t *first = json_object_get(tracks, "s0"), *second = json_object_get(tracks, "s3");
        result = (unsigned)json_integer_value(json_object_get(first, "width")) * 10000 +
                 (unsigned)json_integer_value(json_object_get(second, "width"));
        CHECK(json_integer_value(json_object_get(first, "height")) * 16 ==
              json_integer_value(json_object_get(first, "width")) * 9);
    }
    json_decref(tracks);
    return result;
}

static void without_wishes_nothing_is_told(void)
{
    begin(VIEWS_NONE, 3, 1);
    CHECK(!views_speaker(&v, "first") && !views_step(&v, MP_S(100)));
    CHECK_EQ(widths(), 0);
    views_end(&v);
}

static void clients_wish_the_layers_in_turn(void)
{
    static const unsigned expected[] = {3200320, 6400640, 12801280, 3200320};
    for (unsigned i = 0; i < 4; i++) {
        begin(VIEWS_SPREAD, 3, i);
        CHECK_EQ(widths(), expected[i]);
        CHECK(!views_step(&v, MP_S(100)));
        views_end(&v);
    }
    begin(VIEWS_SPREAD, 2, 2);
    CHECK_EQ(widths(), 3200320);
    views_end(&v);
}

static void a_wish_steps_one_layer_every_two_seconds(void)
{
    static const unsigned expected[] = {6400640, 12801280, 6400640, 3200320, 6400640};
    mp_time now = MP_S(50);
    begin(VIEWS_STEP, 3, 0);
    CHECK_EQ(widths(), 3200320);
    CHECK(!views_step(&v, now));
    now += VIEWS_STEP_EVERY / 64;
    for (int i = 0; i < 5; i++, now += VIEWS_STEP_EVERY) {
        CHECK(!views_step(&v, now - 1));
        CHECK(views_step(&v, now) && !views_step(&v, now));
        CHECK_EQ(widths(), expected[i]);
    }
    views_end(&v);
}

static void the_speaker_is_shown_large(void)
{
    begin(VIEWS_STAGE, 3, 0);
    CHECK_EQ(widths(), 12800320); /* nobody spoke yet: the first */
    CHECK(views_speaker(&v, "second") && !views_speaker(&v, "second"));
    CHECK_EQ(widths(), 3201280);
    CHECK(!views_speaker(&v, NULL)); /* stays while nobody speaks */
    CHECK_EQ(widths(), 3201280);
    CHECK(views_speaker(&v, "self"));
    CHECK_EQ(widths(), 3200320);
    views_end(&v);
}

TEST_MAIN(TEST(without_wishes_nothing_is_told), TEST(clients_wish_the_layers_in_turn),
          TEST(a_wish_steps_one_layer_every_two_seconds), TEST(the_speaker_is_shown_large))
