/* The options of monoport-load. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

#define LOAD_CLIENTS_MAX 20000
#define LOAD_THREADS_MAX 64
#define LOAD_STREAMS_MAX 128 /* that a client receives: half of the sections of a description */

/* How clients that receive show the pictures. */
enum view_mode {
    VIEWS_NONE,   /* they do not say */
    VIEWS_SPREAD, /* in the sizes of the layers, one after the other */
    VIEWS_STEP,   /* the same, and each changes its size every two seconds */
    VIEWS_STAGE   /* the speaker large, the others small */
};

enum way { WAY_UDP, WAY_TCP /* ICE-TCP */, WAY_TURN_TCP, WAY_TURN_TLS };

struct options {
    char host[256], path[1024]; /* of the URL; host without brackets */
    struct address server;      /* host and port of the URL, resolved */
    const char *url;
    const char *room;
    unsigned publishers, viewers, seconds, threads;
    uint32_t video_bps;         /* of all layers together */
    unsigned layers;            /* of each publisher's video: 1 to SIMULCAST_MAX */
    double join_rate;           /* joins begun a second */
    unsigned keyframe_interval; /* seconds; 0: only the first and on request */
    unsigned churn;             /* number of stays; 0: all clients stay */
    mp_time pace;               /* the packets of a frame leave within it; 0: in one burst */
    uint32_t line_bps;          /* of the narrow lines; 0: there are none */
    unsigned line_viewers;      /* clients that receive behind one: the first ones */
    mp_time feedback;           /* interval of a viewer's transport-wide feedback; 0: it sends none */
    bool audio, video, cm_only, meeting, names, rejoin;
    enum way way; /* of viewers */
    enum view_mode views;
    bool talk;        /* the publishers speak in turn */
    const char *json; /* file name, "-": standard output; NULL: none */
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_ERROR };
/* Prints an error as one line on stderr. */
enum options_result options_read(struct options *, int argc, char **argv);

/* Streams that one publisher sends. */
static inline unsigned options_streams(const struct options *o)
{
    return (unsigned)o->audio + (unsigned)o->video;
}
/* The server sends some viewers less than a publisher sends, so a viewer's numbers do not follow from the
 * publisher's: only numbers that are missing before a received one count as lost. */
static inline bool options_adapts(const struct options *o)
{
    return o->layers > 1 || o->line_bps || o->views != VIEWS_NONE || o->talk;
}
static inline unsigned options_clients(const struct options *o) { return o->publishers + o->viewers; }
