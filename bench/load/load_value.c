/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load/load_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/ether.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

uint64_t bl_load_value_number(struct argp_state *state, const char *what, const char *arg, uint64_t max)
{
    char *end;
    errno = 0;
    uint64_t n = strtoull(arg, &end, 10);
    if (!isdigit((unsigned char)*arg) || *end || errno || n > max)
        argp_error(state, "%s %s: not a number from 0 to %" PRIu64 "; give one", what, arg, max);
    return n;
}

uint64_t bl_load_value_duration(struct argp_state *state, const char *what, const char *arg)
{
    char *unit;
    double n = strtod(arg, &unit);
    double scale = !*unit || !strcmp(unit, "s") ? 1e9
                   : !strcmp(unit, "ms")        ? 1e6
                   : !strcmp(unit, "us")        ? 1e3
                   : !strcmp(unit, "m")         ? 60e9
                   : !strcmp(unit, "h")         ? 3600e9
                                                : 0;
    bool numeric = isdigit((unsigned char)*arg) && arg[1] != 'x';
    if (!numeric || scale == 0 || !(n * scale <= 30 * 86400e9))
        argp_error(state, "%s %s: not a time up to 30 days; write 500ms, 2s, 1.5m or 1h", what, arg);
    return (uint64_t)(n * scale + 0.5);
}

uint32_t bl_load_value_share(struct argp_state *state, const char *what, const char *arg)
{
    char *end;
    double n = strtod(arg, &end);
    if (!isdigit((unsigned char)*arg) || *end || !(n < 100))
        argp_error(state, "%s %s: not a percentage from 0 to below 100; write e.g. 0.5", what, arg);
    return (uint32_t)(n / 100 * 4294967296.0);
}

void bl_load_value_mac(struct argp_state *state, const char *what, const char *arg, uint8_t out[6])
{
    struct ether_addr address = {0};
    if (!ether_aton_r(arg, &address))
        argp_error(state, "%s %s: not a MAC address; write it as 02:00:00:00:be:02", what, arg);
    memcpy(out, &address, 6);
}

void bl_load_value_ip(struct argp_state *state, const char *what, const char *arg, uint32_t *out)
{
    if (inet_pton(AF_INET, arg, out) != 1)
        argp_error(state, "%s %s: not an IPv4 address; write it as 198.18.0.2", what, arg);
}
