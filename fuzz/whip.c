/* WHIP and WHEP: requests as a script. Each has a method and the kinds of its path, type, tag and body, then
 * the texts of parts that are not fixed. For any of them the answer must be valid HTTP, and no participant
 * may be left at the end. */
#include "signal/whip.h"
#include "fuzz/control_stage.h"
#include "fuzz/fuzz.h"
#include <stdio.h>
#include <stdlib.h>

#define REQUESTS_MAX 24

static struct control_stage stage;
static struct whip *whip;
static char location[128], tag[80], offered[16384];

/* A text of the script, without zeros, as from HTTP. */
static const char *text(struct bytes *script, char *out, size_t size)
{
    struct bytes b = script_bytes(script);
    size_t n = 0;
    for (size_t i = 0; i < b.len && n + 1 < size; i++)
        if (b.data[i])
            out[n++] = (char)b.data[i];
    out[n] = 0;
    return out;
}

static void value_of(const char *headers, const char *name, char *out, size_t size)
{
    const char *at = strstr(headers, name);
    if (at)
        snprintf(out, size, "%.*s", (int)strcspn(at + strlen(name), "\n"), at + strlen(name));
}

/* Lines of "name: value", so that no text can begin a header or the body. */
static void check_headers(const char *headers)
{
    for (const char *line = headers; *line; line = strchr(line, '\n') + 1) {
        size_t n = strcspn(line, "\n"), name = strcspn(line, ":");
        INVARIANT(line[n] == '\n' && name > 0 && name + 1 < n && line[name + 1] == ' ');
        for (size_t i = 0; i < n; i++)
            INVARIANT((unsigned char)line[i] >= ' ');
    }
}

static void request(struct bytes *script)
{
    static char path[600], query[600], type[80], match[80], body[16384];
    uint8_t how = script_u8(script), what = script_u8(script);
    struct whip_request q = {
        .method = (enum whip_method)(how % 5), .host = "monoport.example", .origin = "", .authorization = ""};
    struct whip_response r;
    INVARIANT(address_parse(&q.local, "192.0.2.1", 8000));
    q.path = what & 4   ? text(script, path, sizeof path)
             : what & 2 ? location
             : what & 1 ? "/whep/room"
                        : "/whip/room";
    q.query = how & 128 ? text(script, query, sizeof query) : "name=N";
    q.content_type = what & 16  ? text(script, type, sizeof type)
                     : what & 8 ? "application/trickle-ice-sdpfrag"
                                : "application/sdp";
    q.if_match = what & 64 ? text(script, match, sizeof match) : what & 32 ? tag : "*";
    q.body = what & 128 && *offered ? offered : text(script, body, sizeof body);
    q.len = strlen(q.body);
    if (!whip_request(whip, &q, &r, stage.now))
        return;
    INVARIANT(r.status >= 200 && r.status < 600 && r.headers && (r.body || !r.len));
    INVARIANT(!r.body || strlen(r.body) == r.len);
    check_headers(r.headers);
    if (r.status == 201) {
        value_of(r.headers, "location: ", location, sizeof location);
        snprintf(offered, sizeof offered, "%s", q.body);
    }
    value_of(r.headers, "etag: ", tag, sizeof tag);
    free(r.body);
    free(r.headers);
}

static void io_send(void *context, void *socket, const char *text, size_t len)
{
    whip_send(whip, socket, text, len);
}

static void io_close(void *context, void *socket, uint16_t code, const char *reason)
{
    whip_close(whip, socket);
}

void fuzz_whip(const uint8_t *data, size_t len)
{
    struct bytes script = {data, len};
    snprintf(location, sizeof location, "/resource/0-");
    tag[0] = offered[0] = 0;
    control_stage_begin(&stage, (struct signal_io){.send = io_send, .close = io_close});
    whip = whip_new(stage.signaling, 8);
    INVARIANT(whip != NULL);
    for (unsigned i = 0; script.len && i < REQUESTS_MAX; i++) {
        stage.now += MP_S(1 + (script.data[0] & 15));
        request(&script);
        control_stage_work(&stage);
        whip_turn(whip, stage.now);
    }
    whip_close_all(whip, stage.now);
    whip_free(whip);
    control_stage_end(&stage);
}
