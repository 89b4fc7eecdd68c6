#include "crypto/crypto.h"
#include "base/prng.h"
#include "tests/unit/test.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const enum crypto_kind real_kinds[] = {CRYPTO_BEST, CRYPTO_OPENSSL};
#define REAL_KINDS 2

static void fill(struct prng *p, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)prng_next(p);
}

/* --- HMAC-SHA1 --- */

struct hmac_case {
    const char *key;
    size_t key_len;
    const char *data;
    size_t data_len;
    const char *mac;
};

static void hmac_check(const struct hmac_case *c)
{
    struct hmac_sha1 k;
    uint8_t expected[SHA1_SIZE], found[SHA1_SIZE];
    unhex(expected, c->mac);
    hmac_sha1_key(&k, (const uint8_t *)c->key, c->key_len);
    struct bytes part = {(const uint8_t *)c->data, c->data_len};
    hmac_sha1(&k, &part, 1, found);
    CHECK_BYTES(expected, found, SHA1_SIZE);
}

static void hmac_sha1_gives_the_macs_of_rfc2202(void)
{
    char x0b[20], xaa[80], xdd[50], xcd[50], x0c[20], key4[25];
    memset(x0b, 0x0b, sizeof x0b);
    memset(xaa, 0xaa, sizeof xaa);
    memset(xdd, 0xdd, sizeof xdd);
    memset(xcd, 0xcd, sizeof xcd);
    memset(x0c, 0x0c, sizeof x0c);
    for (int i = 0; i < 25; i++)
        key4[i] = (char)(i + 1);
    static const char jefe[] = "what do ya want for nothing?", trunc[] = "Test With Truncation",
                      larger[] = "Test Using Larger Than Block-Size Key - Hash Key First",
                      both[] = "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data";
    const struct hmac_case cases[] = {
        {x0b, 20, "Hi There", 8, "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"Jefe", 4, jefe, sizeof jefe - 1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {xaa, 20, xdd, 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {key4, 25, xcd, 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
        {x0c, 20, trunc, sizeof trunc - 1, "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
        {xaa, 80, larger, sizeof larger - 1, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {xaa, 80, both, sizeof both - 1, "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        hmac_check(&cases[i]);
}

static void hmac_of_parts_is_the_hmac_of_the_whole(void)
{
    struct prng p;
    uint8_t data[300], whole[SHA1_SIZE], parted[SHA1_SIZE];
    struct hmac_sha1 k;
    prng_seed(&p, 1);
    fill(&p, data, sizeof data);
    hmac_sha1_key(&k, data, 20);
    for (size_t len = 0; len <= sizeof data; len++) {
        size_t a = prng_below(&p, (uint32_t)len + 1), b = a + prng_below(&p, (uint32_t)(len - a) + 1);
        struct bytes one = {data, len}, three[] = {{data, a}, {data + a, b - a}, {data + b, len - b}};
        hmac_sha1(&k, &one, 1, whole);
        hmac_sha1(&k, three, 3, parted);
        CHECK_BYTES(whole, parted, SHA1_SIZE);
    }
}

/* --- AES-CM --- */

static void ctr_gives_the_key_stream_of_rfc3711_b2(void)
{
    uint8_t key[16], iv[16], expected[48], stream[0x10000 - 0xfeff + 0x100];
    static uint8_t zero[0xff02 * 16], all[sizeof zero];
    unhex(key, "2B7E151628AED2A6ABF7158809CF4F3C");
    unhex(iv, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
    for (int i = 0; i < REAL_KINDS; i++) {
        struct crypto *c = crypto_new(real_kinds[i]);
        struct ctr_key *k = ctr_key_new(c, key);
        ctr_xor(k, iv, zero, sizeof zero, all);
        unhex(expected, "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB "
                        "41E95B3BB0A2E8DD477901E4FCA894C0");
        CHECK_BYTES(expected, all, 48);
        unhex(expected, "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE "
                        "6A2CC3787889374FBEB4C81B17BA6C44");
        CHECK_BYTES(expected, all + 0xfeff * 16, 48);
        ctr_key_free(k);
        crypto_free(c);
    }
    CHECK(aes_cm_prf(key, iv, stream, sizeof stream));
    CHECK_BYTES(stream, all, sizeof stream);
}

/* --- GCM --- */

struct gcm_case {
    const char *key, *iv, *aad, *plain, *cipher, *tag;
};

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 1 to 4. */
static const struct gcm_case gcm_cases[] = {
    {"00000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {"00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"},
    {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
};

static void gcm_check(struct crypto *c, const struct gcm_case *g)
{
    uint8_t key[16], iv[12], aad[32], plain[64], cipher[64], tag[16], out[64], out_tag[16], back[64];
    unhex(key, g->key);
    unhex(iv, g->iv);
    unhex(tag, g->tag);
    unhex(cipher, g->cipher);
    size_t aad_len = unhex(aad, g->aad), len = unhex(plain, g->plain);
    struct gcm_key *k = gcm_key_new(c, key);
    gcm_seal(k, iv, aad, aad_len, plain, len, out, out_tag);
    CHECK_BYTES(cipher, out, len);
    CHECK_BYTES(tag, out_tag, 16);
    CHECK(gcm_open(k, iv, aad, aad_len, out, len, back, out_tag));
    CHECK_BYTES(plain, back, len);
    gcm_key_free(k);
}

static void gcm_gives_the_known_answers(void)
{
    for (int i = 0; i < REAL_KINDS; i++) {
        struct crypto *c = crypto_new(real_kinds[i]);
        for (size_t n = 0; n < sizeof gcm_cases / sizeof *gcm_cases; n++)
            gcm_check(c, &gcm_cases[n]);
        crypto_free(c);
    }
}

static void gcm_refuses_every_changed_bit(void)
{
    static const enum crypto_kind kinds[] = {CRYPTO_BEST, CRYPTO_OPENSSL, CRYPTO_NULL};
    for (int i = 0; i < 3; i++) {
        struct crypto *c = crypto_new(kinds[i]);
        uint8_t m[12 + 20 + 37 + 16] = {0}, out[37]; /* iv, aad, text, tag */
        struct gcm_key *k = gcm_key_new(c, (const uint8_t *)"0123456789abcdef"),
                       *other = gcm_key_new(c, (const uint8_t *)"0123456789abcdeg");
        gcm_seal(k, m, m + 12, 20, m + 32, 37, m + 32, m + 69);
        CHECK(gcm_open(k, m, m + 12, 20, m + 32, 37, out, m + 69));
        CHECK(!gcm_open(other, m, m + 12, 20, m + 32, 37, out, m + 69));
        CHECK(!gcm_open(k, m, m + 12, 19, m + 32, 37, out, m + 69));
        for (size_t bit = 0; bit < sizeof m * 8; bit++) {
            m[bit / 8] ^= (uint8_t)(1 << bit % 8);
            CHECK(!gcm_open(k, m, m + 12, 20, m + 32, 37, out, m + 69));
            m[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        CHECK(gcm_open(k, m, m + 12, 20, m + 32, 37, out, m + 69));
        gcm_key_free(k);
        gcm_key_free(other);
        crypto_free(c);
    }
}

static void implementations_agree_on_random_input(void)
{
    struct prng p;
    static uint8_t in[2048], a[2048], b[2048], back[2048], aad[256];
    uint8_t key[16], iv[16], tag_a[16], tag_b[16];
    struct crypto *best = crypto_new(CRYPTO_BEST), *plain = crypto_new(CRYPTO_OPENSSL);
    printf("# %s against %s\n", crypto_name(best), crypto_name(plain));
    prng_seed(&p, 2);
    for (int round = 0; round < 4000; round++) {
        size_t len = prng_below(&p, round & 1 ? 80 : 1500), aad_len = prng_below(&p, 128);
        size_t from = prng_below(&p, 64), to = prng_below(&p, 64), off = prng_below(&p, 64);
        fill(&p, key, 16);
        fill(&p, iv, 16);
        fill(&p, in + from, len);
        fill(&p, aad + off, aad_len);
        struct gcm_key *ka = gcm_key_new(best, key), *kb = gcm_key_new(plain, key);
        gcm_seal(ka, iv, aad + off, aad_len, in + from, len, a + to, tag_a);
        gcm_seal(kb, iv, aad + off, aad_len, in + from, len, b + to, tag_b);
        CHECK_BYTES(a + to, b + to, len);
        CHECK_BYTES(tag_a, tag_b, 16);
        CHECK(gcm_open(ka, iv, aad + off, aad_len, b + to, len, back, tag_b));
        CHECK_BYTES(back, in + from, len);
        CHECK(gcm_open(kb, iv, aad + off, aad_len, a + to, len, a + to, tag_a)); /* in place */
        CHECK_BYTES(a + to, in + from, len);
        gcm_key_free(ka);
        gcm_key_free(kb);
        struct ctr_key *ca = ctr_key_new(best, key), *cb = ctr_key_new(plain, key);
        iv[14] = iv[15] = 0;
        ctr_xor(ca, iv, in + from, len, a + to);
        ctr_xor(cb, iv, in + from, len, b + to);
        CHECK_BYTES(a + to, b + to, len);
        ctr_xor(ca, iv, a + to, len, a + to); /* in place */
        CHECK_BYTES(a + to, in + from, len);
        ctr_key_free(ca);
        ctr_key_free(cb);
    }
    crypto_free(best);
    crypto_free(plain);
}

/* The ciphers are assembly, which no sanitizer checks: so the input ends, or begins, at an inaccessible
 * page. */
struct fenced {
    uint8_t *pages;
    size_t page;
};

static struct fenced fenced_new(void)
{
    struct fenced f = {.page = (size_t)sysconf(_SC_PAGESIZE)};
    f.pages = mmap(NULL, 3 * f.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(f.pages + f.page, f.page, PROT_READ | PROT_WRITE);
    return f;
}

static uint8_t *fenced_at(const struct fenced *f, size_t len, bool at_end)
{
    return f->pages + f->page + (at_end ? f->page - len : 0);
}

static void fenced_check(struct gcm_key *k, struct ctr_key *ck, const struct fenced f[5], size_t len,
                         bool at_end)
{
    size_t aad_len = len % 48;
    uint8_t *iv = fenced_at(&f[0], 12, at_end), *aad = fenced_at(&f[1], aad_len, at_end),
            *in = fenced_at(&f[2], len, at_end), *out = fenced_at(&f[3], len, at_end),
            *tag = fenced_at(&f[4], 16, at_end);
    gcm_seal(k, iv, aad, aad_len, in, len, out, tag);
    CHECK(gcm_open(k, iv, aad, aad_len, out, len, out, tag));
    ctr_xor(ck, tag, in, len, out);
}

static void ciphers_read_and_write_nothing_beyond_their_buffers(void)
{
    struct fenced f[5];
    for (int i = 0; i < 5; i++)
        f[i] = fenced_new();
    for (int i = 0; i < REAL_KINDS; i++) {
        struct crypto *c = crypto_new(real_kinds[i]);
        struct gcm_key *k = gcm_key_new(c, (const uint8_t *)"0123456789abcdef");
        struct ctr_key *ck = ctr_key_new(c, (const uint8_t *)"0123456789abcdef");
        for (size_t len = 0; len <= 1300; len += len < 700 ? 1 : 13) {
            fenced_check(k, ck, f, len, true);
            fenced_check(k, ck, f, len, false);
        }
        gcm_key_free(k);
        ctr_key_free(ck);
        crypto_free(c);
    }
    for (int i = 0; i < 5; i++)
        munmap(f[i].pages, 3 * f[i].page);
}

static void thousands_of_keys_stay_apart(void)
{
    enum { KEYS = 3000 };
    static struct gcm_key *keys[KEYS];
    static uint8_t tags[KEYS][16];
    for (int i = 0; i < REAL_KINDS; i++) {
        struct crypto *c = crypto_new(real_kinds[i]);
        uint8_t key[16] = {0}, iv[12] = {0}, text[24] = {0}, out[24];
        for (int n = 0; n < KEYS; n++) {
            put32(key, (uint32_t)n);
            keys[n] = gcm_key_new(c, key);
            gcm_seal(keys[n], iv, NULL, 0, text, sizeof text, out, tags[n]);
        }
        for (int n = 0; n < KEYS; n++) {
            gcm_seal(keys[n], iv, NULL, 0, text, sizeof text, out, key);
            CHECK_BYTES(key, tags[n], 16);
            CHECK(n == 0 || memcmp(tags[n], tags[n - 1], 16) != 0);
        }
        for (int n = 0; n < KEYS; n++)
            gcm_key_free(keys[n]);
        crypto_free(c);
    }
}

static void null_leaves_payloads_readable(void)
{
    struct crypto *c = crypto_new(CRYPTO_NULL);
    uint8_t iv[16] = {0}, in[9] = "in plain", out[9], tag[16];
    struct gcm_key *k = gcm_key_new(c, (const uint8_t *)"0123456789abcdef");
    struct ctr_key *ck = ctr_key_new(c, (const uint8_t *)"0123456789abcdef");
    gcm_seal(k, iv, NULL, 0, in, sizeof in, out, tag);
    CHECK_BYTES(in, out, sizeof in);
    ctr_xor(ck, iv, in, sizeof in, out);
    CHECK_BYTES(in, out, sizeof in);
    CHECK(strcmp(crypto_name(c), "null") == 0);
    gcm_key_free(k);
    ctr_key_free(ck);
    crypto_free(c);
}

TEST_MAIN(TEST(hmac_sha1_gives_the_macs_of_rfc2202), TEST(hmac_of_parts_is_the_hmac_of_the_whole),
          TEST(ctr_gives_the_key_stream_of_rfc3711_b2), TEST(gcm_gives_the_known_answers),
          TEST(gcm_refuses_every_changed_bit), TEST(implementations_agree_on_random_input),
          TEST(ciphers_read_and_write_nothing_beyond_their_buffers), TEST(thousands_of_keys_stay_apart),
          TEST(null_leaves_payloads_readable))
