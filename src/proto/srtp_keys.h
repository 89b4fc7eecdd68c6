/* Only for srtp.c and its test: session keys, the starting point of RFC 7714's test vectors. */
#pragma once
#include "crypto/crypto.h"
#include "proto/srtp.h"

struct srtp_stream_keys { /* for SRTP or for SRTCP */
    uint8_t key[SRTP_KEY_SIZE], auth[SHA1_SIZE], salt[SRTP_SALT_SIZE];
};
struct srtp_session_keys {
    struct srtp_stream_keys rtp, rtcp;
};

/* RFC 3711 4.3, key derivation rate 0. False: no memory. */
bool srtp_derive(const struct srtp_master *, struct srtp_session_keys *);
struct srtp_tx *srtp_tx_from_keys(struct crypto *, enum srtp_profile, const struct srtp_session_keys *);
struct srtp_rx *srtp_rx_from_keys(struct crypto *, enum srtp_profile, const struct srtp_session_keys *);
