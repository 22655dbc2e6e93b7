/* SPDX-License-Identifier: Apache-2.0 */
#include "control/store/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structs below are the bytes on disk");

/* Sections are written at this size: large enough that their headers do
 * not count, small enough that one is made in a millisecond. */
#define SECTION_BYTES (UINT32_C(1) << 20)

static const char magic[8] = {'b', 'e', 'a', 't', 'l', 'i', 'n', 'e'};

/* ---- records --------------------------------------------------------------- */

enum node_flags {
    NODE_BINARY = 1,
    NODE_UNTIL_BEAT = 2,
    NODE_OWN_RETRIES = 4,
    NODE_OWN_DETECTOR = 8,
    NODE_RHYTHM = 16, /* struct rhythm_record follows its name */
};

struct node_record {
    uint64_t id;
    int64_t first_seen_unix_ms, state_since_unix_ms, last_beat_unix_ms;
    uint32_t timeout_ms, warn_ms, err_ms, interval_ms, incident, pause_end_s;
    uint16_t table;
    uint8_t name_len, flags, state, retries, detector, reserved;
    uint32_t silent_ms, reserved2; /* since version 2 */
};
_Static_assert(sizeof(struct node_record) == 72, "as on disk");

struct rhythm_record {
    float mean_ms, variance_ms2, held_ms, quiet_ms, below_ms, owed_ms;
    uint8_t count;
    int8_t run;
    uint8_t habit, calm;
};
_Static_assert(sizeof(struct rhythm_record) == 28, "as on disk");
_Static_assert(sizeof(struct node_record) + BL_NAME_MAX + sizeof(struct rhythm_record) <= BL_STATE_RECORD_MAX,
               "the largest record");

struct removed_record {
    uint64_t id;
    uint8_t name_len, flags, reserved[6];
};
_Static_assert(sizeof(struct removed_record) == 16, "as on disk");

struct view_record {
    int64_t since_unix_ms;
    uint32_t incident;
    uint8_t name_len, state, reserved[2];
};
_Static_assert(sizeof(struct view_record) == 16, "as on disk");

static size_t fixed_bytes_of(uint32_t type)
{
    switch ((enum bl_state_section_type)type) {
    case BL_STATE_NODES:
        return sizeof(struct node_record);
    case BL_STATE_REMOVED:
        return sizeof(struct removed_record);
    case BL_STATE_VIEWS:
        return sizeof(struct view_record);
    case BL_STATE_NUMBERS:
        return sizeof(struct bl_state_numbers);
    case BL_STATE_END:
        break;
    }
    return 0;
}

/* ---- checksums ------------------------------------------------------------- */

static uint64_t header_checksum(const struct bl_state_header *h)
{
    return XXH3_64bits_withSeed(h, offsetof(struct bl_state_header, checksum), h->generation);
}

static uint64_t section_checksum(const struct bl_state_section *s, const uint8_t *records,
                                 uint64_t generation)
{
    uint64_t head = XXH3_64bits_withSeed(s, offsetof(struct bl_state_section, checksum), generation);
    return XXH3_64bits_withSeed(records, s->bytes, head);
}

/* ---- writing ------------------------------------------------------------- */

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
    memcpy(h.magic, magic, sizeof(magic));
    h.checksum = header_checksum(&h);
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
    s->checksum = section_checksum(s, w->buffer, w->generation);
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
                    const char *name, size_t name_len, const struct rhythm_record *rhythm)
{
    struct bl_state_section *s = &w->section;
    uint32_t fixed = (uint32_t)fixed_bytes_of(type);
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
    struct rhythm_record rhythm = {.mean_ms = p->rhythm.mean_ms,
                                   .variance_ms2 = p->rhythm.variance_ms2,
                                   .held_ms = p->rhythm.held_ms,
                                   .quiet_ms = p->rhythm.quiet_ms,
                                   .below_ms = p->rhythm.below_ms,
                                   .owed_ms = p->rhythm.owed_ms,
                                   .count = p->rhythm.count,
                                   .run = p->rhythm.run,
                                   .habit = p->rhythm.habit,
                                   .calm = p->rhythm.calm};
    unsigned flags = (p->binary ? NODE_BINARY : 0) | (p->until_beat ? NODE_UNTIL_BEAT : 0) |
                     (p->own_retries ? NODE_OWN_RETRIES : 0) | (p->own_detector ? NODE_OWN_DETECTOR : 0) |
                     (has_rhythm ? NODE_RHYTHM : 0);
    struct node_record n = {
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
    struct removed_record r = {
        .id = who->id, .name_len = (uint8_t)who->name_len, .flags = who->name ? 0 : NODE_BINARY};
    return state_file_put(w, BL_STATE_REMOVED, &r, who->name, who->name ? who->name_len : 0);
}

int bl_state_put_view(struct bl_state_writer *w, const struct bl_view_saved *v)
{
    struct view_record r = {.since_unix_ms = v->since_unix_ms,
                            .incident = v->incident,
                            .name_len = v->name_len,
                            .state = v->state};
    return state_file_put(w, BL_STATE_VIEWS, &r, v->name, v->name_len);
}

int bl_state_put_numbers(struct bl_state_writer *w, const struct bl_state_numbers *n)
{
    return state_file_put(w, BL_STATE_NUMBERS, n, NULL, 0);
}

/* ---- reading --------------------------------------------------------------- */

/* The file, a section at a time. */
struct reader {
    int fd;
    const struct bl_state_sink *sink;
    struct bl_state_info *info;
    char *why;
    struct bl_state_section section;
    uint8_t *records;
};

static int state_file_damaged(struct reader *r, const char *what)
{
    snprintf(r->why, BL_ERR_BYTES, "damaged at byte %llu of %llu: %s",
             (unsigned long long)r->info->good_bytes, (unsigned long long)r->info->bytes, what);
    return -EBADMSG;
}

/* 0: all of it; -EBADMSG: the file ends before. */
static int read_all(struct reader *r, void *to, size_t bytes, uint64_t at)
{
    uint8_t *into = to;
    while (bytes > 0) {
        ssize_t n = pread(r->fd, into, bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return state_file_damaged(r, "it ends there");
        into += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

static int read_header(struct reader *r, enum bl_state_kind kind, uint64_t generation)
{
    struct bl_state_header *h = &r->info->header;
    int err = read_all(r, h, sizeof(*h), 0);
    if (err)
        return err;
    if (memcmp(h->magic, magic, sizeof(magic)) != 0)
        return state_file_damaged(r, "it is no state of beatline");
    if (h->checksum != header_checksum(h))
        return state_file_damaged(r, "its header's checksum is wrong");
    if (h->version > BL_STATE_VERSION) {
        snprintf(r->why, BL_ERR_BYTES,
                 "written by a newer beatline (format %u, this one reads up to %u); start that one, or give "
                 "another state.dir",
                 h->version, BL_STATE_VERSION);
        return -EPROTO;
    }
    if (h->kind != (uint32_t)kind || h->generation != generation)
        return state_file_damaged(r, "it is another file under this name");
    r->info->good_bytes = sizeof(*h);
    return 0;
}

static int read_section(struct reader *r)
{
    struct bl_state_section *s = &r->section;
    uint64_t at = r->info->good_bytes;
    int err = read_all(r, s, sizeof(*s), at);
    if (err)
        return err;
    if (s->bytes > BL_STATE_SECTION_MAX || s->bytes > r->info->bytes - at - sizeof(*s))
        return state_file_damaged(r, "a section is longer than the file");
    err = read_all(r, r->records, s->bytes, at + sizeof(*s));
    if (err)
        return err;
    if (s->checksum != section_checksum(s, r->records, r->info->header.generation))
        return state_file_damaged(r, "a section's checksum is wrong");
    return 0;
}

/* What follows a node's name. Its bytes are there: see walk. */
static struct bl_interval_stats rhythm_after(const struct node_record *n, const char *name)
{
    struct rhythm_record r = {0};
    if (n->flags & NODE_RHYTHM)
        memcpy(&r, name + n->name_len, sizeof(r));
    return (struct bl_interval_stats){.mean_ms = r.mean_ms,
                                      .variance_ms2 = r.variance_ms2,
                                      .held_ms = r.held_ms,
                                      .quiet_ms = r.quiet_ms,
                                      .below_ms = r.below_ms,
                                      .owed_ms = r.owed_ms,
                                      .count = r.count,
                                      .run = r.run,
                                      .habit = r.habit,
                                      .calm = r.calm};
}

static void tell_node(const struct bl_state_sink *sink, const struct node_record *n, const char *name)
{
    struct bl_node_past p = {
        .name = name,
        .name_len = n->name_len,
        .binary = n->flags & NODE_BINARY,
        .until_beat = n->flags & NODE_UNTIL_BEAT,
        .own_retries = n->flags & NODE_OWN_RETRIES,
        .own_detector = n->flags & NODE_OWN_DETECTOR,
        .state = n->state,
        .table = n->table,
        .id = n->id,
        .policy = {.timeout_ms = n->timeout_ms,
                   .warn_ms = n->warn_ms,
                   .err_ms = n->err_ms,
                   .retries = n->retries,
                   .detector = n->detector},
        .interval_ms = n->interval_ms,
        .incident = n->incident,
        .pause_end_s = n->pause_end_s,
        .first_seen_unix_ms = n->first_seen_unix_ms,
        .state_since_unix_ms = n->state_since_unix_ms,
        .last_beat_unix_ms = n->last_beat_unix_ms,
        .silent_ms = n->silent_ms,
        .rhythm = rhythm_after(n, name),
    };
    sink->node(sink->ctx, &p);
}

static void tell_removed(const struct bl_state_sink *sink, const struct removed_record *n, const char *name)
{
    struct bl_node_ref who = {.id = n->id};
    if (!(n->flags & NODE_BINARY)) {
        who.name = name;
        who.name_len = n->name_len;
    }
    sink->removed(sink->ctx, &who);
}

static void tell_view(const struct bl_state_sink *sink, const struct view_record *v, const char *name)
{
    struct bl_view_saved saved = {.name = name,
                                  .name_len = v->name_len,
                                  .state = v->state,
                                  .incident = v->incident,
                                  .since_unix_ms = v->since_unix_ms};
    sink->view(sink->ctx, &saved);
}

/* A fixed part, as long as we know it. */
union record {
    struct node_record node;
    struct removed_record removed;
    struct view_record view;
    struct bl_state_numbers numbers;
};

static uint8_t name_len_of(uint32_t type, const union record *u)
{
    return type == BL_STATE_NODES     ? u->node.name_len
           : type == BL_STATE_REMOVED ? u->removed.name_len
           : type == BL_STATE_VIEWS   ? u->view.name_len
                                      : 0;
}

static void state_file_tell(const struct bl_state_sink *sink, uint32_t type, const union record *u,
                            const char *name)
{
    if (type == BL_STATE_NODES && sink->node)
        tell_node(sink, &u->node, name);
    else if (type == BL_STATE_REMOVED && sink->removed)
        tell_removed(sink, &u->removed, name);
    else if (type == BL_STATE_VIEWS && sink->view)
        tell_view(sink, &u->view, name);
    else if (type == BL_STATE_NUMBERS && sink->numbers)
        sink->numbers(sink->ctx, &u->numbers);
}

/* Goes through a section's records; with a NULL sink to see whether they
 * add up. */
static int state_file_walk(struct reader *r, const struct bl_state_sink *sink)
{
    const struct bl_state_section *s = &r->section;
    size_t known = fixed_bytes_of(s->type), at = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        union record u = {0};
        if (s->fixed_bytes > s->bytes - at)
            return state_file_damaged(r, "a section's records do not fit it");
        memcpy(&u, r->records + at, s->fixed_bytes < known ? s->fixed_bytes : known);
        at += s->fixed_bytes;
        uint8_t name_len = name_len_of(s->type, &u);
        if (name_len > BL_NAME_MAX || name_len > s->bytes - at)
            return state_file_damaged(r, "a name does not fit its section");
        size_t more =
            s->type == BL_STATE_NODES && (u.node.flags & NODE_RHYTHM) ? sizeof(struct rhythm_record) : 0;
        if (more > s->bytes - at - name_len)
            return state_file_damaged(r, "a rhythm does not fit its section");
        if (sink)
            state_file_tell(sink, s->type, &u, (const char *)r->records + at);
        at += name_len + more;
    }
    return at == s->bytes ? 0 : state_file_damaged(r, "a section holds more than its records");
}

static int take_section(struct reader *r)
{
    const struct bl_state_section *s = &r->section;
    size_t known = fixed_bytes_of(s->type);

    if (known == 0 || s->fixed_bytes > known) {
        snprintf(r->why, BL_ERR_BYTES,
                 "written by a newer beatline (records of type %u and %u bytes); start that one, or give "
                 "another state.dir",
                 s->type, s->fixed_bytes);
        return -EPROTO;
    }
    if (s->fixed_bytes == 0)
        return state_file_damaged(r, "a section of records without a size");
    int err = state_file_walk(r, NULL);
    if (err == 0)
        err = state_file_walk(r, r->sink);
    r->info->records += s->count;
    return err;
}

/* The last section of a snapshot, and nothing behind it. */
static int take_end(struct reader *r, enum bl_state_kind kind)
{
    if (kind != BL_STATE_SNAPSHOT || r->section.bytes != 0)
        return state_file_damaged(r, "an end where there is none");
    if (r->section.count != (uint32_t)r->info->records)
        return state_file_damaged(r, "records are missing");
    r->info->good_bytes += sizeof(r->section);
    return r->info->good_bytes == r->info->bytes ? 0 : state_file_damaged(r, "something follows its end");
}

static int read_sections(struct reader *r, enum bl_state_kind kind)
{
    while (r->info->good_bytes < r->info->bytes) {
        int err = read_section(r);
        if (err)
            return err;
        if (r->section.type == BL_STATE_END)
            return take_end(r, kind);
        err = take_section(r);
        if (err)
            return err;
        r->info->good_bytes += sizeof(r->section) + r->section.bytes;
    }
    return kind == BL_STATE_JOURNAL ? 0 : state_file_damaged(r, "it ends there, before its end");
}

int bl_state_read(int fd, enum bl_state_kind kind, uint64_t generation, const struct bl_state_sink *sink,
                  struct bl_state_info *info, char why[BL_ERR_BYTES])
{
    static const struct bl_state_sink nobody;
    struct reader r = {.fd = fd, .sink = sink ? sink : &nobody, .info = info, .why = why};
    struct stat st;

    *info = (struct bl_state_info){0};
    why[0] = '\0';
    if (fstat(fd, &st) != 0)
        return -errno;
    info->bytes = (uint64_t)st.st_size;
    /* No section is larger than its file; malloc(0) may be NULL. */
    r.records = malloc(info->bytes < BL_STATE_SECTION_MAX ? (size_t)info->bytes + 1 : BL_STATE_SECTION_MAX);
    if (!r.records)
        return -ENOMEM;
    int err = read_header(&r, kind, generation);
    if (err == 0)
        err = read_sections(&r, kind);
    free(r.records);
    if (err && why[0] == '\0')
        snprintf(why, BL_ERR_BYTES, "cannot be read: %s", strerror(-err));
    return err;
}
