/* The invariants of the simulation. Each has a name, which `simulate` prints when it does not hold:
 *
 *   authentication  media, DTLS and RTCP go only to addresses that an authenticated check came from; unknown
 *                   senders get at most 1.6 times the bytes that they sent, guests at a new address 3 times
 *   room            nobody receives media of a room that it is not in
 *   content         every delivered payload was sent by a guest, byte for byte
 *   continuity      frames with neighbouring numbers are neighbours
 *   decoding        everybody decodes everybody else in the room, soon after the last fault
 *   connection      a connection that is up does not fail because of datagrams from the network
 *   owners          one worker has a session, and all workers agree on which; paths and replicas point to
 *                   existing objects
 *   nonces          no packet number is used twice under one key for different bytes
 *   pools           when all have left, every pool is empty
 *   layers          nobody receives two layers of a source at once: one follows another at its key frame; in
 *                   the end everybody receives the highest that its publisher sends (decoding)
 *   numbers         nothing is sent of a stream that is paused, and its numbers continue behind the last that
 *                   was sent; one is left out only behind half a picture
 *   deadlines       no worker loops without end
 *   signaling       a guest that keeps to the protocol is not refused
 *   news            the news of other guests are consistent, one message after the other, and soon true */
#pragma once
#include "base/path.h"
#include "sfu/message.h"
#include "tests/sim/sim.h"

struct guest;
struct content;

void invariants_open(struct sim *);
void invariants_close(struct sim *);

/* The server receives a datagram: unchanged from a guest; from a stranger, or changed by the network. */
void note_datagram(struct sim *, const struct address *, size_t len, bool check);
void note_stranger(struct sim *, const struct address *, size_t len);
struct credentials { /* of a guest's session, while it is the last in its slot */
    char ufrag[16], password[32];
    unsigned room, guest;
    uint32_t session;
};
/* One of all present and past sessions; NULL: there was none yet. */
const struct credentials *some_session(struct sim *, unsigned number);
/* A guest learned the credentials of its session. */
void note_session(struct sim *, const struct guest *, const char *ufrag, const char *password);
/* A guest's transport failed; it may have reported that to the server. */
void note_failed(struct sim *, const struct guest *);
void note_command(struct sim *, const struct message *);
unsigned room_of_track(struct sim *, uint32_t track);

void check_sent(struct sim *, const struct path *, const uint8_t *, size_t len);
void check_event(struct sim *, const struct message *);
void check_room(struct sim *, const struct guest *, const struct content *);
void check_owners(struct sim *);
bool all_connected(struct sim *, mp_time since, char *why, size_t size); /* every guest that wants to be */
/* Every connected guest knows the other connected guests of its room and whether each is muted. */
bool all_know(struct sim *, mp_time since, char *why, size_t size);
/* Every viewer has decoded something made after `since` from every publisher of its room. */
bool all_decode(struct sim *, mp_time since, char *why, size_t size);
void check_empty(struct sim *);
