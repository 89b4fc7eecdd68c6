#include "load/report.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

void report_add(struct results *r, struct media *m, unsigned clients_from, unsigned step,
                int64_t (*end)(void *context, unsigned client, bool video), void *context)
{
    const struct media_totals *t = media_totals(m);
    struct media_totals *sum = &r->media;
    sum->sent += t->sent;
    sum->samples += t->samples;
    sum->samples_bad += t->samples_bad;
    sum->send_errors += t->send_errors;
    sum->ignored += t->ignored;
    sum->missing_joining += t->missing_joining;
    sum->pli += t->pli;
    if (t->largest > sum->largest)
        sum->largest = t->largest;
    sum->nacks += t->nacks;
    sum->feedbacks += t->feedbacks;
    sum->line_lost += t->line_lost;
    sum->line_bytes += t->line_bytes;
    histogram_merge(&sum->line_wait, &t->line_wait);
    histogram_merge(&sum->latency, &t->latency);
    for (unsigned n = clients_from; n < options_clients(r->options); n += step) {
        const struct sink *k = &media_peer(m, n)->sink;
        sum->layer_switches += k->switches;
        for (unsigned i = 0; i < k->count; i++) {
            const struct sink_stream *s = k->streams[i];
            sum->layer_streams[s->layer] += s->stamped && s->video;
            sum->received += s->received;
            sum->duplicates += s->duplicates;
            sum->expected += sink_expected(s, s->stamped ? end(context, s->client, s->video) : 0);
        }
    }
}

static bool expects_media(const struct options *o)
{
    return o->publishers + o->viewers > 1 && o->publishers && (o->viewers || o->meeting);
}

bool report_good(const struct results *r)
{
    if (r->options->churn)
        return !r->failed && r->stays >= r->options->churn;
    return !r->failed && r->joined && !(expects_media(r->options) && !r->media.received);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static double us(mp_time t) { return (double)t / 1000; }
static double ms(mp_time t) { return (double)t / 1e6; }

static uint64_t lost(const struct media_totals *t)
{
    return t->expected > t->received ? t->expected - t->received : 0;
}

static double cpu_per_packet(const struct results *r)
{
    return r->media.received ? (r->cpu_user + r->cpu_system) * 1e6 / (double)r->media.received : 0;
}

static void report_churn(const struct results *r, FILE *f)
{
    fprintf(f,
            "\n%s, %u clients: %u stays in %.1f s (%.0f a second), %u of them got into the call, %u failed\n",
            r->options->url, options_clients(r->options), r->stays, r->seconds, r->stays / r->seconds,
            r->connected, r->failed);
}

static void report_layers(const struct results *r, FILE *f)
{
    if (r->options->layers < 2)
        return;
    fprintf(f, "  layers received  ");
    for (unsigned i = 0; i < r->options->layers; i++)
        fprintf(f, " %s by %llu,", simulcast[i].rid, (unsigned long long)r->media.layer_streams[i]);
    fprintf(f, " %llu changes seen\n", (unsigned long long)r->media.layer_switches);
}

static unsigned behind_line(const struct options *o)
{
    unsigned receivers = o->viewers + (o->meeting ? o->publishers : 0);
    return !o->line_bps ? 0 : o->line_viewers < receivers ? o->line_viewers : receivers;
}

/* Bit/s that each of the narrow lines delivered. */
static double line_bps(const struct results *r)
{
    return (double)r->media.line_bytes * 8 / r->seconds / behind_line(r->options);
}

static void report_line(const struct results *r, FILE *f)
{
    const struct media_totals *t = &r->media;
    if (behind_line(r->options))
        fprintf(
            f,
            "  narrow lines      %u, %.0f kbit/s each, %llu packets lost, delay p50 %.0f ms, p99 %.0f ms\n",
            behind_line(r->options), line_bps(r) / 1000, (unsigned long long)t->line_lost,
            ms(histogram_quantile(&t->line_wait, .5)), ms(histogram_quantile(&t->line_wait, .99)));
}

void report_table(const struct results *r)
{
    const struct media_totals *t = &r->media;
    FILE *f = r->options->json && strcmp(r->options->json, "-") == 0 ? stderr : stdout;
    if (r->options->churn) {
        report_churn(r, f);
        return;
    }
    fprintf(f, "\n%s, %u publishers, %u viewers%s, measured for %.1f s%s\n\n", r->options->url,
            r->options->publishers, r->options->viewers, r->options->meeting ? ", meeting" : "", r->seconds,
            r->interrupted ? " (interrupted)" : "");
    fprintf(f, "  joins             %u ok, %u failed\n", r->joined, r->failed);
    fprintf(f, "  join time         p50 %.1f ms, p99 %.1f ms, max %.1f ms\n",
            ms(histogram_quantile(&r->join_time, .5)), ms(histogram_quantile(&r->join_time, .99)),
            ms(r->join_time.max));
    if (r->options->rejoin)
        fprintf(f, "  back again        %llu times, after p50 %.0f ms, p99 %.0f ms, max %.0f ms\n",
                (unsigned long long)r->back.count, ms(histogram_quantile(&r->back, .5)),
                ms(histogram_quantile(&r->back, .99)), ms(r->back.max));
    fprintf(f, "  packets sent      %llu (%.0f a second)\n", (unsigned long long)t->sent,
            (double)t->sent / r->seconds);
    fprintf(f, "  packets received  %llu of %llu expected (%.0f a second)\n", (unsigned long long)t->received,
            (unsigned long long)t->expected, (double)t->received / r->seconds);
    fprintf(f, "  largest datagram  %llu bytes\n", (unsigned long long)t->largest);
    fprintf(f, "  loss              %.3f %% (%llu), and %llu while joining\n", percent(lost(t), t->expected),
            (unsigned long long)lost(t), (unsigned long long)t->missing_joining);
    fprintf(f, "  duplicates        %llu\n", (unsigned long long)t->duplicates);
    fprintf(f, "  latency           p50 %.0f us, p99 %.0f us, max %.0f us\n",
            us(histogram_quantile(&t->latency, .5)), us(histogram_quantile(&t->latency, .99)),
            us(t->latency.max));
    fprintf(f, "  verified          %llu packets decrypted, %llu of them bad\n",
            (unsigned long long)t->samples, (unsigned long long)t->samples_bad);
    fprintf(f, "  feedback          %llu key frame requests, %llu packets asked for again\n",
            (unsigned long long)t->pli, (unsigned long long)t->nacks);
    if (r->options->feedback)
        fprintf(f, "  feedback sent     %llu packets (%.1f a second)\n", (unsigned long long)t->feedbacks,
                (double)t->feedbacks / r->seconds);
    report_layers(r, f);
    report_line(r, f);
    if (r->options->views != VIEWS_NONE)
        fprintf(f, "  views told        %llu\n", (unsigned long long)r->views);
    fprintf(f,
            "  own CPU           %.2f s user, %.2f s system: %.0f %% of a core, %.2f us a received packet\n",
            r->cpu_user, r->cpu_system, 100 * (r->cpu_user + r->cpu_system) / r->seconds, cpu_per_packet(r));
}

static json_t *layers_to_json(const struct results *r)
{
    json_t *streams = json_object();
    for (unsigned i = 0; i < r->options->layers; i++)
        json_object_set_new(streams, simulcast[i].rid, json_integer((json_int_t)r->media.layer_streams[i]));
    return json_pack("{s:o, s:I}", "streams", streams, "changes", (json_int_t)r->media.layer_switches);
}

static json_t *line_to_json(const struct results *r)
{
    const struct media_totals *t = &r->media;
    return json_pack("{s:i, s:f, s:I, s:f, s:f}", "count", (int)behind_line(r->options), "bps_each",
                     line_bps(r), "lost", (json_int_t)t->line_lost, "p50_ms",
                     ms(histogram_quantile(&t->line_wait, .5)), "p99_ms",
                     ms(histogram_quantile(&t->line_wait, .99)));
}

static json_t *to_json(const struct results *r)
{
    const struct options *o = r->options;
    const struct media_totals *t = &r->media;
    return json_pack(
        "{s:s, s:s, s:i, s:i, s:b, s:f, s:b, s:{s:i, s:i, s:f, s:f, s:f}, s:{s:I, s:I, s:I, s:I, s:f, s:I, "
        "s:I, s:I, s:I},"
        " s:{s:i, s:i}, s:{s:I, s:f, s:f, s:f, s:f}, s:{s:I, s:f, s:f, s:f}, s:{s:I, s:I}, s:{s:I, s:I, s:I}, s:{s:f, s:f, s:f}}",
        "url", o->url, "room", o->room, "publishers", (int)o->publishers, "viewers", (int)o->viewers,
        "meeting", (int)o->meeting, "seconds", r->seconds, "interrupted", (int)r->interrupted, "joins", "ok",
        (int)r->joined, "failed", (int)r->failed, "p50_ms", ms(histogram_quantile(&r->join_time, .5)),
        "p99_ms", ms(histogram_quantile(&r->join_time, .99)), "max_ms", ms(r->join_time.max), "packets",
        "sent", (json_int_t)t->sent, "received", (json_int_t)t->received, "expected", (json_int_t)t->expected,
        "lost", (json_int_t)lost(t), "loss_percent", percent(lost(t), t->expected), "duplicates",
        (json_int_t)t->duplicates, "lost_joining", (json_int_t)t->missing_joining, "send_errors",
        (json_int_t)t->send_errors, "largest", (json_int_t)t->largest, "churn", "stays", (int)r->stays,
        "connected", (int)r->connected, "back", "count", (json_int_t)r->back.count, "min_ms", ms(r->back.min),
        "p50_ms", ms(histogram_quantile(&r->back, .5)), "p99_ms", ms(histogram_quantile(&r->back, .99)),
        "max_ms", ms(r->back.max), "latency_us", "samples", (json_int_t)t->latency.count, "p50",
        us(histogram_quantile(&t->latency, .5)), "p99", us(histogram_quantile(&t->latency, .99)), "max",
        us(t->latency.max), "verified", "packets", (json_int_t)t->samples, "bad", (json_int_t)t->samples_bad,
        "feedback", "keyframe_requests", (json_int_t)t->pli, "nacks", (json_int_t)t->nacks, "sent",
        (json_int_t)t->feedbacks, "cpu", "user_s", r->cpu_user, "system_s", r->cpu_system, "us_per_packet",
        cpu_per_packet(r));
}

bool report_json(const struct results *r, const char *file)
{
    bool standard = strcmp(file, "-") == 0;
    FILE *f = standard ? stdout : fopen(file, "w");
    json_t *json = f ? to_json(r) : NULL;
    if (json)
        json_object_set_new(json, "views", json_integer((json_int_t)r->views));
    if (json && behind_line(r->options))
        json_object_set_new(json, "line", line_to_json(r));
    if (json && r->options->layers > 1)
        json_object_set_new(json, "layers", layers_to_json(r));
    bool good =
        json && json_dumpf(json, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 && fputc('\n', f) != EOF;
    json_decref(json);
    if (f)
        good &= (standard ? fflush(f) : fclose(f)) == 0;
    if (!good)
        fprintf(stderr, "monoport-load: %s: %s\n", file, strerror(errno));
    return good;
}
