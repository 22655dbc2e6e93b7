/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what people write in the config and on the command line in a
 * word: a port, an address, a duration, a time. It is read as each of
 * these; what is read and written again reads the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control/net/listen.h"
#include "control/text/duration.h"
#include "control/text/timestamp.h"
#include "dataplane/port/port.h"
#include "tests/fuzz/fuzz.h"

#define MAX_MS UINT32_C(86400000)

static void read_duration(const char *text)
{
    uint32_t ms = 0, again = 0;
    char shown[BL_DURATION_TEXT], why[BL_ERR_BYTES];
    int error = bl_duration_parse(text, MAX_MS, &ms);

    if (error != 0) {
        assert(strlen(bl_duration_error(text, error, MAX_MS, why)) > 0);
        return;
    }
    assert(ms <= MAX_MS);
    assert(bl_duration_parse(bl_duration_text(ms, shown), MAX_MS, &again) == 0 && again == ms);
}

static void read_time(const char *text)
{
    int64_t unix_ms, again;
    char shown[BL_TIMESTAMP_TEXT];

    if (bl_timestamp_parse(text, &unix_ms))
        assert(bl_timestamp_parse(bl_timestamp_text(unix_ms, shown), &again) && again == unix_ms);
}

static void read_port(const char *text)
{
    struct bl_port_spec s;
    char err[BL_ERR_BYTES] = "";

    int error = bl_port_spec_parse(&s, text, err);
    assert((error == 0) == (err[0] == '\0') && strnlen(err, sizeof(err)) < sizeof(err));
    if (error == 0)
        assert(s.queues >= 1 && s.queues <= BL_PORT_QUEUES_MAX && strcmp(s.text, text) == 0);
}

static void read_address(const char *text)
{
    struct sockaddr_storage to;
    socklen_t len = 0;
    bool is_one = bl_listen_parse(text, &to, &len);

    assert(bl_listen_parse(text, NULL, NULL) == is_one);
    assert(is_one || !bl_listen_is_loopback(text));
    assert(!is_one || (len > 0 && len <= sizeof(to)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    read_duration(text);
    read_time(text);
    read_port(text);
    read_address(text);
    free(text);
    return 0;
}
