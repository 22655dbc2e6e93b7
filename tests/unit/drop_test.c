/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/base/drop.h"

static void every_reason_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (unsigned d = 0; d < BL_DROP_COUNT; d++) {
        assert_non_null(bl_drop_name(d));
        assert_non_null(bl_drop_sentence(d));
    }
    assert_string_equal(bl_drop_name(BL_DROP_runt), "runt");
    assert_string_equal(bl_drop_name(BL_DROP_COUNT - 1), "ring_full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_name_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
