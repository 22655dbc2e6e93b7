/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/worker/worker_events.h"

#include <string.h>

#define PIECES_AT_ONCE 128u

#define HEAD_BYTES offsetof(struct bl_worker_event, name)
#define TAIL_AT    offsetof(struct bl_worker_event, patch)
#define TAIL_BYTES (sizeof(struct bl_worker_event) - TAIL_AT)

struct piece {
    _Alignas(BL_WORKER_EVENT_PIECE) uint8_t bytes[BL_WORKER_EVENT_PIECE];
};

_Static_assert(HEAD_BYTES == BL_WORKER_EVENT_PIECE, "the first piece is all but the name and what few have");
_Static_assert(sizeof(((struct bl_worker_event *)NULL)->name) % BL_WORKER_EVENT_PIECE == 0,
               "names are whole pieces");
_Static_assert(TAIL_BYTES % BL_WORKER_EVENT_PIECE == 0 && TAIL_AT % BL_WORKER_EVENT_PIECE == 0,
               "and so is the rest");

static bool has_tail(const struct bl_worker_event *r)
{
    return r->kind == BL_WORKER_EVENT_SET || r->kind == BL_WORKER_EVENT_HELLO ||
           r->kind == BL_WORKER_EVENT_GROWN;
}

static unsigned name_pieces(const struct bl_worker_event *r)
{
    return (r->name_len + BL_WORKER_EVENT_PIECE - 1) / BL_WORKER_EVENT_PIECE;
}

static unsigned pieces_of(const struct bl_worker_event *r)
{
    return 1 + name_pieces(r) + (has_tail(r) ? (unsigned)(TAIL_BYTES / BL_WORKER_EVENT_PIECE) : 0);
}

struct bl_ring *bl_worker_events_new(void)
{
    return bl_ring_new(BL_WORKER_EVENT_RING, sizeof(struct piece));
}

bool bl_worker_events_push(struct bl_ring *r, const struct bl_worker_event *report)
{
    if (!has_tail(report))
        return bl_ring_push_all(r, report, pieces_of(report));
    struct piece piece[BL_WORKER_EVENT_PIECES_MAX];
    unsigned n = 1 + name_pieces(report);
    memcpy(piece, report, n * sizeof(*piece));
    memcpy(&piece[n], (const char *)report + TAIL_AT, TAIL_BYTES);
    return bl_ring_push_all(r, piece, pieces_of(report));
}

/* All but the head, which is there. */
static void worker_events_unpack(struct bl_worker_event *report, const struct piece *piece)
{
    unsigned n = name_pieces(report);
    for (unsigned i = 0; i < n; i++)
        memcpy(report->name + (size_t)i * BL_WORKER_EVENT_PIECE, &piece[1 + i], sizeof(*piece));
    if (has_tail(report))
        memcpy((char *)report + TAIL_AT, &piece[1 + n], TAIL_BYTES);
}

unsigned bl_worker_events_pop(struct bl_ring *r, struct bl_worker_event *reports, unsigned max)
{
    struct piece piece[PIECES_AT_ONCE + BL_WORKER_EVENT_PIECES_MAX];
    unsigned have = bl_ring_pop(r, piece, max < PIECES_AT_ONCE ? max : PIECES_AT_ONCE);
    unsigned count = 0, at = 0;
    while (at < have) {
        struct bl_worker_event *report = &reports[count++];
        memcpy(report, &piece[at], HEAD_BYTES);
        /* The last one's other pieces are there: it came in as a whole. */
        unsigned end = at + pieces_of(report);
        if (end > have)
            have += bl_ring_pop(r, &piece[have], end - have);
        worker_events_unpack(report, &piece[at]);
        at = end;
    }
    return count;
}

bool bl_worker_events_have_room(const struct bl_ring *r, uint64_t pieces)
{
    return bl_ring_count(r) + pieces <= BL_WORKER_EVENT_RING;
}
