/* SPDX-License-Identifier: Apache-2.0 */
/* The format on disk: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/store/state_file.h"
#include "tests/unit/random.h"

#define GENERATION  42u
#define RECORDS_MAX 40000u

/* One record of any type, with a place for its name. */
struct record {
    uint32_t type;
    struct bl_node_past node;
    struct bl_node_ref removed;
    struct bl_view_saved view;
    struct bl_state_numbers numbers;
    char name[BL_NAME_MAX];
};

struct book {
    struct record *record;
    uint32_t count, read;
};

static int memory_file(void)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static uint64_t file_bytes(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END);
    assert_true(end >= 0);
    return (uint64_t)end;
}

/* ---- a file's content ------------------------------------------------------ */

static struct record random_record(struct test_random *r)
{
    struct record x = {.type = 1 + test_random_below(r, BL_STATE_END - 1)};
    uint8_t len = (uint8_t)(1 + test_random_below(r, BL_NAME_MAX));
    for (unsigned i = 0; i < len; i++)
        x.name[i] = (char)('a' + test_random_below(r, 26));
    x.node = (struct bl_node_past){.name_len = len,
                                   .binary = test_random_below(r, 2),
                                   .until_beat = test_random_below(r, 2),
                                   .own_retries = test_random_below(r, 2),
                                   .own_detector = test_random_below(r, 2),
                                   .state = (uint8_t)test_random_below(r, BL_STATE_COUNT),
                                   .table = (uint16_t)test_random_u64(r),
                                   .id = test_random_u64(r),
                                   .policy = {.timeout_ms = (uint32_t)test_random_u64(r),
                                              .warn_ms = (uint32_t)test_random_u64(r),
                                              .err_ms = (uint32_t)test_random_u64(r),
                                              .retries = (uint8_t)test_random_u64(r),
                                              .detector = (uint8_t)test_random_u64(r)},
                                   .interval_ms = (uint32_t)test_random_u64(r),
                                   .incident = (uint32_t)test_random_u64(r),
                                   .pause_end_s = (uint32_t)test_random_u64(r),
                                   .first_seen_unix_ms = (int64_t)test_random_u64(r),
                                   .state_since_unix_ms = (int64_t)test_random_u64(r),
                                   .last_beat_unix_ms = (int64_t)test_random_u64(r)};
    x.node.silent_ms = (uint32_t)test_random_u64(r);
    if (test_random_below(r, 2))
        x.node.rhythm = (struct bl_interval_stats){.mean_ms = (float)test_random_below(r, 100000),
                                                   .variance_ms2 = (float)test_random_below(r, 100000),
                                                   .held_ms = (float)test_random_below(r, 100000),
                                                   .quiet_ms = (float)test_random_below(r, 100000),
                                                   .below_ms = (float)test_random_below(r, 100000),
                                                   .owed_ms = (float)test_random_below(r, 100000),
                                                   .count = (uint8_t)(1 + test_random_below(r, 255)),
                                                   .run = (int8_t)((int)test_random_below(r, 256) - 128),
                                                   .habit = (uint8_t)test_random_below(r, 2),
                                                   .calm = (uint8_t)test_random_below(r, 5)};
    x.removed = (struct bl_node_ref){.name_len = len, .id = test_random_u64(r)};
    x.view = (struct bl_view_saved){.name_len = len,
                                    .state = (uint8_t)test_random_below(r, BL_STATE_COUNT),
                                    .incident = (uint32_t)test_random_u64(r),
                                    .since_unix_ms = (int64_t)test_random_u64(r)};
    x.numbers.events = test_random_u64(r);
    x.numbers.stopped = test_random_below(r, 2);
    return x;
}

static void put(struct bl_state_writer *w, struct record *x)
{
    int r = -1;
    x->node.name = x->removed.name = x->view.name = x->name;
    if (x->type == BL_STATE_NODES)
        r = bl_state_put_node(w, &x->node);
    else if (x->type == BL_STATE_REMOVED)
        r = bl_state_put_removed(w, &x->removed);
    else if (x->type == BL_STATE_VIEWS)
        r = bl_state_put_view(w, &x->view);
    else
        r = bl_state_put_numbers(w, &x->numbers);
    assert_int_equal(r, 0);
}

/* Runs of a type, as they come from a fleet; two at least. */
static void write_book(int fd, enum bl_state_kind kind, struct book *b, uint64_t seed)
{
    struct test_random random = {.state = seed};
    struct bl_state_writer w;
    assert_int_equal(bl_state_writer_begin(&w, fd, kind, GENERATION, 1234567), 0);
    for (uint32_t i = 0; i < b->count; i++) {
        b->record[i] = random_record(&random);
        if (i == b->count / 2)
            b->record[i].type = 1 + b->record[i - 1].type % (BL_STATE_END - 1);
        else if (i > 0 && test_random_below(&random, 50) != 0)
            b->record[i].type = b->record[i - 1].type;
        put(&w, &b->record[i]);
    }
    assert_int_equal(kind == BL_STATE_SNAPSHOT ? bl_state_end(&w) : bl_state_flush(&w), 0);
    assert_int_equal(w.written, file_bytes(fd));
    bl_state_writer_free(&w);
}

/* ---- compared ----------------------------------------------------------------- */

static const struct record *next(void *ctx, uint32_t type)
{
    struct book *b = ctx;
    assert_true(b->read < b->count);
    assert_int_equal(b->record[b->read].type, type);
    return &b->record[b->read++];
}

static void see_node(void *ctx, const struct bl_node_past *p)
{
    const struct bl_node_past *should = &next(ctx, BL_STATE_NODES)->node;
    assert_int_equal(p->name_len, should->name_len);
    assert_memory_equal(p->name, should->name, should->name_len);
    assert_int_equal(p->binary, should->binary);
    assert_int_equal(p->until_beat, should->until_beat);
    assert_int_equal(p->own_retries, should->own_retries);
    assert_int_equal(p->own_detector, should->own_detector);
    assert_int_equal(p->state, should->state);
    assert_int_equal(p->table, should->table);
    assert_int_equal(p->id, should->id);
    assert_memory_equal(&p->policy, &should->policy, sizeof(p->policy)); /* no padding in it */
    assert_int_equal(p->interval_ms, should->interval_ms);
    assert_int_equal(p->incident, should->incident);
    assert_int_equal(p->pause_end_s, should->pause_end_s);
    assert_int_equal(p->first_seen_unix_ms, should->first_seen_unix_ms);
    assert_int_equal(p->state_since_unix_ms, should->state_since_unix_ms);
    assert_int_equal(p->last_beat_unix_ms, should->last_beat_unix_ms);
    assert_int_equal(p->silent_ms, should->silent_ms);
    assert_memory_equal(&p->rhythm, &should->rhythm, sizeof(p->rhythm)); /* no padding in it */
}

static void see_removed(void *ctx, const struct bl_node_ref *who)
{
    const struct bl_node_ref *should = &next(ctx, BL_STATE_REMOVED)->removed;
    assert_int_equal(who->id, should->id);
    assert_int_equal(who->name_len, should->name_len);
    assert_memory_equal(who->name, should->name, should->name_len);
}

static void see_view(void *ctx, const struct bl_view_saved *v)
{
    const struct bl_view_saved *should = &next(ctx, BL_STATE_VIEWS)->view;
    assert_int_equal(v->name_len, should->name_len);
    assert_memory_equal(v->name, should->name, should->name_len);
    assert_int_equal(v->state, should->state);
    assert_int_equal(v->incident, should->incident);
    assert_int_equal(v->since_unix_ms, should->since_unix_ms);
}

static void see_numbers(void *ctx, const struct bl_state_numbers *n)
{
    assert_int_equal(n->events, next(ctx, BL_STATE_NUMBERS)->numbers.events);
}

static int read_book(int fd, enum bl_state_kind kind, struct book *b, struct bl_state_info *info,
                     char why[BL_ERR_BYTES])
{
    struct bl_state_sink sink = {
        .ctx = b, .node = see_node, .removed = see_removed, .view = see_view, .numbers = see_numbers};
    b->read = 0;
    return bl_state_read(fd, kind, GENERATION, &sink, info, why);
}

/* A new file of `count` random records, and the book of them. */
static int book_file(enum bl_state_kind kind, struct book *b, uint32_t count, const char *seed)
{
    int fd = memory_file();
    *b = (struct book){.record = calloc(count, sizeof(*b->record)), .count = count};
    assert_non_null(b->record);
    write_book(fd, kind, b, test_random_seed(seed));
    return fd;
}

static void throw_away(int fd, struct book *b)
{
    close(fd);
    free(b->record);
}

/* ---- tests -------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct book b;
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    for (unsigned kind = BL_STATE_SNAPSHOT; kind <= BL_STATE_JOURNAL; kind++) {
        int fd = book_file((enum bl_state_kind)kind, &b, RECORDS_MAX, "state_file");
        assert_int_equal(read_book(fd, (enum bl_state_kind)kind, &b, &info, why), 0);
        assert_int_equal(b.read, RECORDS_MAX);
        assert_int_equal(info.records, RECORDS_MAX);
        assert_int_equal(info.good_bytes, file_bytes(fd));
        assert_int_equal(info.header.time_unix_ms, 1234567);
        throw_away(fd, &b);
    }
}

static void an_empty_fleet_is_a_good_snapshot(void **state)
{
    (void)state;
    struct book b = {0};
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    int fd = memory_file();
    write_book(fd, BL_STATE_SNAPSHOT, &b, 1);
    assert_int_equal(read_book(fd, BL_STATE_SNAPSHOT, &b, &info, why), 0);
    assert_int_equal(bl_state_read(fd, BL_STATE_JOURNAL, GENERATION, NULL, &info, why), -EBADMSG);
    assert_int_equal(bl_state_read(fd, BL_STATE_SNAPSHOT, GENERATION + 1, NULL, &info, why), -EBADMSG);
    assert_non_null(strstr(why, "another file"));
    close(fd);
}

static void a_snapshot_with_one_wrong_bit_is_refused(void **state)
{
    (void)state;
    struct book b;
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    int fd = book_file(BL_STATE_SNAPSHOT, &b, 200, "bits");
    uint64_t bytes = file_bytes(fd);
    for (uint64_t at = 0; at < bytes; at++) {
        uint8_t byte, wrong;
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        wrong = byte ^ (uint8_t)(1u << at % 8);
        assert_int_equal(pwrite(fd, &wrong, 1, (off_t)at), 1);
        int r = bl_state_read(fd, BL_STATE_SNAPSHOT, GENERATION, NULL, &info, why);
        if (r != -EBADMSG || why[0] == '\0')
            fail_msg("bit %llu of byte %llu: %d %s", (unsigned long long)at % 8, (unsigned long long)at, r,
                     why);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    }
    assert_int_equal(bl_state_read(fd, BL_STATE_SNAPSHOT, GENERATION, NULL, &info, why), 0);
    throw_away(fd, &b);
}

static void a_snapshot_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct book b;
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    int fd = book_file(BL_STATE_SNAPSHOT, &b, 50, "cut");
    uint64_t bytes = file_bytes(fd);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)bytes), 1);
    assert_int_equal(bl_state_read(fd, BL_STATE_SNAPSHOT, GENERATION, NULL, &info, why), -EBADMSG);
    for (uint64_t left = bytes; left-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)left), 0);
        assert_int_equal(bl_state_read(fd, BL_STATE_SNAPSHOT, GENERATION, NULL, &info, why), -EBADMSG);
    }
    throw_away(fd, &b);
}

/* Whole sections of what was written, in order, and nothing else. */
static void a_journal_cut_anywhere_is_good_up_to_there(void **state)
{
    (void)state;
    struct book b;
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    int fd = book_file(BL_STATE_JOURNAL, &b, 200, "torn");
    uint64_t bytes = file_bytes(fd), records = 200, whole = 0;
    for (uint64_t left = bytes; left-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)left), 0);
        int r = read_book(fd, BL_STATE_JOURNAL, &b, &info, why);
        assert_true(info.records <= records);
        assert_int_equal(b.read, info.records);
        assert_true(info.good_bytes <= left);
        assert_int_equal(r, info.good_bytes == left && left > 0 ? 0 : -EBADMSG);
        records = info.records;
        whole += r == 0;
    }
    assert_true(whole > 1);
    throw_away(fd, &b);
}

static void what_newer_versions_write_is_told_from_damage(void **state)
{
    (void)state;
    struct bl_state_writer w;
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    int fd = memory_file();
    assert_int_equal(bl_state_writer_begin(&w, fd, BL_STATE_JOURNAL, GENERATION, 0), 0);
    w.section = (struct bl_state_section){.type = 77, .fixed_bytes = 8, .bytes = 8, .count = 1};
    memset(w.buffer, 7, 8);
    assert_int_equal(bl_state_flush(&w), 0);
    assert_int_equal(bl_state_read(fd, BL_STATE_JOURNAL, GENERATION, NULL, &info, why), -EPROTO);
    assert_non_null(strstr(why, "newer beatline"));
    bl_state_writer_free(&w);
    close(fd);
}

/* A later version's file, or an earlier one's: with more, or fewer,
 * fields in the fixed part. */
static void fields_that_an_older_version_did_not_write_are_zero(void **state)
{
    (void)state;
    struct bl_state_writer w;
    char why[BL_ERR_BYTES];
    struct bl_state_info info;
    int fd = memory_file();
    assert_int_equal(bl_state_writer_begin(&w, fd, BL_STATE_JOURNAL, GENERATION, 0), 0);
    w.section = (struct bl_state_section){.type = BL_STATE_NUMBERS, .fixed_bytes = 3, .bytes = 3, .count = 1};
    memcpy(w.buffer, (uint8_t[]){5, 1, 0}, 3);
    assert_int_equal(bl_state_flush(&w), 0);
    struct record should = {.type = BL_STATE_NUMBERS, .numbers.events = 261};
    struct book b = {.record = &should, .count = 1};
    assert_int_equal(read_book(fd, BL_STATE_JOURNAL, &b, &info, why), 0);
    assert_int_equal(b.read, 1);
    bl_state_writer_free(&w);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(an_empty_fleet_is_a_good_snapshot),
        cmocka_unit_test(a_snapshot_with_one_wrong_bit_is_refused),
        cmocka_unit_test(a_snapshot_cut_anywhere_is_refused),
        cmocka_unit_test(a_journal_cut_anywhere_is_good_up_to_there),
        cmocka_unit_test(what_newer_versions_write_is_told_from_damage),
        cmocka_unit_test(fields_that_an_older_version_did_not_write_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
