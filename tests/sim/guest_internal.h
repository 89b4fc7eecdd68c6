/* Between the parts of a guest: its connection, its signaling and its media. */
#pragma once
#include "tests/sim/guest.h"

/* guest.c */
void guest_connect(struct sim *, struct guest *, const struct media_remote *);
void guest_send(struct sim *, struct guest *, const uint8_t *, size_t len);

/* guest_signal.c */
void guest_say_join(struct sim *, struct guest *); /* and the offer */
void guest_say_leave(struct sim *, struct guest *);

/* guest_media.c */
void guest_now(struct sim *); /* whose packets come next */
void guest_rtp(void *guest, const uint8_t *, size_t len, mp_time now);
void guest_rtcp(void *guest, const uint8_t *, size_t len, mp_time now);
void guest_media_start(struct sim *, struct guest *);
mp_time guest_media_deadline(const struct guest *);
void guest_media_timeout(struct sim *, struct guest *);
void guest_section(struct guest *, bool video, uint32_t ssrc, uint32_t rtx_ssrc); /* it will be sent that */
