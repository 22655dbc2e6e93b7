/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/text/timestamp.h"

#define TEXT_FIRST_BYTES 256u

/* Room for `more` bytes behind len; NULL: out of memory, marked. */
static char *json_reserve(struct bl_text *t, size_t more)
{
    if (t->failed)
        return NULL;
    if (t->capacity - t->len < more) {
        size_t capacity = t->capacity != 0 ? t->capacity : TEXT_FIRST_BYTES;
        while (capacity - t->len < more)
            capacity *= 2;
        char *data = realloc(t->data, capacity);
        if (data == NULL) {
            t->failed = true;
            return NULL;
        }
        t->data = data;
        t->capacity = capacity;
    }
    return t->data + t->len;
}

void bl_text_append(struct bl_text *t, const char *data, size_t len)
{
    char *to = json_reserve(t, len);
    if (to == NULL || len == 0)
        return;
    memcpy(to, data, len);
    t->len += len;
}

void bl_text_printf(struct bl_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* One more byte: vsnprintf terminates, we do not count it. */
    char *to = len < 0 ? NULL : json_reserve(t, (size_t)len + 1);
    if (to == NULL) {
        t->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    t->len += (size_t)len;
}

void bl_text_free(struct bl_text *t)
{
    free(t->data);
    *t = (struct bl_text){0};
}

void bl_json_begin(struct bl_json *j, struct bl_text *out)
{
    *j = (struct bl_json){.out = out};
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t bl_utf8_len(const unsigned char *s, size_t len)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        return len >= 2 && is_continuation(s[1]) ? 2 : 0;
    if (s[0] >= 0xe0 && s[0] <= 0xef) {
        if (len < 3 || !is_continuation(s[1]) || !is_continuation(s[2]))
            return 0;
        bool overlong = s[0] == 0xe0 && s[1] < 0xa0;
        bool surrogate = s[0] == 0xed && s[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        if (len < 4 || !is_continuation(s[1]) || !is_continuation(s[2]) || !is_continuation(s[3]))
            return 0;
        bool overlong = s[0] == 0xf0 && s[1] < 0x90;
        bool too_high = s[0] == 0xf4 && s[1] > 0x8f;
        return overlong || too_high ? 0 : 4;
    }
    return 0;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Writes what stands for the character at s; returns its bytes in s. */
static size_t escape_one(struct bl_text *out, const unsigned char *s, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    static const char named[] = "btn\0fr"; /* 0x08.. ; 0x0b has no short form */
    unsigned char c = s[0];

    if (c == '"' || c == '\\') {
        bl_text_append(out, (const char[]){'\\', (char)c}, 2);
        return 1;
    }
    if (c >= 0x08 && c <= 0x0d && named[c - 0x08] != '\0') {
        bl_text_append(out, (const char[]){'\\', named[c - 0x08]}, 2);
        return 1;
    }
    if (c < 0x20 || c == 0x7f) {
        bl_text_append(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        return 1;
    }
    size_t bytes = bl_utf8_len(s, len);
    if (bytes == 0) {
        bl_text_append(out, "\xef\xbf\xbd", 3);
        return 1;
    }
    bl_text_append(out, (const char *)s, bytes);
    return bytes;
}

static void json_quote(struct bl_text *out, const char *value, size_t len)
{
    const unsigned char *s = (const unsigned char *)value;

    bl_text_append(out, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t plain = i;
        while (plain < len && is_plain(s[plain]))
            plain++;
        bl_text_append(out, value + i, plain - i);
        i = plain;
        if (i < len)
            i += escape_one(out, s + i, len - i);
    }
    bl_text_append(out, "\"", 1);
}

void bl_json_only(struct bl_json *j, const char *names)
{
    j->only = names;
    j->only_depth = j->depth;
}

static bool is_left_out(const struct bl_json *j, const char *key)
{
    size_t len = key != NULL ? strlen(key) : 0;

    if (j->only == NULL || j->depth != j->only_depth || key == NULL)
        return false;
    for (const char *at = j->only, *end; *at != '\0'; at = *end == ',' ? end + 1 : end) {
        end = at + strcspn(at, ",");
        if ((size_t)(end - at) == len && memcmp(at, key, len) == 0)
            return false;
    }
    return true;
}

/* What goes before a value: a comma if something is before, the key. */
static void json_lead(struct bl_json *j, const char *key)
{
    uint64_t bit = UINT64_C(1) << j->depth;
    if (j->depth > 0 && (j->comma & bit) != 0)
        bl_text_append(j->out, ",", 1);
    j->comma |= bit;
    if (key != NULL) {
        json_quote(j->out, key, strlen(key));
        bl_text_append(j->out, ":", 1);
    }
}

static void open_level(struct bl_json *j, const char *key, const char *bracket)
{
    json_lead(j, key);
    bl_text_append(j->out, bracket, 1);
    j->depth++;
    j->comma &= ~(UINT64_C(1) << j->depth);
}

static void close_level(struct bl_json *j, const char *bracket)
{
    j->depth--;
    bl_text_append(j->out, bracket, 1);
}

void bl_json_object(struct bl_json *j, const char *key)
{
    open_level(j, key, "{");
}

void bl_json_object_end(struct bl_json *j)
{
    close_level(j, "}");
}

void bl_json_array(struct bl_json *j, const char *key)
{
    open_level(j, key, "[");
}

void bl_json_array_end(struct bl_json *j)
{
    close_level(j, "]");
}

void bl_json_string_n(struct bl_json *j, const char *key, const char *value, size_t len)
{
    if (is_left_out(j, key))
        return;
    json_lead(j, key);
    json_quote(j->out, value, len);
}

void bl_json_string(struct bl_json *j, const char *key, const char *value)
{
    bl_json_string_n(j, key, value, strlen(value));
}

/* printf is most of the time of a list of a million nodes; this is not. */
static void append_decimal(struct bl_text *out, uint64_t value, bool negative)
{
    char digits[21];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    if (negative)
        digits[--at] = '-';
    bl_text_append(out, digits + at, sizeof(digits) - at);
}

void bl_json_int(struct bl_json *j, const char *key, int64_t value)
{
    if (is_left_out(j, key))
        return;
    json_lead(j, key);
    append_decimal(j->out, value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value, value < 0);
}

void bl_json_uint(struct bl_json *j, const char *key, uint64_t value)
{
    if (is_left_out(j, key))
        return;
    json_lead(j, key);
    append_decimal(j->out, value, false);
}

/* JSON has no word for NaN and infinity: null. 15 digits read better
 * ("0.1"); 17 always read back the same. */
void bl_json_double(struct bl_json *j, const char *key, double value)
{
    if (!isfinite(value)) {
        bl_json_null(j, key);
        return;
    }
    if (is_left_out(j, key))
        return;
    char text[40];
    snprintf(text, sizeof(text), "%.15g", value);
    double back = strtod(text, NULL);
    if (back < value || back > value)
        snprintf(text, sizeof(text), "%.17g", value);
    json_lead(j, key);
    bl_text_append(j->out, text, strlen(text));
}

void bl_json_bool(struct bl_json *j, const char *key, bool value)
{
    if (is_left_out(j, key))
        return;
    json_lead(j, key);
    bl_text_append(j->out, value ? "true" : "false", value ? 4 : 5);
}

void bl_json_null(struct bl_json *j, const char *key)
{
    if (is_left_out(j, key))
        return;
    json_lead(j, key);
    bl_text_append(j->out, "null", 4);
}

void bl_json_time(struct bl_json *j, const char *key, int64_t unix_ms)
{
    char text[BL_TIMESTAMP_TEXT];

    if (unix_ms == 0)
        bl_json_null(j, key);
    else
        bl_json_string(j, key, bl_timestamp_text(unix_ms, text));
}

void bl_json_line_begin(struct bl_json *j, struct bl_text *out)
{
    bl_json_begin(j, out);
    bl_json_object(j, NULL);
}

void bl_json_line_end(struct bl_json *j)
{
    bl_json_object_end(j);
    bl_text_append(j->out, "\n", 1);
}
