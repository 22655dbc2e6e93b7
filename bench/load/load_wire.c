/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ".timeout:", the longest action, and a value of up to "3888000.000|g"
 * with its line feed. */
#define LINE_REST_MAX 24u

static unsigned digits_of(uint64_t n)
{
    unsigned digits = 1;
    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

static uint8_t *put_number(uint8_t *at, uint64_t n)
{
    unsigned digits = digits_of(n);
    for (unsigned i = digits; i-- > 0; n /= 10)
        at[i] = (uint8_t)('0' + n % 10);
    return at + digits;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, unsigned len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static uint8_t *put_name(uint8_t *at, const struct bl_load_wire *w, uint32_t node)
{
    return put_number(put_bytes(at, w->prefix, w->prefix_len), w->first + node);
}

unsigned bl_load_wire_name_max(const struct bl_load_wire *w, uint32_t nodes)
{
    return w->prefix_len + digits_of(w->first + nodes - 1);
}

unsigned bl_load_wire_fit(const struct bl_load_wire *w, uint32_t nodes)
{
    if (w->format == BL_LOAD_TEXT)
        return BL_LOAD_PAYLOAD_MAX / (bl_load_wire_name_max(w, nodes) + LINE_REST_MAX);
    unsigned room = BL_LOAD_PAYLOAD_MAX - BL_BINARY_HEADER_BYTES - BL_BINARY_TAG_BYTES;
    return room / BL_BINARY_ENTRY_BYTES;
}

unsigned bl_load_wire_name(const struct bl_load_wire *w, uint32_t node, char out[BL_NAME_MAX + 1])
{
    if (w->format == BL_LOAD_BINARY && !w->named)
        return (unsigned)snprintf(out, BL_NAME_MAX + 1, "id:%016" PRIx64, w->first + node);
    uint8_t *end = put_name((uint8_t *)out, w, node);
    *end = 0;
    return (unsigned)(end - (uint8_t *)out);
}

void bl_load_wire_begin(struct bl_load_datagram *d)
{
    d->len = 0;
    d->beats = d->settings = d->duplicates = d->late = 0;
}

static void put_header(const struct bl_load_wire *w, struct bl_load_datagram *d, enum bl_binary_type type,
                       const struct bl_load_beat *b, uint64_t unix_ns)
{
    bl_binary_write(d->data, &(struct bl_binary_header){
                                 .type = type,
                                 .interval_ms = w->interval_ms,
                                 .node_id = w->first + b->node,
                                 .sequence = b->sequence,
                                 .incarnation = b->incarnation,
                                 .sent_unix_ns = unix_ns,
                             });
    d->len = BL_BINARY_HEADER_BYTES;
}

static void put_line(const struct bl_load_wire *w, struct bl_load_datagram *d, uint32_t node,
                     const char *rest, unsigned rest_len)
{
    uint8_t *at = d->data + d->len;
    if (d->len)
        *at++ = '\n';
    d->len = (uint32_t)(put_bytes(put_name(at, w, node), rest, rest_len) - d->data);
}

/* The header of a batch speaks for the relay, which we are: no id. */
static void put_entry(struct bl_load_datagram *d, const struct bl_load_wire *w, const struct bl_load_beat *b,
                      uint64_t unix_ns)
{
    if (d->len == 0) {
        bl_binary_write(d->data,
                        &(struct bl_binary_header){.type = BL_BINARY_BATCH, .sent_unix_ns = unix_ns});
        d->len = BL_BINARY_HEADER_BYTES;
    }
    uint8_t *at = d->data + d->len;
    bl_binary_store64(at + BL_BINARY_ENTRY_AT_NODE_ID, w->first + b->node);
    bl_binary_store32(at + BL_BINARY_ENTRY_AT_SEQUENCE, b->sequence);
    bl_binary_store32(at + BL_BINARY_ENTRY_AT_AGE, 0);
    d->len += BL_BINARY_ENTRY_BYTES;
}

bool bl_load_wire_beat(const struct bl_load_wire *w, struct bl_load_datagram *d, const struct bl_load_beat *b,
                       uint64_t unix_ns)
{
    static const char rest[] = ".beat:1|c";
    if (w->format == BL_LOAD_TEXT)
        put_line(w, d, b->node, rest, sizeof rest - 1);
    else if (w->per_datagram > 1)
        put_entry(d, w, b, unix_ns);
    else
        put_header(w, d, BL_BINARY_BEAT, b, unix_ns);
    d->beats++;
    d->duplicates = (uint16_t)(d->duplicates + (b->kind == BL_LOAD_BEAT_DUPLICATE));
    d->late = (uint16_t)(d->late + (b->kind == BL_LOAD_BEAT_LATE));
    return d->beats >= w->per_datagram;
}

static void put_hello(const struct bl_load_wire *w, struct bl_load_datagram *d, const struct bl_load_beat *b,
                      uint64_t unix_ns)
{
    put_header(w, d, BL_BINARY_HELLO, b, unix_ns);
    uint8_t *at = d->data + d->len, *name = at + BL_BINARY_HELLO_BYTES;
    memset(at, 0, BL_BINARY_HELLO_BYTES);
    bl_binary_store32(at + BL_BINARY_HELLO_AT_TIMEOUT, w->timeout_ms);
    at[BL_BINARY_HELLO_AT_RETRIES] = BL_BINARY_RETRIES_UNSET;
    uint8_t *end = w->named ? put_name(name, w, b->node) : name;
    at[BL_BINARY_HELLO_AT_NAME_LEN] = (uint8_t)(end - name);
    d->len = (uint32_t)(end - d->data);
}

bool bl_load_wire_setting(const struct bl_load_wire *w, struct bl_load_datagram *d,
                          const struct bl_load_beat *b, uint64_t unix_ns)
{
    d->settings++;
    if (w->format == BL_LOAD_BINARY) {
        put_hello(w, d, b, unix_ns);
        return true;
    }
    char rest[LINE_REST_MAX + 1];
    int len = snprintf(rest, sizeof rest, ".timeout:%u.%03u|g", w->timeout_ms / 1000, w->timeout_ms % 1000);
    put_line(w, d, b->node, rest, (unsigned)len);
    return d->settings >= w->per_datagram;
}

bool bl_load_wire_bye(const struct bl_load_wire *w, struct bl_load_datagram *d, const struct bl_load_beat *b,
                      uint64_t unix_ns)
{
    d->settings++;
    put_header(w, d, BL_BINARY_BYE, b, unix_ns);
    return true;
}

void bl_load_wire_end(const struct bl_load_wire *w, struct bl_load_datagram *d)
{
    if (w->sign && w->format == BL_LOAD_BINARY)
        d->len = bl_binary_sign(d->data, d->len, w->key);
}
