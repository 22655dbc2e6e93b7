/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the CLI's socket: whose it is, and when it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/net/listener.h"

static char folder[] = "/tmp/beatline-listener-XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/b.sock", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void a_live_socket_is_not_taken(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES], expected[BL_ERR_BYTES];
    struct bl_listener live, l;
    struct stat s;

    assert_int_equal(bl_listener_open(&live, path, err), 0);
    assert_int_equal(bl_listener_open(&l, path, err), -EADDRINUSE);
    snprintf(expected, sizeof(expected),
             "socket %s: a beatlined is already serving it; stop it or give --socket", path);
    assert_string_equal(err, expected);
    assert_int_equal(lstat(path, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0660);
    bl_listener_close(&live);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_stale_socket_is_replaced_another_file_is_not(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES];
    struct bl_listener first, second;

    assert_int_equal(bl_listener_open(&first, path, err), 0);
    close(first.fd); /* as after a crash: the file stays */
    assert_int_equal(bl_listener_open(&second, path, err), 0);
    first.fd = dup(second.fd);
    first.inode++; /* the file is not the first one's any more */
    bl_listener_close(&first);
    assert_int_equal(access(path, F_OK), 0);
    bl_listener_close(&second);
    assert_int_equal(access(path, F_OK), -1);

    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(bl_listener_open(&first, path, err), -EEXIST);
    assert_non_null(strstr(err, ": is there, but is no socket; remove it or give --socket"));
    unlink(path);
}

static void a_path_that_is_too_long_is_told(void **state)
{
    (void)state;
    char err[BL_ERR_BYTES], longest[200];
    struct bl_listener l;

    snprintf(longest, sizeof(longest), "%s/%0*d", folder, (int)(107 - strlen(folder) - 1), 0);
    assert_int_equal(bl_listener_open(&l, longest, err), 0);
    bl_listener_close(&l);
    strcat(longest, "0");
    assert_int_equal(bl_listener_open(&l, longest, err), -ENAMETOOLONG);
    assert_non_null(strstr(err, ": over 107 bytes; give --socket a shorter path"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_socket_is_not_taken),
        cmocka_unit_test(a_stale_socket_is_replaced_another_file_is_not),
        cmocka_unit_test(a_path_that_is_too_long_is_told),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
