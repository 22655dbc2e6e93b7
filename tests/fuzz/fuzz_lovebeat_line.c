/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a line of a lovebeat database. What is taken, the fleet takes,
 * and makes of it what can be saved. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "control/import/lovebeat_line.h"
#include "tests/fuzz/fuzz.h"

#define NOW INT64_C(1790000000000)

static void check_service(const struct bl_lovebeat_record *r)
{
    const struct bl_node_past *p = &r->node;

    assert(p->name == r->name && p->name_len == r->name_len && bl_name_is_valid(p->name, p->name_len));
    assert(p->state < BL_STATE_COUNT && p->policy.detector < BL_DETECTOR_COUNT);
    assert(p->policy.timeout_ms <= BL_TIMEOUT_MAX_MS && p->policy.warn_ms <= BL_TIMEOUT_MAX_MS &&
           p->policy.err_ms <= BL_TIMEOUT_MAX_MS);
    assert(p->last_beat_unix_ms >= 0 && p->last_beat_unix_ms <= NOW);
    assert(p->state_since_unix_ms > 0 && p->state_since_unix_ms <= NOW);
    assert(p->first_seen_unix_ms > 0 && p->first_seen_unix_ms <= NOW);
}

static void check_view(const struct bl_lovebeat_record *r)
{
    assert(r->view.name == r->name && r->view.name_len == r->name_len && r->name_len > 0);
    assert(r->view.state >= BL_STATE_OK && r->view.state < BL_STATE_COUNT);
    assert(r->view.since_unix_ms >= 0 && r->view.since_unix_ms <= NOW);
    assert(strnlen(r->regexp, sizeof(r->regexp)) <= BL_LOVEBEAT_REGEXP_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bl_lovebeat_record r;
    char why[BL_ERR_BYTES] = "";

    if (bl_lovebeat_line_parse((const char *)data, size, NOW, &r, why) != 0) {
        assert(why[0] != '\0' && strnlen(why, sizeof(why)) < sizeof(why));
        return 0;
    }
    if (r.kind == BL_LOVEBEAT_SERVICE)
        check_service(&r);
    else
        check_view(&r);
    return 0;
}
