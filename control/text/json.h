/* SPDX-License-Identifier: Apache-2.0 */
/* json: a streaming JSON writer into a growing buffer. Writes what it is
 * told in that order, escapes strings (control bytes, quotes, invalid
 * UTF-8 as U+FFFD), keeps commas right. No DOM: a list of a million
 * nodes is a million small objects. One thread per writer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bl_text {
    char *data; /* not terminated; free with bl_text_free */
    size_t len, capacity;
    bool failed; /* out of memory: content is incomplete */
};

void bl_text_append(struct bl_text *t, const char *data, size_t len);
void bl_text_printf(struct bl_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bl_text_free(struct bl_text *t);

/* Length of the UTF-8 sequence that `len` >= 1 bytes at s start with, 0
 * if it is none (RFC 3629: no overlong forms, no surrogates, nothing
 * over U+10FFFF). */
size_t bl_utf8_len(const unsigned char *s, size_t len);

struct bl_json {
    struct bl_text *out;
    uint64_t comma; /* one bit per open level: something is before */
    unsigned depth; /* at most 60 */
    /* See bl_json_only. */
    const char *only;
    unsigned only_depth;
};

void bl_json_begin(struct bl_json *j, struct bl_text *out);
/* `key` NULL inside arrays and at the top. */
void bl_json_object(struct bl_json *j, const char *key);
void bl_json_object_end(struct bl_json *j);
void bl_json_array(struct bl_json *j, const char *key);
void bl_json_array_end(struct bl_json *j);
void bl_json_string(struct bl_json *j, const char *key, const char *value);
void bl_json_string_n(struct bl_json *j, const char *key, const char *value, size_t len);
void bl_json_int(struct bl_json *j, const char *key, int64_t value);
void bl_json_uint(struct bl_json *j, const char *key, uint64_t value);
void bl_json_double(struct bl_json *j, const char *key, double value);
void bl_json_bool(struct bl_json *j, const char *key, bool value);
void bl_json_null(struct bl_json *j, const char *key);
/* A wall-clock time as timestamp.h writes it; null for 0, never. */
void bl_json_time(struct bl_json *j, const char *key, int64_t unix_ms);

/* From here on, of the values in the innermost open object only those are
 * written whose key stands in `names` ("name,state"), but all objects and
 * arrays in it. NULL: all, as at first. `names` stays the caller's. */
void bl_json_only(struct bl_json *j, const char *names);

/* An object on a line of its own: what -j prints. begin opens it, end
 * closes it and adds the newline. */
void bl_json_line_begin(struct bl_json *j, struct bl_text *out);
void bl_json_line_end(struct bl_json *j);
