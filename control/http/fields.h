/* SPDX-License-Identifier: Apache-2.0 */
/* fields: named values as text, wherever they came from (a query, a form,
 * an object of JSON), and what they mean. A bad value is never a default:
 * it is an error that says what is wrong with it and what to give. Pure
 * functions; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/http/uri.h"
#include "engine/base/err.h"
#include "engine/fleet/fleet.h"

struct json_t;

struct bl_fields {
    const struct bl_param *param; /* a NULL value: a list or an object of JSON */
    unsigned count;
};

/* The value of the first (or, with *at, the next) field of that name;
 * NULL: none. */
const char *bl_field(const struct bl_fields *f, const char *name);
const char *bl_field_next(const struct bl_fields *f, const char *name, unsigned *at);

/* False, and why: a field is none of `names` (which end with NULL), or no
 * single value. */
bool bl_fields_are(const struct bl_fields *f, const char *const *names, char why[BL_ERR_BYTES]);

/* The value of a field, if it is there: *given says so. False, and why: it
 * is no whole number up to max, no duration ("2s", "1.5m", "none"),
 * neither true nor false. */
bool bl_field_number(const struct bl_fields *f, const char *name, uint64_t max, uint64_t *value, bool *given,
                     char why[BL_ERR_BYTES]);
bool bl_field_duration(const struct bl_fields *f, const char *name, uint32_t *ms, bool *given,
                       char why[BL_ERR_BYTES]);
bool bl_field_flag(const struct bl_fields *f, const char *name, bool *value, char why[BL_ERR_BYTES]);

/* The members of a JSON object as fields; numbers get their text in
 * `words`, BL_FIELD_WORD bytes for each member. Names and texts are the
 * object's own. Returns how many; -E2BIG: over `max`. */
#define BL_FIELD_WORD 32u
int bl_fields_of_json(const struct json_t *object, struct bl_param *params, unsigned max, char *words);

/* The fields of a node's policy: BL_POLICY_FIELDS, as lists of nodes have
 * them, durations also as people write them. False, and why; a warn
 * longer than the err beside it is an error. One that comes alone is
 * taken, as off the wire, where each setting comes alone: the other may
 * follow. */
#define BL_POLICY_FIELDS "timeout", "timeout_ms", "warn", "warn_ms", "err", "err_ms", "retries", "detector"
bool bl_policy_of_fields(const struct bl_fields *f, struct bl_policy_patch *patch, char why[BL_ERR_BYTES]);
