#include "load/join.h"
#include "load/views.h"
#include "net/random.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct join {
    const struct options *options;
    const struct join_io *io;
    unsigned number;
    bool answered;
    struct media_remote remote; /* once answered */
    struct description description;
    struct views views;
    char id[37], ufrag[9], password[33];
};

static void hex(char *out, size_t bytes)
{
    uint8_t random[16];
    random_bytes(random, bytes);
    for (size_t i = 0; i < bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

struct join *join_new(const struct options *o, const struct join_io *io, unsigned number,
                      const struct media_peer *p, const uint8_t fingerprint[32])
{
    struct join *j = calloc(1, sizeof *j);
    char digits[33];
    if (!j)
        return NULL;
    j->options = o;
    j->io = io;
    j->number = number;
    hex(digits, 16); /* RFC 9562 5.4: a random UUID */
    snprintf(j->id, sizeof j->id, "%.8s-%.4s-4%.3s-8%.3s-%.12s", digits, digits + 8, digits + 13, digits + 17,
             digits + 20);
    hex(j->ufrag, 4);
    hex(j->password, 16);
    j->description = (struct description){.ufrag = j->ufrag,
                                          .password = j->password,
                                          .sources = p->sources,
                                          .source_count = p->source_count,
                                          .receives = p->receives,
                                          .feedback = o->feedback > 0};
    memcpy(j->description.fingerprint, fingerprint, 32);
    views_begin(&j->views, o, number);
    return j;
}

void join_free(struct join *j)
{
    if (j)
        views_end(&j->views);
    free(j);
}

static void join_say(struct join *j, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    if (text)
        j->io->send(j->io->context, j->number, text, strlen(text));
    else
        j->io->failed(j->io->context, j->number, "out of memory");
    free(text);
    json_decref(message);
}

static void say_description(struct join *j, const char *type, char *sdp)
{
    if (sdp)
        join_say(j, json_pack("{s:s, s:s, s:s}", "type", type, "peerId", j->id, "sdp", sdp));
    else
        j->io->failed(j->io->context, j->number, "no description to send");
    free(sdp);
}

void join_opened(struct join *j)
{
    const struct options *o = j->options;
    bool publishes = j->description.source_count;
    const char *role = o->meeting && publishes ? "call" : publishes ? "stream" : "watch";
    json_t *message = json_pack("{s:s, s:s, s:s, s:s}", "type", "join-room", "peerId", j->id, "room", o->room,
                                "role", role);
    char name[32];
    snprintf(name, sizeof name, "load-%u", j->number + 1);
    if (message && !o->talk) /* else each client would wait for sounds that the server leaves out */
        json_object_set_new(message, "sounds", json_string("all"));
    if (message && o->names)
        json_object_set_new(message, "name", json_string(name));
    join_say(j, message);
    say_description(
        j, "offer",
        describe_offer(&j->description, publishes ? o->audio : true, publishes ? o->video : true));
}

void join_leave(struct join *j) { join_say(j, json_pack("{s:s, s:s}", "type", "leave", "peerId", j->id)); }

static void say_views(struct join *j)
{
    json_t *tracks = views_tracks(&j->views);
    if (tracks)
        join_say(j, json_pack("{s:s, s:s, s:o}", "type", "view", "peerId", j->id, "tracks", tracks));
}

void join_step(struct join *j, mp_time now)
{
    if (views_step(&j->views, now))
        say_views(j);
}

uint64_t join_views(const struct join *j) { return j->views.told; }

static bool by_turn(const struct join *j)
{
    return j->options->way >= WAY_TURN_TCP && j->number >= j->options->publishers;
}

static void on_answer(struct join *j, json_t *sdp)
{
    if (j->answered)
        return;
    const char *wrong = json_is_string(sdp) ? describe_read(&j->remote, json_string_value(sdp),
                                                            json_string_length(sdp), &j->options->server)
                                            : "its answer contains no description";
    if (wrong) {
        j->io->failed(j->io->context, j->number, wrong);
        return;
    }
    snprintf(j->remote.ufrag, sizeof j->remote.ufrag, "%s", j->ufrag);
    snprintf(j->remote.password, sizeof j->remote.password, "%s", j->password);
    j->answered = true;
    if (by_turn(j))
        join_say(j, json_pack("{s:s, s:s}", "type", "turn", "peerId", j->id));
    else
        j->io->connect(j->io->context, j->number, &j->remote);
}

static void on_turn(struct join *j, json_t *servers)
{
    json_t *server = json_array_get(servers, 0);
    const char *username = json_string_value(json_object_get(server, "username"));
    const char *credential = json_string_value(json_object_get(server, "credential"));
    struct turn_login *login = &j->remote.turn;
    if (!username || !credential || strlen(username) >= sizeof login->username ||
        strlen(credential) >= sizeof login->password) {
        j->io->failed(j->io->context, j->number, "the server has no TURN");
        return;
    }
    snprintf(login->username, sizeof login->username, "%s", username);
    snprintf(login->password, sizeof login->password, "%s", credential);
    j->io->connect(j->io->context, j->number, &j->remote);
}

static void on_offer(struct join *j, json_t *message)
{
    json_t *sdp = json_object_get(message, "sdp");
    const char *text = json_string_value(sdp);
    size_t len = json_string_length(sdp);
    if (!text)
        return;
    say_description(j, "answer", describe_answer(&j->description, text, len));
    if (views_offer(&j->views, text, len, json_object_get(message, "streams")))
        say_views(j);
}

static void on_speaker(struct join *j, json_t *id)
{
    if (views_speaker(&j->views, json_string_value(id)))
        say_views(j);
}

static void on_error(struct join *j, json_t *message)
{
    char why[200];
    const char *code = json_string_value(json_object_get(message, "code"));
    const char *text = json_string_value(json_object_get(message, "message"));
    snprintf(why, sizeof why, "the server says %s: %s", code ? code : "error", text ? text : "");
    j->io->failed(j->io->context, j->number, why);
}

void join_text(struct join *j, const char *text, size_t len)
{
    json_t *message = json_loadb(text, len, 0, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    json_t *sdp = json_object_get(message, "sdp");
    if (!type)
        j->io->failed(j->io->context, j->number,
                      "the server sent something that is not a message (a JSON object with a type)");
    else if (strcmp(type, "answer") == 0)
        on_answer(j, sdp);
    else if (strcmp(type, "offer") == 0)
        on_offer(j, message);
    else if (strcmp(type, "speaker") == 0)
        on_speaker(j, json_object_get(message, "id"));
    else if (strcmp(type, "turn") == 0)
        on_turn(j, json_object_get(message, "iceServers"));
    else if (strcmp(type, "error") == 0)
        on_error(j, message);
    else if (strcmp(type, "bye") == 0)
        j->io->failed(j->io->context, j->number, "the server ends the session");
    json_decref(message);
}
