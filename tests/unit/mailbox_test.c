#include "server/mailbox.h"
#include "tests/unit/test.h"
#include <string.h>

static unsigned wakes;
static struct waker reader;
static struct mailbox box;

static void woken(void *context) { wakes++; }

static void begin(void)
{
    wakes = 0;
    reader = (struct waker){.wake = woken};
    CHECK(mailbox_init(&box, 4096, &reader));
    waker_sleep(&reader);
}

static const struct message must = {.type = MESSAGE_ENDED, .to = TO_CONTROL, .session = 1},
                            may_wait = {.type = MESSAGE_CONNECTED, .to = TO_CONTROL, .session = 2};

/* Reads all messages; returns their number. */
static unsigned read_all(void)
{
    struct message m;
    unsigned n = 0;
    for (; mailbox_peek(&box, &m); n++)
        mailbox_next(&box);
    return n;
}

static void a_sleeping_reader_is_woken_once_for_all_that_was_written(void)
{
    begin();
    CHECK(mailbox_send(&box, &must) && mailbox_send(&box, &must));
    CHECK_EQ(wakes, 0);
    CHECK(mailbox_flush(&box) && mailbox_flush(&box));
    CHECK_EQ(wakes, 1);
    CHECK_EQ(read_all(), 2);
    mailbox_free(&box);
}

static void for_what_may_wait_nobody_is_woken(void)
{
    begin();
    CHECK(mailbox_send(&box, &may_wait) && mailbox_flush(&box));
    CHECK_EQ(wakes, 0);
    CHECK(mailbox_send(&box, &must) && mailbox_flush(&box));
    CHECK_EQ(wakes, 1);
    CHECK_EQ(read_all(), 2);
    mailbox_free(&box);
}

static void a_reader_is_woken_when_there_is_no_room_for_what_may_wait(void)
{
    unsigned sent = 0;
    begin();
    while (wakes == 0 && sent < 4096) {
        CHECK(mailbox_send(&box, &may_wait));
        mailbox_flush(&box);
        sent++;
    }
    CHECK_EQ(wakes, 1);
    unsigned there = read_all();
    CHECK_EQ(there, sent - 1);
    CHECK(mailbox_flush(&box)); /* the message without room */
    CHECK_EQ(read_all(), 1);
    mailbox_free(&box);
}

/* A key frame of 12 packets of 1200 bytes finds a ring of 4096 bytes: its last packets would never fit,
 * however often the publisher sent one. */
static void media_that_finds_the_ring_full_waits_in_order(void)
{
    static uint8_t payload[1200];
    struct message media = {.type = MESSAGE_MEDIA, .payload = {payload, sizeof payload}}, m;
    begin();
    for (media.track = 0; media.track < 12; media.track++)
        CHECK(mailbox_send(&box, &media));
    for (unsigned i = 0; i < 12; i++) {
        mailbox_flush(&box);
        CHECK(mailbox_peek(&box, &m) && m.track == i && m.payload.len == sizeof payload);
        mailbox_next(&box);
    }
    CHECK(mailbox_flush(&box) && box.waiting == 0);
    CHECK_EQ(read_all(), 0);
    mailbox_free(&box);
}

static void of_a_reader_that_stands_still_no_more_than_the_limit_is_kept(void)
{
    static uint8_t payload[1200];
    struct message media = {.type = MESSAGE_MEDIA, .payload = {payload, sizeof payload}};
    unsigned kept = 0;
    begin();
    while (mailbox_send(&box, &media) && kept < 1000)
        kept++;
    CHECK(box.waiting <= MAILBOX_WAITING && box.waiting > MAILBOX_WAITING - 2 * sizeof payload);
    CHECK(kept > MAILBOX_WAITING / 2 / sizeof payload);
    CHECK(mailbox_send(&box, &must)); /* must arrive: no limit */
    CHECK(!mailbox_send(&box, &media));
    mailbox_free(&box);
}

TEST_MAIN(TEST(a_sleeping_reader_is_woken_once_for_all_that_was_written),
          TEST(for_what_may_wait_nobody_is_woken),
          TEST(a_reader_is_woken_when_there_is_no_room_for_what_may_wait),
          TEST(media_that_finds_the_ring_full_waits_in_order),
          TEST(of_a_reader_that_stands_still_no_more_than_the_limit_is_kept))
