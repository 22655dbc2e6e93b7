/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a table's memory when the kernel has none: madvise is
 * this program's own here and says what a test wants. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/table/table.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Refuse the populating calls from the `from`-th on, 1..; 0: none. */
static unsigned populated, from;
static int code;

int madvise(void *at, size_t bytes, int advice)
{
    if (advice == MADV_POPULATE_WRITE && from > 0 && ++populated >= from) {
        errno = code;
        return -1;
    }
    return (int)syscall(SYS_madvise, at, bytes, advice);
}

static void refuse_from(unsigned call, int why)
{
    populated = 0;
    from = call;
    code = why;
}

static int prefault_all(struct bl_slots *s)
{
    int r = 0;
    while (r == 0)
        r = bl_slots_prefault(s, 1 << 20);
    return r;
}

static size_t resident_pages(const struct bl_slots *s)
{
    static unsigned char in_memory[4096];
    size_t pages = s->bytes / 4096, n = 0;
    assert_true(pages <= sizeof(in_memory));
    assert_int_equal(mincore(s->line, s->bytes, in_memory), 0);
    for (size_t i = 0; i < pages; i++)
        n += in_memory[i] & 1;
    return n;
}

static void a_kernel_that_cannot_populate_has_its_pages_touched(void **state)
{
    (void)state;
    struct bl_slots *s = bl_slots_new(20000);
    refuse_from(1, EINVAL);
    assert_int_equal(prefault_all(s), 1);
    assert_int_equal(s->prefaulted, s->bytes);
    assert_int_equal(resident_pages(s), s->bytes / 4096);
    bl_slots_free(s);
}

/* A touch where there is no page is a SIGBUS. */
static void a_page_that_is_not_to_be_had_is_told_not_touched(void **state)
{
    (void)state;
    const int codes[] = {EFAULT, ENOMEM, EHWPOISON};
    for (unsigned i = 0; i < 3; i++) {
        struct bl_slots *s = bl_slots_new(20000);
        refuse_from(1, codes[i]);
        assert_false(s->huge);
        assert_int_equal(prefault_all(s), -codes[i]);
        assert_int_equal(resident_pages(s), 0);
        bl_slots_free(s);
    }
}

/* mmap takes a promise of huge pages that a limit of the control group
 * breaks later. Told as if: this machine may have none. */
static void a_table_without_its_huge_pages_takes_plain_ones(void **state)
{
    (void)state;
    struct bl_slots *s = bl_slots_new(200000);
    refuse_from(2, EFAULT);
    s->huge = true;
    assert_int_equal(bl_slots_prefault(s, 1 << 20), 0);
    assert_int_equal(bl_slots_prefault(s, 1 << 20), 0);
    assert_false(s->huge);
    assert_int_equal(s->prefaulted, 0);
    refuse_from(0, 0);
    assert_int_equal(prefault_all(s), 1);
    for (uint32_t i = 0; i < s->slot_count; i += 777) {
        struct bl_slot_policy p = bl_slots_policy(s, i);
        assert_true(p.threshold_ticks == BL_THRESHOLD_NEVER && p.node == BL_NODE_NONE && p.flags == 0);
        assert_true(bl_slots_key(s, i) == BL_KEY_EMPTY);
    }
    bl_slots_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_that_cannot_populate_has_its_pages_touched),
        cmocka_unit_test(a_page_that_is_not_to_be_had_is_told_not_touched),
        cmocka_unit_test(a_table_without_its_huge_pages_takes_plain_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
