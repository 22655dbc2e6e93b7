/* SPDX-License-Identifier: Apache-2.0 */
/* sender_datagram: what a sender says, as bytes. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/beat.h"
#include "lib/sender.h"

/* Binary: header, tag, hello, name. Text: three lines with the name. */
#define BL_SENDER_DATAGRAM_BYTES ((size_t)3 * (BL_NAME_MAX + 32))

enum bl_sender_word {
    BL_SENDER_SAY_BEAT,
    BL_SENDER_SAY_HELLO, /* name and timeouts */
    BL_SENDER_SAY_NAME,  /* a hello without timeouts: what a person set since stays */
    BL_SENDER_SAY_BYE,
};

/* Who speaks, copied from the config. */
struct bl_sender_identity {
    enum bl_sender_format format;
    char name[BL_NAME_MAX + 1];
    uint8_t name_len;
    bool manual; /* promises no interval */
    bool sign;
    uint8_t key[16];
    uint64_t node_id;
    uint32_t incarnation, interval_ms;
    uint32_t timeout_ms, warn_ms, err_ms, retries_plus_1;
};

/* 0, or -EINVAL with the reason in err. `start_s`: Unix time. */
int bl_sender_identify(struct bl_sender_identity *who, const struct bl_sender_config *c, uint32_t start_s,
                       char err[BL_SENDER_ERR_BYTES]);

/* Returns the length, 0 if the format has no word for it. */
uint32_t bl_sender_write(uint8_t out[BL_SENDER_DATAGRAM_BYTES], const struct bl_sender_identity *who,
                         enum bl_sender_word word, uint32_t sequence, uint64_t unix_ns);
