/* Internal to the SDP parser: words of a line, and the state of the one pass over the lines. */
#pragma once
#include "proto/sdp/sdp.h"
#include <string.h>
#include <strings.h>

#define RAW_SSRCS_MAX  (2 * SDP_SSRCS_MAX) /* each may come with its RTX */
#define RID_LINES_MAX  16                  /* restrictions of further ones are not read */
#define EXTENSIONS_MAX 255                 /* RFC 8285 4.3: ids of the two-byte form */

struct sdp_parser {
    struct sdp *sdp;
    struct sdp_section session;  /* session-level attributes, inherited by sections */
    struct sdp_section *section; /* the current one; `session` before the first m= */
    struct text bundle;          /* the mids of the first BUNDLE group */
    bool has_bundle, long_mid;
    struct text extension_of[EXTENSIONS_MAX + 1]; /* the URI that each id means, in all sections */
    /* state of the current section: attributes come in any order, so these are resolved at its end */
    bool own_fingerprint;
    int8_t codec_of[128]; /* by payload type; -1: not in the m= line */
    struct sdp_codec any; /* a=rtcp-fb:*, for all of them */
    uint32_t ssrcs[RAW_SSRCS_MAX], pairs[SDP_SSRCS_MAX][2];
    uint32_t sim[LAYERS_MAX]; /* the first SIM group */
    size_t raw_count, pair_count, sim_count;
    struct sdp_rid rid_lines[RID_LINES_MAX]; /* of a=rid lines; a=simulcast decides which count */
    size_t rid_line_count;
};

/* a=NAME:VALUE. Ignores unknown attributes, known ones in the wrong place, and invalid values. */
void sdp_attribute(struct sdp_parser *, struct text v);

/* --- words and numbers --- */

static inline bool text_is(struct text t, const char *s)
{
    size_t n = strlen(s);
    return t.len == n && memcmp(t.data, s, n) == 0;
}

static inline bool text_same(struct text a, struct text b)
{
    return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool text_is_nocase(struct text t, const char *s)
{
    size_t n = strlen(s);
    return t.len == n && strncasecmp(t.data, s, n) == 0;
}

static inline void text_skip(struct text *t, size_t n)
{
    if (n == 0) /* also keeps null views away from pointer arithmetic */
        return;
    t->data += n;
    t->len -= n;
}

/* The part before `end`; removes it and `end` from the text. Without `end`: everything. */
static inline struct text text_until(struct text *t, char end)
{
    const char *p = t->len ? memchr(t->data, end, t->len) : NULL;
    struct text r = {t->data, p ? (size_t)(p - t->data) : t->len};
    text_skip(t, r.len + (p != NULL));
    return r;
}

static inline bool text_blank(char c) { return c == ' ' || c == '\t'; }

static inline void text_skip_blanks(struct text *t)
{
    while (t->len && text_blank(*t->data))
        text_skip(t, 1);
}

/* The next word, empty at the end; removes it and the blanks around it. */
static inline struct text text_word(struct text *t)
{
    text_skip_blanks(t);
    struct text word = {t->data, 0};
    while (word.len < t->len && !text_blank(t->data[word.len]))
        word.len++;
    text_skip(t, word.len);
    text_skip_blanks(t);
    return word;
}

static inline bool text_number(struct text t, uint32_t max, uint32_t *v)
{
    uint64_t n = 0;
    if (t.len == 0 || t.len > 10)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(t.data[i] - '0');
    }
    *v = (uint32_t)n;
    return n <= max;
}

/* The value of a hexadecimal digit; -1: none. */
static inline int text_hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}
