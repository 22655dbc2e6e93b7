/* SPDX-License-Identifier: Apache-2.0 */
/* state_file: the format of what beatline keeps on disk, written and
 * read. Two kinds of file have it: a snapshot, the whole fleet, and a
 * journal, what has changed since, in the order in which it was written.
 *
 *   file     header, sections; a snapshot's last one is END
 *   header   struct bl_state_header, with a checksum of itself
 *   section  struct bl_state_section, then its records; the checksum is
 *            of the section's header and of every byte of its records
 *   record   a fixed part, of the size that the section says, then a name
 *            of the length that the fixed part says; a node's rhythm, if
 *            the fixed part says that there is one
 *
 * All numbers are little-endian. A fixed part may grow in a later version:
 * what is missing in an older file reads 0, what is more than we know
 * means that a newer beatline wrote it, and the file is refused as such.
 * Checksums are XXH3, seeded with the file's generation, so that a
 * section that belongs to another file is found out.
 *
 * A snapshot is good or it is not: one wrong bit, a missing byte or a
 * byte too many, and it is refused whole. A journal is good up to its
 * first bad section: the machine may have stopped within a write.
 *
 * Threads: one per file; no globals. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/fleet/fleet.h"

/* 2: a node's silence and rhythm, whether the stop was a clean one. */
#define BL_STATE_VERSION 2u

enum bl_state_kind { BL_STATE_SNAPSHOT = 1, BL_STATE_JOURNAL };

struct bl_state_header {
    char magic[8]; /* "beatline" */
    uint32_t version, kind;
    uint64_t generation;
    int64_t time_unix_ms;
    uint64_t checksum; /* of what is before it */
};
_Static_assert(sizeof(struct bl_state_header) == 40, "as on disk");

enum bl_state_section_type {
    BL_STATE_NODES = 1, /* a node is this */
    BL_STATE_REMOVED,   /* a node is not there any more */
    BL_STATE_VIEWS,     /* a view is this */
    BL_STATE_NUMBERS,   /* struct bl_state_numbers */
    BL_STATE_END,       /* empty; `count`: all records of the file */
};

struct bl_state_section {
    uint32_t type;
    uint32_t fixed_bytes; /* of each record */
    uint32_t bytes;       /* of all records, at most BL_STATE_SECTION_MAX */
    uint32_t count;
    uint64_t checksum; /* of what is before it and of the records */
};
_Static_assert(sizeof(struct bl_state_section) == 24, "as on disk");

#define BL_STATE_SECTION_MAX (UINT32_C(1) << 22)

/* What goes on where it stopped. */
struct bl_state_numbers {
    uint64_t events;  /* the last event's number */
    uint64_t stopped; /* 1: at a clean stop, nothing came after it */
};

struct bl_view_saved {
    const char *name; /* not terminated */
    uint8_t name_len;
    uint8_t state; /* bl_state */
    uint32_t incident;
    int64_t since_unix_ms;
};

/* ---- writing ------------------------------------------------------------- */

struct bl_state_writer {
    int fd;
    uint64_t generation;
    uint64_t written; /* bytes of whole sections, header included */
    uint64_t records;
    struct bl_state_section section; /* being filled */
    uint8_t *buffer;                 /* its records */
};

/* Begins a file at `fd`, which stays the caller's. 0 or negative errno. */
int bl_state_writer_begin(struct bl_state_writer *w, int fd, enum bl_state_kind kind, uint64_t generation,
                          int64_t time_unix_ms);
void bl_state_writer_free(struct bl_state_writer *w);

/* Bytes of records that the section can still take. A record is at most
 * BL_STATE_RECORD_MAX. Who may not block flushes while there is room. */
#define BL_STATE_RECORD_MAX 300u
uint32_t bl_state_room(const struct bl_state_writer *w);

/* Adds a record; a section that is full, or of another type, is written
 * first. 0 or negative errno of that: the file then ends as it did before
 * the section, and the section's records are lost. */
int bl_state_put_node(struct bl_state_writer *w, const struct bl_node_past *p);
int bl_state_put_removed(struct bl_state_writer *w, const struct bl_node_ref *who);
int bl_state_put_view(struct bl_state_writer *w, const struct bl_view_saved *v);
int bl_state_put_numbers(struct bl_state_writer *w, const struct bl_state_numbers *n);

/* Writes the section that is begun. 0 or negative errno, as above. */
int bl_state_flush(struct bl_state_writer *w);
/* Flushes, and ends a snapshot. */
int bl_state_end(struct bl_state_writer *w);

/* ---- reading --------------------------------------------------------------- */

/* Who takes what is read; a NULL is not told. Pointers are good for the
 * call only. */
struct bl_state_sink {
    void *ctx;
    void (*node)(void *ctx, const struct bl_node_past *p);
    void (*removed)(void *ctx, const struct bl_node_ref *who);
    void (*view)(void *ctx, const struct bl_view_saved *v);
    void (*numbers)(void *ctx, const struct bl_state_numbers *n);
};

struct bl_state_info {
    struct bl_state_header header; /* once read */
    uint64_t records;
    uint64_t good_bytes; /* up to the end of the last good section */
    uint64_t bytes;      /* of the file */
};

/* Reads the file at `fd` from its beginning to its end. 0: all is good.
 * -EBADMSG: damaged, `why` says what and where; the sink was told of the
 * good sections before. -EPROTO: a newer version wrote it. -ENOMEM, or
 * what read(2) says. A file of another kind or generation than expected
 * is damaged. */
int bl_state_read(int fd, enum bl_state_kind kind, uint64_t generation, const struct bl_state_sink *sink,
                  struct bl_state_info *info, char why[BL_ERR_BYTES]);
