/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/export/append_file.h"
#include "tests/unit/random.h"

static char folder[] = "/tmp/bl-append-XXXXXX";
static char path[64], moved[64];

static void write_line(struct bl_append_file *f, const char *line)
{
    bl_text_append(&f->lines, line, strlen(line));
    assert_int_equal(bl_append_file_flush(f), 0);
}

static void assert_content(const char *file, const char *should)
{
    char is[256];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, is, sizeof(is) - 1);
    assert_true(n >= 0);
    is[n] = '\0';
    close(fd);
    assert_string_equal(is, should);
}

static int clear(void **state)
{
    (void)state;
    unlink(path);
    unlink(moved);
    return 0;
}

static void what_is_there_stays(void **state)
{
    (void)state;
    struct bl_append_file f;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bl_append_file_open(&f, path), 0);
        write_line(&f, "line\n");
        bl_append_file_close(&f);
    }
    assert_content(path, "line\nline\n");
}

static void a_rename_is_followed_with_the_next_line(void **state)
{
    (void)state;
    struct bl_append_file f;
    assert_int_equal(bl_append_file_open(&f, path), 0);
    write_line(&f, "1\n");
    assert_int_equal(rename(path, moved), 0);
    write_line(&f, "2\n");
    assert_content(moved, "1\n");
    assert_content(path, "2\n");
    assert_int_equal(f.reopened, 1);
    assert_int_equal(unlink(path), 0);
    write_line(&f, "3\n");
    assert_content(path, "3\n");
    assert_int_equal(f.bytes, 6);
    bl_append_file_close(&f);
}

static void one_that_was_cut_begins_anew(void **state)
{
    (void)state;
    struct bl_append_file f;
    assert_int_equal(bl_append_file_open(&f, path), 0);
    write_line(&f, "1\n");
    assert_int_equal(truncate(path, 0), 0);
    write_line(&f, "2\n");
    assert_content(path, "2\n");
    bl_append_file_close(&f);
}

static void a_folder_that_is_gone_is_an_error_until_it_is_back(void **state)
{
    (void)state;
    struct bl_append_file f;
    char deep[80], file[96];
    snprintf(deep, sizeof(deep), "%s/deep", folder);
    snprintf(file, sizeof(file), "%s/log", deep);
    assert_int_equal(mkdir(deep, 0700), 0);
    assert_int_equal(bl_append_file_open(&f, file), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(deep), 0);
    bl_text_append(&f.lines, "1\n", 2);
    assert_int_equal(bl_append_file_flush(&f), -ENOENT);
    assert_int_equal(bl_append_file_reopen(&f), -ENOENT);
    assert_int_equal(mkdir(deep, 0700), 0);
    write_line(&f, "2\n");
    assert_content(file, "1\n2\n");
    bl_append_file_close(&f);
    unlink(file);
    rmdir(deep);
}

static void what_cannot_be_opened_says_so(void **state)
{
    (void)state;
    struct bl_append_file f;
    assert_int_equal(bl_append_file_open(&f, folder), -EISDIR);
    assert_int_equal(f.fd, -1);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(bl_append_file_open(&f, path), -ENXIO); /* and does not wait for a reader */
}

/* The most bytes a file may have; a full disk in small. */
static void set_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Three lines, and room for one and a bit. */
static void fill_the_disk(struct bl_append_file *f)
{
    assert_int_equal(bl_append_file_open(f, path), 0);
    set_limit(5);
    bl_text_append(&f->lines, "one\ntwo\nthree\n", 14);
    assert_int_equal(bl_append_file_flush(f), -EFBIG);
}

static void no_line_is_torn_or_twice_where_the_disk_was_full(void **state)
{
    (void)state;
    struct bl_append_file f;
    fill_the_disk(&f);
    assert_content(path, "one\nt");
    assert_int_equal(bl_append_file_flush(&f), -EFBIG);
    set_limit(RLIM_INFINITY);
    assert_int_equal(bl_append_file_flush(&f), 0);
    assert_content(path, "one\ntwo\nthree\n");
    bl_append_file_close(&f);
}

static void a_new_file_begins_with_a_whole_line(void **state)
{
    (void)state;
    struct bl_append_file f;
    fill_the_disk(&f);
    set_limit(RLIM_INFINITY);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(bl_append_file_flush(&f), 0);
    assert_content(path, "two\nthree\n");
    bl_append_file_close(&f);
}

/* Random lines under random limits and renames: all of them are there,
 * whole and once, in order, over all files. */
static void nothing_is_lost_whatever_happens(void **state)
{
    (void)state;
    struct test_random r = {.state = test_random_seed("append_file")};
    struct bl_append_file f;
    unsigned wrote = 0, next = 0;
    char line[32];

    assert_int_equal(bl_append_file_open(&f, path), 0);
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = test_random_below(&r, 10); i > 0; i--)
            bl_text_printf(&f.lines, "line %u\n", wrote++);
        set_limit(test_random_below(&r, 3) ? test_random_below(&r, 300) : RLIM_INFINITY);
        (void)bl_append_file_flush(&f);
        if (test_random_below(&r, 4) && round < 299)
            continue;
        set_limit(RLIM_INFINITY);
        if (round == 299)
            assert_int_equal(bl_append_file_flush(&f), 0);
        FILE *in = fopen(path, "re");
        assert_non_null(in);
        for (unsigned n; fgets(line, sizeof(line), in) && strchr(line, '\n'); next++) {
            assert_int_equal(sscanf(line, "line %u", &n), 1);
            assert_int_equal(n, next);
        }
        fclose(in);
        assert_int_equal(rename(path, moved), 0);
        if (round < 299) /* it may be told, or find out */
            assert_int_equal(test_random_below(&r, 2) ? bl_append_file_reopen(&f) : 0, 0);
        if (access(path, F_OK) != 0)
            close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    assert_int_equal(next, wrote);
    bl_append_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_there_stays, clear),
        cmocka_unit_test_setup(a_rename_is_followed_with_the_next_line, clear),
        cmocka_unit_test_setup(one_that_was_cut_begins_anew, clear),
        cmocka_unit_test_setup(a_folder_that_is_gone_is_an_error_until_it_is_back, clear),
        cmocka_unit_test_setup(what_cannot_be_opened_says_so, clear),
        cmocka_unit_test_setup(no_line_is_torn_or_twice_where_the_disk_was_full, clear),
        cmocka_unit_test_setup(a_new_file_begins_with_a_whole_line, clear),
        cmocka_unit_test_setup(nothing_is_lost_whatever_happens, clear),
    };
    signal(SIGXFSZ, SIG_IGN);
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/log", folder);
    snprintf(moved, sizeof(moved), "%s/log.1", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    clear(NULL);
    rmdir(folder);
    return failed;
}
