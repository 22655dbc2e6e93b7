/* SPDX-License-Identifier: Apache-2.0 */
/* The event log on its thread; this one plays control. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/export/event_log.h"

static char folder[] = "/tmp/bl-eventlog-XXXXXX";
static char path[64], other[64];

struct life {
    struct bl_event_feed feed;
    struct bl_event_log *log;
    unsigned said;
};

static void say(void *ctx, const char *text)
{
    (void)text;
    __atomic_fetch_add(&((struct life *)ctx)->said, 1, __ATOMIC_RELAXED);
}

static void begin(struct life *l, const char *at)
{
    char why[BL_ERR_BYTES];
    l->said = 0;
    assert_int_equal(bl_event_feed_init(&l->feed), 0);
    struct bl_event_log_config c = {.path = at, .feed = &l->feed, .say = say, .ctx = l};
    l->log = bl_event_log_new(&c, why);
    assert_non_null(l->log);
    assert_int_equal(bl_event_log_start(l->log, why), 0);
}

static void end(struct life *l)
{
    bl_event_log_stop(l->log);
    bl_event_log_free(l->log);
    bl_event_feed_fini(&l->feed);
}

static void tell(struct life *l, uint64_t number)
{
    struct bl_event e = {.number = number,
                         .kind = BL_EVENT_TRANSITION,
                         .from = BL_STATE_OK,
                         .to = BL_STATE_FAILED,
                         .incident = 7,
                         .reason = "timeout",
                         .name = "a \"node\"\xff"};
    bl_role_assume_control();
    bl_event_feed_push(&l->feed, &e);
    bl_event_feed_flush(&l->feed);
}

static struct bl_event_log_stats stats(const struct life *l)
{
    struct bl_event_log_stats s;
    bl_event_log_stats(l->log, &s);
    return s;
}

/* Until the thread has done what it was told. */
static void wait_for(const struct life *l, uint64_t lines)
{
    for (int i = 0; i < 4000 && stats(l).lines < lines; i++)
        usleep(5000);
    assert_true(stats(l).lines >= lines);
}

static int clear(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return 0;
}

/* The numbers of the events in a file, `numbers`, up to `max`; each line
 * is a JSON object. Returns how many, and the sum of what was lost. */
static unsigned numbers_in(const char *file, uint64_t *numbers, unsigned max, uint64_t *lost)
{
    char line[1024];
    unsigned n = 0;
    FILE *in = fopen(file, "re");
    assert_non_null(in);
    *lost = 0;
    while (fgets(line, sizeof(line), in)) {
        json_t *j = json_loads(line, 0, NULL);
        assert_non_null(j);
        const json_t *number = json_object_get(j, "number");
        if (number) {
            assert_true(n < max);
            numbers[n++] = (uint64_t)json_integer_value(number);
        }
        *lost += (uint64_t)json_integer_value(json_object_get(j, "count"));
        json_decref(j);
    }
    fclose(in);
    return n;
}

static void assert_holds(const char *file, uint64_t from, uint64_t to)
{
    static uint64_t numbers[200000];
    uint64_t lost;
    unsigned n = numbers_in(file, numbers, 200000, &lost);
    assert_int_equal(n, to - from + 1);
    assert_int_equal(lost, 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(numbers[i], from + i);
}

/* ---- tests ------------------------------------------------------------------------ */

static void an_event_is_a_line_of_json(void **state)
{
    (void)state;
    struct life l;
    json_error_t error;
    begin(&l, path);
    tell(&l, 1);
    wait_for(&l, 2);
    end(&l);
    FILE *in = fopen(path, "re");
    char line[3][512];
    for (int i = 0; i < 3; i++)
        assert_non_null(fgets(line[i], sizeof(line[i]), in));
    fclose(in);
    assert_non_null(strstr(line[0], "started"));
    assert_non_null(strstr(line[2], "stopped"));
    json_t *j = json_loads(line[1], 0, &error);
    assert_non_null(j);
    assert_int_equal(json_integer_value(json_object_get(j, "number")), 1);
    assert_string_equal(json_string_value(json_object_get(j, "to")), "failed");
    assert_string_equal(json_string_value(json_object_get(j, "name")), "a \"node\"\xef\xbf\xbd");
    json_decref(j);
}

static void what_control_still_held_at_the_end_is_written(void **state)
{
    (void)state;
    struct life l;
    begin(&l, path);
    bl_event_log_stop(l.log);
    for (uint64_t i = 1; i <= 3 * BL_FEED_RING; i++)
        tell(&l, i);
    end(&l);
    assert_holds(path, 1, 3 * BL_FEED_RING);
}

static void a_rotation_loses_no_line(void **state)
{
    (void)state;
    struct life l;
    uint64_t numbers[2][4000], lost;
    begin(&l, path);
    for (uint64_t i = 1; i <= 2000; i++) {
        tell(&l, i);
        if (i == 1000) {
            assert_int_equal(rename(path, other), 0);
            bl_event_log_reopen(l.log);
        }
    }
    end(&l);
    unsigned before = numbers_in(other, numbers[0], 4000, &lost);
    unsigned after = numbers_in(path, numbers[1], 4000, &lost);
    assert_int_equal(before + after, 2000);
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(i < before ? numbers[0][i] : numbers[1][i - before], i + 1);
}

static void a_full_disk_is_told_once_and_loses_nothing_that_fits_the_queue(void **state)
{
    (void)state;
    struct life l;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    begin(&l, path);
    limit.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (uint64_t i = 1; i <= 20000; i++)
        tell(&l, i);
    for (int i = 0; i < 2000 && stats(&l).errors < 2; i++)
        usleep(5000);
    assert_true(stats(&l).errors >= 2);
    assert_int_equal(__atomic_load_n(&l.said, __ATOMIC_RELAXED), 1);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bl_event_log_reopen(l.log); /* does not wait for the next try */
    for (int i = 0; i < 2000 && __atomic_load_n(&l.said, __ATOMIC_RELAXED) < 2; i++)
        usleep(5000);
    assert_int_equal(__atomic_load_n(&l.said, __ATOMIC_RELAXED), 2);
    end(&l);
    assert_holds(path, 1, 20000);
}

static void what_is_beyond_the_queue_is_counted_in_the_file(void **state)
{
    (void)state;
    struct life l;
    static uint64_t numbers[30000];
    uint64_t lost;
    begin(&l, path);
    bl_event_log_stop(l.log); /* nobody reads */
    l.feed.limit = 100;
    for (uint64_t i = 1; i <= 30000; i++)
        tell(&l, i);
    uint64_t counted = stats(&l).lost;
    assert_in_range(counted, 1, 30000 - BL_FEED_RING - 100);
    end(&l);
    unsigned n = numbers_in(path, numbers, 30000, &lost);
    assert_int_equal(lost, counted);
    assert_int_equal(n + lost, 30000);
}

#define TOLD_MAX 2000

static void another_path_takes_over_and_none_ends_it(void **state)
{
    (void)state;
    struct life l;
    char why[BL_ERR_BYTES];
    begin(&l, path);
    tell(&l, 1);
    assert_int_equal(bl_event_log_set_path(l.log, other, why), 0);
    assert_true(bl_event_log_set_path(l.log, "/nonexistent/x", why) < 0);
    assert_non_null(strstr(why, "/nonexistent/x: No such file or directory;"));
    /* The log's thread takes the order up between two looks at the feed. */
    static uint64_t numbers[TOLD_MAX];
    uint64_t told = 1, lost;
    struct stat taken = {0};
    while (told < TOLD_MAX && taken.st_size == 0) {
        tell(&l, ++told);
        usleep(5000);
        assert_int_equal(stat(other, &taken), 0);
    }
    assert_true(taken.st_size > 0);
    assert_int_equal(bl_event_log_set_path(l.log, "", why), 0);
    end(&l);
    assert_int_equal(numbers_in(path, numbers, TOLD_MAX, &lost) + numbers_in(other, numbers, TOLD_MAX, &lost),
                     told);
}

static void a_start_without_a_file_can_get_one(void **state)
{
    (void)state;
    struct life l;
    char why[BL_ERR_BYTES];
    begin(&l, "");
    tell(&l, 1);
    assert_int_equal(bl_event_log_set_path(l.log, path, why), 0);
    wait_for(&l, 1);
    end(&l);
    assert_holds(path, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_event_is_a_line_of_json, clear),
        cmocka_unit_test_setup(what_control_still_held_at_the_end_is_written, clear),
        cmocka_unit_test_setup(a_rotation_loses_no_line, clear),
        cmocka_unit_test_setup(a_full_disk_is_told_once_and_loses_nothing_that_fits_the_queue, clear),
        cmocka_unit_test_setup(what_is_beyond_the_queue_is_counted_in_the_file, clear),
        cmocka_unit_test_setup(another_path_takes_over_and_none_ends_it, clear),
        cmocka_unit_test_setup(a_start_without_a_file_can_get_one, clear),
    };
    signal(SIGXFSZ, SIG_IGN);
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/log", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    clear(NULL);
    rmdir(folder);
    return failed;
}
