/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/base/role.h"

static int owned BL_OWNED_BY(bl_role_worker);

BL_ON_WORKER static int owned_read(void)
{
    return owned;
}

static void a_thread_that_took_its_role_reads_its_fields(void **state)
{
    (void)state;
    bl_role_assume_worker();
    owned = 7;
    assert_int_equal(owned_read(), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_took_its_role_reads_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
