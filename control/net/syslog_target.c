/* SPDX-License-Identifier: Apache-2.0 */
#include "control/net/syslog_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int syslog_target_refuse(char err[BL_ERR_BYTES], const char *text, const char *why)
{
    snprintf(err, BL_ERR_BYTES, "syslog %s: %s", text, why);
    return -EINVAL;
}

static bool has_prefix(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(*text, prefix, len) != 0)
        return false;
    *text += len;
    return true;
}

static int parse_path(struct bl_syslog_target *t, const char *text, const char *path, char err[BL_ERR_BYTES])
{
    size_t len = strlen(path);
    t->kind = BL_SYSLOG_UNIX;
    if (path[0] != '/' || len >= sizeof(t->path))
        return syslog_target_refuse(err, text,
                                    "not the path of a socket; give an absolute path of up to 107 bytes");
    memcpy(t->path, path, len + 1);
    return 0;
}

static int parse_port(struct bl_syslog_target *t, const char *text, const char *port, char err[BL_ERR_BYTES])
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    if (port[0] < '0' || port[0] > '9' || *end || number == 0 || number > 65535)
        return syslog_target_refuse(err, text, "bad port; give a number from 1 to 65535");
    snprintf(t->port, sizeof(t->port), "%u", (unsigned)number & 0xffff);
    return 0;
}

static int parse_host_port(struct bl_syslog_target *t, const char *text, const char *host,
                           char err[BL_ERR_BYTES])
{
    const char *end, *rest;
    if (host[0] == '[') {
        host++;
        end = strchr(host, ']');
        rest = end ? end + 1 : NULL;
    } else {
        end = host + strcspn(host, ":");
        rest = end;
    }
    if (!end || (*rest && *rest != ':') || (*rest == ':' && strchr(rest + 1, ':')))
        return syslog_target_refuse(err, text,
                                    "not HOST:PORT; put IPv6 addresses in brackets: udp://[::1]:514");
    size_t len = (size_t)(end - host);
    if (len == 0 || len >= sizeof(t->host) || strcspn(host, " /@[]") < len)
        return syslog_target_refuse(err, text, "no host name; write udp://HOST:PORT or tcp://HOST:PORT");
    memcpy(t->host, host, len);
    return *rest ? parse_port(t, text, rest + 1, err) : 0;
}

int bl_statsd_target_parse(struct bl_syslog_target *t, const char *text, char err[BL_ERR_BYTES])
{
    *t = (struct bl_syslog_target){.kind = BL_SYSLOG_UDP};
    const char *rest = text;
    int r = has_prefix(&rest, "udp://") ? parse_host_port(t, text, rest, err) : -EINVAL;
    if (r != 0 || t->port[0] == '\0') {
        snprintf(err, BL_ERR_BYTES, "\"%.100s\" is no statsd server; write udp://HOST:PORT", text);
        return -EINVAL;
    }
    return 0;
}

int bl_syslog_target_parse(struct bl_syslog_target *t, const char *text, char err[BL_ERR_BYTES])
{
    *t = (struct bl_syslog_target){.port = "514"};
    const char *rest = text;
    if (strcmp(text, "local") == 0) {
        t->or_stderr = true;
        return parse_path(t, text, "/dev/log", err);
    }
    if (has_prefix(&rest, "local:")) {
        t->or_stderr = true;
        return parse_path(t, text, rest, err);
    }
    if (has_prefix(&rest, "unix:"))
        return parse_path(t, text, rest, err);
    if (has_prefix(&rest, "udp://"))
        t->kind = BL_SYSLOG_UDP;
    else if (has_prefix(&rest, "tcp://"))
        t->kind = BL_SYSLOG_TCP;
    else
        return syslog_target_refuse(
            err, text, "unknown target; write local, unix:/PATH, udp://HOST:PORT or tcp://HOST:PORT");
    return parse_host_port(t, text, rest, err);
}

int bl_syslog_facility(const char *name)
{
    /* RFC 5424, table 1, with the names of syslog.conf(5). */
    static const char *const names[] = {
        "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
        "uucp",   "cron",   "authpriv", "ftp",    NULL,     NULL,     NULL,     NULL,
        "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
    };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i] && strcmp(name, names[i]) == 0)
            return (int)i;
    return -1;
}
