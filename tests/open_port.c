/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/port/eal.h"
#include "tests/loopback.h"
#include "tests/open_port.h"

struct bl_port *open_port(const char *text, uint16_t udp_port, char err[BL_ERR_BYTES])
{
    struct bl_port_spec s;
    if (bl_port_spec_parse(&s, text, err) != 0)
        return NULL;
    return bl_port_open(&s, udp_port, err);
}

struct bl_port *must_open_port(const char *text, uint16_t udp_port)
{
    char err[BL_ERR_BYTES] = "";
    struct bl_port *p = open_port(text, udp_port, err);
    if (!p)
        fail_msg("%s", err);
    return p;
}

int sender_to_port(const struct bl_port *port)
{
    return loopback_sender(bl_port_spec_of(port)->udp_port);
}

int stop_dpdk(void **state)
{
    (void)state;
    bl_eal_stop();
    return 0;
}
