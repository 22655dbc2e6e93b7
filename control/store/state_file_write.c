/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a state file: records into sections, sections into the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/store/state_file_internal.h"

/* Sections are written at this size: large enough that their headers do
 * not count, small enough that one is made in a millisecond. */
#define SECTION_BYTES (UINT32_C(1) << 20)

static int write_all(int fd, const void *data, size_t bytes, uint64_t at)
{
    const uint8_t *from = data;
    while (bytes > 0) {
        ssize_t n = pwrite(fd, from, bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        from += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

int bl_state_writer_begin(struct bl_state_writer *w, int fd, enum bl_state_kind kind, uint64_t generation,
                          int64_t time_unix_ms)
{
    struct bl_state_header h = {
        .version = BL_STATE_VERSION, .kind = kind, .generation = generation, .time_unix_ms = time_unix_ms};

    *w = (struct bl_state_writer){.fd = fd, .generation = generation};
    w->buffer = malloc(SECTION_BYTES);
    if (!w->buffer)
        return -ENOMEM;
    memcpy(h.magic, bl_state_magic, sizeof(bl_state_magic));
    h.checksum = bl_state_header_checksum(&h);
    int r = write_all(fd, &h, sizeof(h), 0);
    w->written = sizeof(h);
    return r;
}

void bl_state_writer_free(struct bl_state_writer *w)
{
    free(w->buffer);
    w->buffer = NULL;
}

uint32_t bl_state_room(const struct bl_state_writer *w)
{
    return SECTION_BYTES - w->section.bytes;
}

/* Writes a section; on an error the file ends where it did. */
static int write_section(struct bl_state_writer *w, struct bl_state_section *s)
{
    s->checksum = bl_state_section_checksum(s, w->buffer, w->generation);
    int r = write_all(w->fd, s, sizeof(*s), w->written);
    if (r == 0)
        r = write_all(w->fd, w->buffer, s->bytes, w->written + sizeof(*s));
    if (r != 0) {
        /* Where even that fails, a half section stays, and the next one is
         * written over it. */
        (void)!ftruncate(w->fd, (off_t)w->written);
        return r;
    }
    w->written += sizeof(*s) + s->bytes;
    w->records += s->type == BL_STATE_END ? 0 : s->count;
    return 0;
}

int bl_state_flush(struct bl_state_writer *w)
{
    struct bl_state_section s = w->section;
    w->section = (struct bl_state_section){0};
    return s.count > 0 ? write_section(w, &s) : 0;
}

int bl_state_end(struct bl_state_writer *w)
{
    int r = bl_state_flush(w);
    struct bl_state_section end = {.type = BL_STATE_END, .count = (uint32_t)w->records};
    return r ? r : write_section(w, &end);
}

static void put_bytes(struct bl_state_writer *w, const void *from, size_t bytes)
{
    if (bytes > 0)
        memcpy(w->buffer + w->section.bytes, from, bytes);
    w->section.bytes += (uint32_t)bytes;
}

/* `rhythm` NULL: none. */
static int put_with(struct bl_state_writer *w, enum bl_state_section_type type, const void *record,
                    const char *name, size_t name_len, const struct bl_state_rhythm_record *rhythm)
{
    struct bl_state_section *s = &w->section;
    uint32_t fixed = (uint32_t)bl_state_fixed_bytes_of(type);
    size_t more = rhythm ? sizeof(*rhythm) : 0;
    int r = 0;

    if (s->type != type || s->bytes + fixed + name_len + more > SECTION_BYTES)
        r = bl_state_flush(w);
    s->type = type;
    s->fixed_bytes = fixed;
    put_bytes(w, record, fixed);
    put_bytes(w, name, name_len);
    put_bytes(w, rhythm, more);
    s->count++;
    return r;
}

static int state_file_put(struct bl_state_writer *w, enum bl_state_section_type type, const void *record,
                          const char *name, size_t name_len)
{
    return put_with(w, type, record, name, name_len, NULL);
}

int bl_state_put_node(struct bl_state_writer *w, const struct bl_node_past *p)
{
    bool has_rhythm = p->rhythm.count > 0;
    struct bl_state_rhythm_record rhythm = {.mean_ms = p->rhythm.mean_ms,
                                            .variance_ms2 = p->rhythm.variance_ms2,
                                            .held_ms = p->rhythm.held_ms,
                                            .quiet_ms = p->rhythm.quiet_ms,
                                            .below_ms = p->rhythm.below_ms,
                                            .owed_ms = p->rhythm.owed_ms,
                                            .count = p->rhythm.count,
                                            .run = p->rhythm.run,
                                            .habit = p->rhythm.habit,
                                            .calm = p->rhythm.calm};
    unsigned flags = (p->binary ? BL_STATE_NODE_BINARY : 0) | (p->until_beat ? BL_STATE_NODE_UNTIL_BEAT : 0) |
                     (p->own_retries ? BL_STATE_NODE_OWN_RETRIES : 0) |
                     (p->own_detector ? BL_STATE_NODE_OWN_DETECTOR : 0) |
                     (has_rhythm ? BL_STATE_NODE_RHYTHM : 0);
    struct bl_state_node_record n = {
        .id = p->id,
        .first_seen_unix_ms = p->first_seen_unix_ms,
        .state_since_unix_ms = p->state_since_unix_ms,
        .last_beat_unix_ms = p->last_beat_unix_ms,
        .timeout_ms = p->policy.timeout_ms,
        .warn_ms = p->policy.warn_ms,
        .err_ms = p->policy.err_ms,
        .interval_ms = p->interval_ms,
        .incident = p->incident,
        .pause_end_s = p->pause_end_s,
        .table = p->table,
        .name_len = p->name_len,
        .flags = (uint8_t)flags,
        .state = p->state,
        .retries = p->policy.retries,
        .detector = p->policy.detector,
        .silent_ms = p->silent_ms,
    };
    return put_with(w, BL_STATE_NODES, &n, p->name, p->name_len, has_rhythm ? &rhythm : NULL);
}

int bl_state_put_removed(struct bl_state_writer *w, const struct bl_node_ref *who)
{
    struct bl_state_removed_record r = {
        .id = who->id, .name_len = (uint8_t)who->name_len, .flags = who->name ? 0 : BL_STATE_NODE_BINARY};
    return state_file_put(w, BL_STATE_REMOVED, &r, who->name, who->name ? who->name_len : 0);
}

int bl_state_put_view(struct bl_state_writer *w, const struct bl_view_saved *v)
{
    struct bl_state_view_record r = {.since_unix_ms = v->since_unix_ms,
                                     .incident = v->incident,
                                     .name_len = v->name_len,
                                     .state = v->state};
    return state_file_put(w, BL_STATE_VIEWS, &r, v->name, v->name_len);
}

int bl_state_put_numbers(struct bl_state_writer *w, const struct bl_state_numbers *n)
{
    return state_file_put(w, BL_STATE_NUMBERS, n, NULL, 0);
}
