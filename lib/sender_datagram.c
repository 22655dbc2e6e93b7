/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sender_datagram.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/wire/binary.h"
#include "dataplane/wire/name_scan.h"

static const char *fault_of(const struct bl_sender_config *c)
{
    const uint8_t *name = (const uint8_t *)(c->name ? c->name : "");
    size_t len = strlen((const char *)name);
    if (c->format > BL_SENDER_BINARY)
        return "format: use BL_SENDER_TEXT or BL_SENDER_BINARY";
    if (len > BL_NAME_MAX || bl_name_scan(name, name + len) != name + len)
        return "name: use 1 to 200 bytes without control byte, space, ':' or '|'";
    if (len == 0 && c->format == BL_SENDER_TEXT)
        return "name: text beats need one";
    if (c->key && c->format == BL_SENDER_TEXT)
        return "key: text cannot be signed; use BL_SENDER_BINARY";
    if (c->interval_ms > BL_TIMEOUT_MAX_MS && c->interval_ms != BL_SENDER_MANUAL)
        return "interval_ms: at most 45 days";
    if (c->timeout_ms > BL_TIMEOUT_MAX_MS || c->warn_ms > BL_TIMEOUT_MAX_MS || c->err_ms > BL_TIMEOUT_MAX_MS)
        return "timeout_ms, warn_ms, err_ms: at most 45 days";
    if (c->retries_plus_1 > BL_BINARY_RETRIES_UNSET)
        return "retries_plus_1: at most 255";
    if (c->jitter_percent > 100)
        return "jitter_percent: at most 100";
    return NULL;
}

int bl_sender_identify(struct bl_sender_identity *who, const struct bl_sender_config *c, uint32_t start_s,
                       char err[BL_SENDER_ERR_BYTES])
{
    const char *fault = fault_of(c);
    if (fault) {
        snprintf(err, BL_SENDER_ERR_BYTES, "sender: %s", fault);
        return -EINVAL;
    }
    *who = (struct bl_sender_identity){
        .format = (enum bl_sender_format)c->format,
        .manual = c->interval_ms == BL_SENDER_MANUAL,
        .sign = c->key != NULL,
        .node_id = c->node_id,
        .incarnation = c->incarnation ? c->incarnation : start_s,
        .interval_ms = c->interval_ms ? c->interval_ms : BL_SENDER_DEFAULT_INTERVAL_MS,
        .timeout_ms = c->timeout_ms,
        .warn_ms = c->warn_ms,
        .err_ms = c->err_ms,
        .retries_plus_1 = c->retries_plus_1,
    };
    if (c->name) {
        who->name_len = (uint8_t)strlen(c->name);
        memcpy(who->name, c->name, who->name_len);
    }
    if (c->key)
        memcpy(who->key, c->key, sizeof(who->key));
    return 0;
}

static uint32_t append_hello(uint8_t *at, const struct bl_sender_identity *who, bool policy)
{
    memset(at, 0, BL_BINARY_HELLO_BYTES);
    at[BL_BINARY_HELLO_AT_RETRIES] = BL_BINARY_RETRIES_UNSET;
    if (policy) {
        bl_binary_store32(at + BL_BINARY_HELLO_AT_TIMEOUT, who->timeout_ms);
        bl_binary_store32(at + BL_BINARY_HELLO_AT_WARN, who->warn_ms);
        bl_binary_store32(at + BL_BINARY_HELLO_AT_ERR, who->err_ms);
        if (who->retries_plus_1)
            at[BL_BINARY_HELLO_AT_RETRIES] = (uint8_t)(who->retries_plus_1 - 1);
    }
    at[BL_BINARY_HELLO_AT_NAME_LEN] = who->name_len;
    memcpy(at + BL_BINARY_HELLO_BYTES, who->name, who->name_len);
    return BL_BINARY_HELLO_BYTES + who->name_len;
}

static uint32_t write_binary(uint8_t *out, const struct bl_sender_identity *who, enum bl_sender_word word,
                             uint32_t sequence, uint64_t unix_ns)
{
    static const enum bl_binary_type types[] = {
        [BL_SENDER_SAY_BEAT] = BL_BINARY_BEAT,
        [BL_SENDER_SAY_HELLO] = BL_BINARY_HELLO,
        [BL_SENDER_SAY_NAME] = BL_BINARY_HELLO,
        [BL_SENDER_SAY_BYE] = BL_BINARY_BYE,
    };
    struct bl_binary_header h = {
        .type = types[word],
        .interval_ms = who->manual ? 0 : who->interval_ms,
        .node_id = who->node_id,
        .sequence = sequence,
        .incarnation = who->incarnation,
        .sent_unix_ns = unix_ns,
    };
    bl_binary_write(out, &h);
    uint32_t len = BL_BINARY_HEADER_BYTES;
    if (h.type == BL_BINARY_HELLO)
        len += append_hello(out + len, who, word == BL_SENDER_SAY_HELLO);
    return who->sign ? bl_binary_sign(out, len, who->key) : len;
}

static uint32_t append_line(char *out, uint32_t len, const char *name, const char *action, uint32_t ms)
{
    if (ms == 0)
        return len;
    int n = snprintf(out + len, BL_SENDER_DATAGRAM_BYTES - len, "%s.%s:%u.%03u|g\n", name, action, ms / 1000,
                     ms % 1000);
    return len + (uint32_t)n;
}

static uint32_t write_text(char *out, const struct bl_sender_identity *who, enum bl_sender_word word)
{
    if (word == BL_SENDER_SAY_BEAT)
        return (uint32_t)snprintf(out, BL_SENDER_DATAGRAM_BYTES, "%s.beat:1|c\n", who->name);
    if (word != BL_SENDER_SAY_HELLO)
        return 0;
    uint32_t len = append_line(out, 0, who->name, "timeout", who->timeout_ms);
    len = append_line(out, len, who->name, "warn", who->warn_ms);
    return append_line(out, len, who->name, "err", who->err_ms);
}

uint32_t bl_sender_write(uint8_t out[BL_SENDER_DATAGRAM_BYTES], const struct bl_sender_identity *who,
                         enum bl_sender_word word, uint32_t sequence, uint64_t unix_ns)
{
    if (who->format == BL_SENDER_BINARY)
        return write_binary(out, who, word, sequence, unix_ns);
    return write_text((char *)out, who, word);
}
