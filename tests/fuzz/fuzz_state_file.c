/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a byte of bits (1: a journal, else a snapshot; 2: mend its
 * checksums, without which nothing that changes gets past them), then the
 * file. What is read of it is written and read again, and is the same;
 * and a fleet takes it, or says no. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "control/store/state_file.h"
#include "engine/base/rcu.h"
#include "tests/fuzz/fuzz.h"

enum { BIT_JOURNAL = 1, BIT_MEND = 2 };

/* ---- the file ------------------------------------------------------------------ */

static void mend(uint8_t *data, size_t size)
{
    struct bl_state_header h;
    struct bl_state_section s;
    size_t at = sizeof(h);

    if (size < sizeof(h))
        return;
    memcpy(&h, data, sizeof(h));
    h.checksum = XXH3_64bits_withSeed(&h, offsetof(struct bl_state_header, checksum), h.generation);
    memcpy(data, &h, sizeof(h));
    for (; size - at >= sizeof(s); at += sizeof(s) + s.bytes) {
        memcpy(&s, data + at, sizeof(s));
        if (s.bytes > size - at - sizeof(s))
            return;
        uint64_t head = XXH3_64bits_withSeed(&s, offsetof(struct bl_state_section, checksum), h.generation);
        s.checksum = XXH3_64bits_withSeed(data + at + sizeof(s), s.bytes, head);
        memcpy(data + at, &s, sizeof(s));
    }
}

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    assert(fd >= 0);
    assert(write(fd, data, size) == (ssize_t)size);
    return fd;
}

/* ---- what it holds --------------------------------------------------------------- */

/* Writes all it is told, and sums it up. */
struct copy {
    struct bl_state_writer writer;
    struct bl_fleet *fleet; /* NULL: only summed up */
    uint64_t sum;
};

static void add(struct copy *c, const void *data, size_t bytes)
{
    c->sum = XXH3_64bits_withSeed(data, bytes, c->sum);
}

static void take_node(void *ctx, const struct bl_node_past *p)
{
    struct copy *c = ctx;
    struct bl_node_past plain = *p;
    plain.name = NULL;
    add(c, p->name, p->name_len);
    add(c, &plain.policy, sizeof(plain.policy));
    uint64_t words[] = {p->id,
                        p->state,
                        p->table,
                        p->binary,
                        p->until_beat,
                        p->own_retries,
                        p->own_detector,
                        p->interval_ms,
                        p->incident,
                        p->pause_end_s,
                        (uint64_t)p->first_seen_unix_ms,
                        (uint64_t)p->state_since_unix_ms,
                        (uint64_t)p->last_beat_unix_ms};
    add(c, words, sizeof(words));
    if (!c->fleet)
        return;
    assert(bl_state_put_node(&c->writer, p) == 0);
    bl_role_assume_control();
    int r = bl_fleet_restore(c->fleet, p);
    assert(r == 0 || r == -EINVAL || r == -EEXIST || r == -ENOSPC || r == -ENOMEM);
}

static void take_removed(void *ctx, const struct bl_node_ref *who)
{
    struct copy *c = ctx;
    add(c, who->name ? who->name : "", who->name ? who->name_len : 0);
    add(c, &who->id, sizeof(who->id));
    if (!c->fleet)
        return;
    assert(bl_state_put_removed(&c->writer, who) == 0);
    bl_role_assume_control();
    uint32_t node = bl_fleet_find(c->fleet, who);
    if (node != BL_NODE_NONE)
        bl_fleet_remove(c->fleet, node);
}

static void take_view(void *ctx, const struct bl_view_saved *v)
{
    struct copy *c = ctx;
    uint64_t words[] = {v->state, v->incident, (uint64_t)v->since_unix_ms};
    add(c, v->name, v->name_len);
    add(c, words, sizeof(words));
    if (c->fleet)
        assert(bl_state_put_view(&c->writer, v) == 0);
}

static void take_numbers(void *ctx, const struct bl_state_numbers *n)
{
    struct copy *c = ctx;
    add(c, n, sizeof(*n));
    if (c->fleet)
        assert(bl_state_put_numbers(&c->writer, n) == 0);
}

static struct bl_state_sink sink_of(struct copy *c)
{
    return (struct bl_state_sink){
        .ctx = c, .node = take_node, .removed = take_removed, .view = take_view, .numbers = take_numbers};
}

/* ---- twice ------------------------------------------------------------------------- */

static void check_copy(struct copy *c, enum bl_state_kind kind)
{
    struct copy again = {.sum = 0};
    struct bl_state_sink sink = sink_of(&again);
    struct bl_state_info info;
    char why[BL_ERR_BYTES];

    assert((kind == BL_STATE_SNAPSHOT ? bl_state_end(&c->writer) : bl_state_flush(&c->writer)) == 0);
    assert(bl_state_read(c->writer.fd, kind, 1, &sink, &info, why) == 0);
    assert(again.sum == c->sum && info.records == c->writer.records);
}

static void check_file(int fd, enum bl_state_kind kind, struct bl_fleet *fleet)
{
    struct copy c = {.fleet = fleet};
    struct bl_state_sink sink = sink_of(&c);
    struct bl_state_info info;
    char why[BL_ERR_BYTES];
    int copy_fd = memfd_create("copy", MFD_CLOEXEC);

    assert(copy_fd >= 0 && bl_state_writer_begin(&c.writer, copy_fd, kind, 1, 0) == 0);
    int r = bl_state_read(fd, kind, 1, &sink, &info, why);
    assert(r == 0 || r == -EBADMSG || r == -EPROTO);
    assert((r == 0) == (why[0] == '\0') && strnlen(why, sizeof(why)) < sizeof(why));
    assert(info.good_bytes <= info.bytes);
    check_copy(&c, kind);
    bl_state_writer_free(&c.writer);
    close(copy_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool registered;
    static const uint8_t seed[BL_KEY_SECRET_BYTES + 24] = {7};
    struct bl_fleet_config config = {.max_nodes = 100, .memory = bl_memory_libc};
    struct bl_fleet_out nobody = {0};
    struct bl_key_secret secret;

    if (size < 1)
        return 0;
    if (!registered)
        bl_rcu_thread_register();
    registered = true;
    bl_key_secret_init(&secret, seed);
    uint8_t *file = malloc(size);
    struct bl_fleet *fleet = bl_fleet_new(&config, &secret, &nobody);
    assert(file && fleet);
    memcpy(file, data + 1, size - 1);
    if (data[0] & BIT_MEND)
        mend(file, size - 1);
    int fd = file_of(file, size - 1);
    check_file(fd, data[0] & BIT_JOURNAL ? BL_STATE_JOURNAL : BL_STATE_SNAPSHOT, fleet);
    close(fd);
    bl_fleet_free(fleet);
    free(file);
    return 0;
}
