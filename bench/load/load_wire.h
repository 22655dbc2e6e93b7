/* SPDX-License-Identifier: Apache-2.0 */
/* load_wire: the payloads that beatline-load sends: text lines or binary
 * v1, one or several records to a datagram. Pure; one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/load_fleet.h"
#include "dataplane/wire/binary.h"
#include "engine/base/beat.h"

/* What fits an Ethernet frame of 1500 after IPv4 and UDP. */
#define BL_LOAD_PAYLOAD_MAX 1472u

enum bl_load_format { BL_LOAD_TEXT, BL_LOAD_BINARY };

struct bl_load_wire {
    enum bl_load_format format;
    unsigned per_datagram; /* text lines or batch entries; binary 1: plain beats */
    const char *prefix;    /* of names */
    unsigned prefix_len;
    uint64_t first;       /* number (text) or id (binary) of node 0 */
    bool named;           /* binary: hellos give the nodes their names */
    uint32_t interval_ms; /* promised in binary headers, 0: none */
    uint32_t timeout_ms;  /* in settings; 0: none */
    bool sign;
    uint8_t key[16];
};

/* A payload in the making. `data` has room for BL_LOAD_PAYLOAD_MAX. */
struct bl_load_datagram {
    uint8_t *data;
    uint32_t len;
    uint16_t flow; /* which source port sends it */
    /* what is in it */
    uint16_t beats, settings, duplicates, late;
    uint64_t time_ns; /* since the start of the run */
    void *buffer;     /* the output's own */
};

/* Longest name there will be, for `nodes` nodes; and how many records of
 * that length fit one datagram. */
unsigned bl_load_wire_name_max(const struct bl_load_wire *w, uint32_t nodes);
unsigned bl_load_wire_fit(const struct bl_load_wire *w, uint32_t nodes);

/* The name the daemon knows a node by: prefix and number; id:%016x of a
 * binary node that said no hello. Terminated; returns its length. */
unsigned bl_load_wire_name(const struct bl_load_wire *w, uint32_t node, char out[BL_NAME_MAX + 1]);

/* Empties a datagram; buffer and flow stay. */
void bl_load_wire_begin(struct bl_load_datagram *d);
/* Adds a beat. Returns true when the datagram is full: end it. */
bool bl_load_wire_beat(const struct bl_load_wire *w, struct bl_load_datagram *d, const struct bl_load_beat *b,
                       uint64_t unix_ns);
/* Adds a node's timeout line, or its hello; true: full. */
bool bl_load_wire_setting(const struct bl_load_wire *w, struct bl_load_datagram *d,
                          const struct bl_load_beat *b, uint64_t unix_ns);
/* Adds a bye (binary); always full. */
bool bl_load_wire_bye(const struct bl_load_wire *w, struct bl_load_datagram *d, const struct bl_load_beat *b,
                      uint64_t unix_ns);
/* The last touch: the tag, if beats are signed. */
void bl_load_wire_end(const struct bl_load_wire *w, struct bl_load_datagram *d);
