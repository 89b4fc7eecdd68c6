#include "base/check.h"
#include "tests/sim/guest_internal.h"
#include "tests/sim/invariants.h"
#include "tests/sim/socket.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void say(struct sim *s, struct guest *g, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    INVARIANT(text != NULL);
    if (g->socket)
        socket_text(s, g->socket, true, text, strlen(text));
    free(text);
    json_decref(message);
}

static void say_description(struct sim *s, struct guest *g, const char *type, char *sdp)
{
    INVARIANT(sdp != NULL);
    say(s, g, json_pack("{s:s, s:s, s:s}", "type", type, "peerId", g->id, "sdp", sdp));
    free(sdp);
}

void guest_say_join(struct sim *s, struct guest *g)
{
    static const char *const roles[] = {"call", "stream", "watch"};
    char room[] = "room-0";
    room[5] = (char)('0' + g->room);
    if (sabotaged(s, SABOTAGE_SIGNALING))
        say(s, g, json_pack("{s:s}", "type", "no such message"));
    say(s, g,
        json_pack("{s:s, s:s, s:s, s:s}", "type", "join-room", "peerId", g->id, "room", room, "role",
                  roles[g->role]));
    say_description(s, g, "offer", describe_offer(&g->description, true, true));
}

void guest_say_leave(struct sim *s, struct guest *g)
{
    say(s, g, json_pack("{s:s, s:s}", "type", "leave", "peerId", g->id));
}

void guest_mute(struct sim *s, struct guest *g, unsigned times)
{
    for (; times && g->socket; times--) {
        g->muted = !g->muted;
        say(s, g, json_pack("{s:s, s:s, s:b}", "type", "mute", "peerId", g->id, "audio", (int)g->muted));
    }
}

static void on_answer(struct sim *s, struct guest *g, const char *sdp)
{
    struct media_remote remote = {.ufrag = ""};
    const char *wrong = describe_read(&remote, sdp, strlen(sdp), &g->server);
    if (wrong)
        violated(s, "signaling", "guest %u: %s", g->number, wrong);
    else if (!g->client)
        guest_connect(s, g, &remote);
}

/* Reads which streams the guest will receive from now on. */
static void read_sections(struct sim *s, struct guest *g, const char *offer)
{
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(offer, strlen(offer), &error);
    if (!sdp) {
        violated(s, "signaling", "guest %u cannot read the server's offer: %s", g->number,
                 sdp_error_text(error));
        return;
    }
    for (unsigned i = 0; i < DECODERS_MAX; i++) {
        struct decoder *d = &g->decoders[i];
        bool wanted = false;
        for (size_t k = 0; k < sdp->count && d->used; k++)
            wanted |= sdp->sections[k].direction == SDP_SENDONLY && sdp->sections[k].ssrc_count &&
                      sdp->sections[k].ssrcs[0].ssrc == d->ssrc;
        if (!d->used || wanted)
            continue;
        if (g->client) {
            client_ended(g->client, d->ssrc);
            client_ended(g->client, d->rtx_ssrc);
        }
        decoder_free(d);
    }
    for (size_t k = 0; k < sdp->count; k++) {
        const struct sdp_section *in = &sdp->sections[k];
        if (in->direction == SDP_SENDONLY && in->ssrc_count && in->port)
            guest_section(g, in->kind == SDP_VIDEO, in->ssrcs[0].ssrc, in->ssrcs[0].rtx);
    }
    sdp_free(sdp);
}

static void on_error(struct sim *s, struct guest *g, const char *code)
{
    tell(s, "guest %u: the server says %s", g->number, code);
    if (strcmp(code, "server-full") != 0 && strcmp(code, "room-full") != 0)
        violated(s, "signaling", "guest %u did nothing wrong, but the server says %s", g->number, code);
    guest_lost(s, g, GUEST_CLOSES);
}

void guest_text(struct sim *s, struct guest *g, const char *text, size_t len)
{
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    const char *sdp = json_string_value(json_object_get(message, "sdp"));
    const char *code = json_string_value(json_object_get(message, "code"));
    if (type && !roster_take(&g->roster, type, message))
        violated(s, "news", "guest %u cannot make sense of %s", g->number, text);
    if (!type) {
        violated(s, "signaling", "guest %u was sent what is no message", g->number);
    } else if (strcmp(type, "answer") == 0 && sdp) {
        on_answer(s, g, sdp);
    } else if (strcmp(type, "offer") == 0 && sdp) {
        read_sections(s, g, sdp);
        say_description(s, g, "answer", describe_answer(&g->description, sdp, strlen(sdp)));
    } else if (strcmp(type, "error") == 0) {
        on_error(s, g, code ? code : "nothing");
    } else if (strcmp(type, "bye") == 0) {
        tell(s, "guest %u: bye, %s", g->number, json_string_value(json_object_get(message, "reason")));
        guest_lost(s, g, GUEST_CLOSES);
    }
    if (g->socket)
        guest_plan(s, g);
    json_decref(message);
}
