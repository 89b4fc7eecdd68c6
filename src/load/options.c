#include "load/options.h"
#include "base/limits.h"
#include "base/manual.h"
#include "load/source.h"
#include <ctype.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING(x)  STRING_(x)
#define STRING_(x) #x

#define VIDEO_BPS_USUAL 1500000

static bool complain(const char *format, ...)
{
    va_list args;
    fputs("monoport-load: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

static bool number(const char *name, const char *text, unsigned min, unsigned max, unsigned *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || strlen(text) > 10 || v < min || v > max)
        return complain("--%s must be a number from %u to %u, not \"%s\"", name, min, max, text);
    *out = (unsigned)v;
    return true;
}

static bool milliseconds(const char *name, const char *text, unsigned min, unsigned max, mp_time *out)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long v = strtoul(text, NULL, 10);
    if (!digits || digits > 6 || strcmp(text + digits, "ms") != 0 || v < min || v > max)
        return complain("--%s must be from %ums to %ums, not \"%s\"", name, min, max, text);
    *out = MP_MS(v);
    return true;
}

/* --- the URL --- */

static bool resolve(struct options *o, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char ip[64];
    int e = getaddrinfo(o->host, port, &hints, &found);
    if (e)
        return complain("%s: %s", o->host, gai_strerror(e));
    e = getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return (!e && address_parse(&o->server, ip, (uint16_t)atoi(port))) ||
           complain("%s: no usable address", o->host);
}

static bool read_url(struct options *o, const char *url)
{
    static const char scheme[] = "ws://";
    char port[6] = "80";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return complain("the server must be given as ws://HOST:PORT/sdp, not \"%s\"", url);
    const char *host = url + sizeof scheme - 1;
    bool bracket = *host == '[';
    size_t n = strcspn(host += bracket, bracket ? "]" : ":/");
    const char *rest = host + n + (bracket && host[n] == ']');
    if (n == 0 || n >= sizeof o->host)
        return complain("no host in \"%s\"", url);
    snprintf(o->host, sizeof o->host, "%.*s", (int)n, host);
    if (*rest == ':') {
        size_t digits = strspn(++rest, "0123456789");
        unsigned value = digits && digits < sizeof port ? (unsigned)atoi(rest) : 0;
        if (value < 1 || value > 65535)
            return complain("no port in \"%s\"", url);
        snprintf(port, sizeof port, "%u", value);
        rest += digits;
    }
    if (*rest && *rest != '/')
        return complain("\"%s\" is not a URL", url);
    snprintf(o->path, sizeof o->path, "%s", *rest ? rest : "/sdp");
    o->url = url;
    return resolve(o, port);
}

/* --- flags --- */

enum {
    ROOM,
    PUBLISHERS,
    VIEWERS,
    MEETING,
    JOIN_RATE,
    NAMES,
    CM,
    TCP,
    TURN,
    VIDEO_BPS,
    LAYERS,
    AUDIO,
    TALK,
    NO_VIDEO,
    EVEN,
    PACE,
    KEYFRAMES,
    FEEDBACK,
    SPREAD,
    STEP,
    STAGE,
    LINE,
    LINE_VIEWERS,
    SECONDS,
    REJOIN,
    CHURN,
    THREADS,
    JSON,
    OPTION_COUNT,
    HELP = OPTION_COUNT,
    MAN,
    VERSION
};

static const struct manual_option options[OPTION_COUNT] = {
    [ROOM] = {"Who joins", "room", "R", "load", "the room"},
    [PUBLISHERS] = {NULL, "publishers", "P", "1", "clients that send, without receiving"},
    [VIEWERS] = {NULL, "viewers", "N", "0", "clients that receive, without sending"},
    [MEETING] = {NULL, "meeting", NULL, NULL, "each publisher receives all the others, too"},
    [JOIN_RATE] = {NULL, "join-rate", "N", "50", "joins that begin in a second"},
    [NAMES] = {NULL, "names", NULL, NULL, "give each client a name: load-1, load-2, ..."},
    [CM] = {NULL, "cm", NULL, NULL, "clients offer AES-CM with HMAC-SHA1 only, not AES-GCM"},
    [TCP] = {NULL, "tcp", NULL, NULL, "viewers connect by ICE-TCP instead of UDP"},
    [TURN] = {NULL, "turn", "tcp|tls", NULL, "viewers connect by the server's TURN, over TCP or TLS"},
    [VIDEO_BPS] = {"What is sent", "video-bps", "N", STRING(VIDEO_BPS_USUAL) "; 2400000 with --layers 3",
                   "bit/s of each publisher's video, in packets of 1200 bytes, 30 frames a second"},
    [LAYERS] =
        {NULL, "layers", "N", "1",
         "simulcast: the video in 2 or 3 layers (rids q, h and f: 320x180, 640x360 and 1280x720), whose "
         "rates are as 150 to 450 to 1800; key frames are six times as large as other pictures, which "
         "are in three temporal layers"},
    [AUDIO] = {NULL, "audio", NULL, NULL, "audio, too: 50 packets of 100 bytes a second"},
    [TALK] = {NULL, "talk", NULL, NULL,
              "publishers speak in turn, by the level that their audio tells, for 4 s each; viewers count as "
              "complete with their first stream, because the server may leave out those that are silent"},
    [NO_VIDEO] = {NULL, "no-video", NULL, NULL, "no video"},
    [EVEN] = {NULL, "even", NULL, NULL, "space packets evenly, instead of sending each frame in one burst"},
    [PACE] = {NULL, "pace", "TIME", "no pauses",
              "send the packets of a frame within TIME, as a browser's pacer does: it takes 13ms"},
    [KEYFRAMES] = {NULL, "keyframes", "N", "0: only the first and on request", "a key frame every N seconds"},
    [FEEDBACK] = {NULL, "feedback", "TIME", "none",
                  "clients that receive tell every TIME which packets arrived and when (transport-wide "
                  "feedback), as browsers do: about every 100ms"},
    [SPREAD] = {NULL, "spread", NULL, NULL,
                "clients that receive wish the sizes of the layers: with three layers a third each"},
    [STEP] = {NULL, "step", NULL, NULL, "likewise, and every 2 s each wishes the next layer, up and down"},
    [STAGE] = {NULL, "stage", NULL, NULL,
               "clients that receive wish the picture of the speaker at 1280x720 and the others at 320x180"},
    [LINE] =
        {NULL, "line", "N", "none",
         "clients that receive are behind a line of N bit/s with a queue of 200 ms, emulated: a packet "
         "counts as arrived when such a line would have delivered it, in latency and feedback too, or as "
         "lost when the queue is full. Nothing is asked for again"},
    [LINE_VIEWERS] = {NULL, "line-viewers", "N", "all",
                      "only the first N clients that receive have that line"},
    [SECONDS] = {"How it runs", "seconds", "S", "10", "how long to measure once everybody has joined"},
    [REJOIN] =
        {NULL, "rejoin", NULL, NULL,
         "a client that loses the server joins again, as the page does; the result says how long that took, "
         "and a client's media figures are those since then"},
    [CHURN] = {NULL, "churn", "N", NULL,
               "instead of measuring, make N stays in all; each ends at a random point between the first "
               "connection and the call, with a goodbye or without"},
    [THREADS] = {NULL, "threads", "N", "1", "threads for media"},
    [JSON] = {NULL, "json", "FILE", NULL, "write the result as JSON, too; - is standard output"},
};

static const struct manual manual = {
    .program = "monoport-load",
    .version = MONOPORT_VERSION,
    .purpose = "load generator for Monoport, a WebRTC SFU",
    .synopsis = "ws://HOST:PORT/sdp --viewers N [OPTION]...",
    .description =
        "Joins a Monoport server with many WebRTC clients (ICE, DTLS, SRTP) and measures what it forwards. "
        "Use it against your own servers: it sends and receives as much as you tell it to.",
    .notes =
        "The program decrypts and verifies one packet in 101; of the others it reads the header only. Latency is "
        "one-way, from before a packet's encryption to its receipt by the kernel, both on this machine. A viewer "
        "takes at most " STRING(
            LOAD_STREAMS_MAX) " streams: publishers times the streams of each. With layers or narrow lines, loss behind the "
                              "last packet of a stream is not noticed.\n\n"
                              "Exit code: 0; 1 if a join failed or nothing was received; 2 for a wrong command line.",
    .options = options,
    .count = OPTION_COUNT,
};

/* For getopt_long: the options, the common options of every program, and an end. */
static void list_flags(struct option flags[OPTION_COUNT + 4])
{
    for (int i = 0; i < OPTION_COUNT; i++)
        flags[i] =
            (struct option){options[i].name, options[i].value ? required_argument : no_argument, NULL, i};
    flags[OPTION_COUNT] = (struct option){"help", no_argument, NULL, HELP};
    flags[OPTION_COUNT + 1] = (struct option){"man", no_argument, NULL, MAN};
    flags[OPTION_COUNT + 2] = (struct option){"version", no_argument, NULL, VERSION};
    flags[OPTION_COUNT + 3] = (struct option){NULL, 0, NULL, 0};
}

static void tell(int flag)
{
    if (flag == HELP)
        manual_help(&manual, stdout);
    else if (flag == MAN)
        manual_page(&manual, stdout);
    else
        printf("monoport-load " MONOPORT_VERSION "\n");
}

static bool set_views(struct options *o, enum view_mode mode)
{
    if (o->views != VIEWS_NONE && o->views != mode)
        return complain("--spread, --step and --stage exclude each other");
    o->views = mode;
    return true;
}

static bool take(struct options *o, int flag, const char *value)
{
    unsigned n = 0;
    bool good = true;
    switch (flag) {
    case ROOM: o->room = value; break;
    case PUBLISHERS: return number("publishers", value, 0, LOAD_CLIENTS_MAX, &o->publishers);
    case VIEWERS: return number("viewers", value, 0, LOAD_CLIENTS_MAX, &o->viewers);
    case MEETING: o->meeting = true; break;
    case NAMES: o->names = true; break;
    case REJOIN: o->rejoin = true; break;
    case CHURN: return number("churn", value, 1, 100000000, &o->churn);
    case CM: o->cm_only = true; break;
    case TCP: o->way = WAY_TCP; break;
    case TURN:
        good = strcmp(value, "tcp") == 0 || strcmp(value, "tls") == 0 ||
               complain("--turn is tcp or tls, not \"%s\"", value);
        o->way = strcmp(value, "tls") == 0 ? WAY_TURN_TLS : WAY_TURN_TCP;
        break;
    case AUDIO: o->audio = true; break;
    case TALK: o->talk = true; break;
    case SPREAD: return set_views(o, VIEWS_SPREAD);
    case STEP: return set_views(o, VIEWS_STEP);
    case STAGE: return set_views(o, VIEWS_STAGE);
    case NO_VIDEO: o->video = false; break;
    case EVEN: o->pace = MP_S(1) / FRAME_RATE; break;
    case LAYERS: return number("layers", value, 1, SIMULCAST_MAX, &o->layers);
    case PACE: return milliseconds("pace", value, 1, 33, &o->pace);
    case FEEDBACK: return milliseconds("feedback", value, 10, 10000, &o->feedback);
    case LINE: return number("line", value, 10000, 1000000000, &o->line_bps);
    case LINE_VIEWERS: return number("line-viewers", value, 1, LOAD_CLIENTS_MAX, &o->line_viewers);
    case KEYFRAMES: return number("keyframes", value, 0, 3600, &o->keyframe_interval);
    case SECONDS: return number("seconds", value, 1, 86400, &o->seconds);
    case THREADS: return number("threads", value, 1, LOAD_THREADS_MAX, &o->threads);
    case JSON: o->json = value; break;
    case JOIN_RATE:
        good = number("join-rate", value, 1, 10000, &n);
        o->join_rate = n;
        break;
    case VIDEO_BPS:
        good = number("video-bps", value, 24000, 100000000, &n);
        o->video_bps = n;
        break;
    default: return false;
    }
    return good;
}

static bool check(const struct options *o)
{
    unsigned streams = o->publishers * options_streams(o);
    if (options_clients(o) == 0)
        return complain("no clients: --publishers and --viewers are 0");
    if (options_clients(o) > ROOM_PARTICIPANTS_MAX)
        return complain("a room takes at most %d participants", ROOM_PARTICIPANTS_MAX);
    if (o->churn && o->rejoin)
        return complain("--churn and --rejoin exclude each other");
    if ((o->views == VIEWS_SPREAD || o->views == VIEWS_STEP) && o->layers < 2)
        return complain("--spread and --step need --layers 2 or 3");
    if (o->line_bps && o->way != WAY_UDP)
        return complain("--line is for viewers by UDP: --tcp and --turn exclude it");
    if (o->line_viewers != LOAD_CLIENTS_MAX && !o->line_bps)
        return complain("--line-viewers needs --line");
    if (o->publishers && !streams)
        return complain("publishers would send nothing: --no-video needs --audio");
    if ((o->viewers || o->meeting) && streams > LOAD_STREAMS_MAX + (o->viewers ? 0 : options_streams(o)))
        return complain("a viewer can receive at most %d streams, not %u", LOAD_STREAMS_MAX, streams);
    if (strlen(o->room) < 1 || strlen(o->room) > ROOM_NAME_MAX)
        return complain("--room must have 1 to %d characters", ROOM_NAME_MAX);
    return true;
}

enum options_result options_read(struct options *o, int argc, char **argv)
{
    *o = (struct options){.room = "load",
                          .publishers = 1,
                          .seconds = 10,
                          .threads = 1,
                          .layers = 1,
                          .line_viewers = LOAD_CLIENTS_MAX,
                          .join_rate = 50,
                          .video = true};
    struct option flags[OPTION_COUNT + 4];
    list_flags(flags);
    opterr = 0;
    for (int flag; (flag = getopt_long(argc, argv, ":", flags, NULL)) != -1;) {
        if (flag == HELP || flag == MAN || flag == VERSION) {
            tell(flag);
            return OPTIONS_HELP;
        }
        if (flag == '?' || flag == ':') {
            complain("%s%s; --help lists the options",
                     flag == '?' ? "unknown option, or an option that takes no value: " : "missing value: ",
                     argv[optind - 1]);
            return OPTIONS_ERROR;
        }
        if (!take(o, flag, optarg))
            return OPTIONS_ERROR;
    }
    if (!o->video_bps)
        o->video_bps = o->layers > 1 ? simulcast_bps(o->layers) : VIDEO_BPS_USUAL;
    if (optind + 1 != argc)
        complain(optind == argc ? "no server given: expected ws://HOST:PORT/sdp; --help lists the options"
                                : "expected one server only");
    else if (check(o) && read_url(o, argv[optind]))
        return OPTIONS_RUN;
    return OPTIONS_ERROR;
}
