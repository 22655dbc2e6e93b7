/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a state file: checks it section by section, tells its records. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/store/state_file_internal.h"

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
    if (memcmp(h->magic, bl_state_magic, sizeof(bl_state_magic)) != 0)
        return state_file_damaged(r, "it is no state of beatline");
    if (h->checksum != bl_state_header_checksum(h))
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
    if (s->checksum != bl_state_section_checksum(s, r->records, r->info->header.generation))
        return state_file_damaged(r, "a section's checksum is wrong");
    return 0;
}

/* What follows a node's name. Its bytes are there: see walk. */
static struct bl_interval_stats rhythm_after(const struct bl_state_node_record *n, const char *name)
{
    struct bl_state_rhythm_record r = {0};
    if (n->flags & BL_STATE_NODE_RHYTHM)
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

static void tell_node(const struct bl_state_sink *sink, const struct bl_state_node_record *n,
                      const char *name)
{
    struct bl_node_past p = {
        .name = name,
        .name_len = n->name_len,
        .binary = n->flags & BL_STATE_NODE_BINARY,
        .until_beat = n->flags & BL_STATE_NODE_UNTIL_BEAT,
        .own_retries = n->flags & BL_STATE_NODE_OWN_RETRIES,
        .own_detector = n->flags & BL_STATE_NODE_OWN_DETECTOR,
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

static void tell_removed(const struct bl_state_sink *sink, const struct bl_state_removed_record *n,
                         const char *name)
{
    struct bl_node_ref who = {.id = n->id};
    if (!(n->flags & BL_STATE_NODE_BINARY)) {
        who.name = name;
        who.name_len = n->name_len;
    }
    sink->removed(sink->ctx, &who);
}

static void tell_view(const struct bl_state_sink *sink, const struct bl_state_view_record *v,
                      const char *name)
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
    struct bl_state_node_record node;
    struct bl_state_removed_record removed;
    struct bl_state_view_record view;
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
    size_t known = bl_state_fixed_bytes_of(s->type), at = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        union record u = {0};
        if (s->fixed_bytes > s->bytes - at)
            return state_file_damaged(r, "a section's records do not fit it");
        memcpy(&u, r->records + at, s->fixed_bytes < known ? s->fixed_bytes : known);
        at += s->fixed_bytes;
        uint8_t name_len = name_len_of(s->type, &u);
        if (name_len > BL_NAME_MAX || name_len > s->bytes - at)
            return state_file_damaged(r, "a name does not fit its section");
        size_t more = s->type == BL_STATE_NODES && (u.node.flags & BL_STATE_NODE_RHYTHM)
                          ? sizeof(struct bl_state_rhythm_record)
                          : 0;
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
    size_t known = bl_state_fixed_bytes_of(s->type);

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
