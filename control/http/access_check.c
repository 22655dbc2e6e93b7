/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak to us, and as what. A browser carries any page's request
 * to 127.0.0.1: Host tells a page that had its own name resolved to us
 * (DNS rebinding), Origin one that posts across sites. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/http/exchange.h"
#include "control/http/tokens.h"
#include "engine/base/rcu.h"

#define HOST_BYTES 256

/* The host of "host:port" or "[address]:port", without brackets; false:
 * it is neither. */
static bool host_part(const char *text, char host[HOST_BYTES])
{
    const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
    if (end == NULL)
        return false;
    const char *start = text + (text[0] == '[');
    const char *port = end + (text[0] == '[');
    size_t len = (size_t)(end - start);
    if (len == 0 || len >= HOST_BYTES || (*port != '\0' && *port != ':') ||
        (*port == ':' && strspn(port + 1, "0123456789") != strlen(port + 1)))
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    return true;
}

static bool is_listed(const char *host, const struct bl_listen_list *hosts)
{
    for (unsigned i = 0; i < hosts->count; i++) {
        if (strcasecmp(hosts->at[i], host) == 0)
            return true;
    }
    return false;
}

/* An address is fine, whichever: rebinding takes a name, which an unknown node
 * points at us after his page was loaded. A page that was loaded from an
 * address stays with it; and who is reached by one of which we know
 * nothing (forwarded ports, NAT) is not locked out. */
bool bl_http_host_is_ours(const char *text, const struct bl_listen_list *hosts)
{
    char host[HOST_BYTES];
    struct in6_addr address;

    if (!host_part(text, host))
        return false;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1 ||
           strcasecmp(host, "localhost") == 0 || is_listed(host, hosts);
}

bool bl_http_origin_is_ours(const char *origin, const char *host, const struct bl_listen_list *hosts)
{
    char name[HOST_BYTES];
    const char *authority = strncasecmp(origin, "http://", 7) == 0    ? origin + 7
                            : strncasecmp(origin, "https://", 8) == 0 ? origin + 8
                                                                      : NULL;

    if (authority == NULL)
        return false; /* "null", and what no page of ours comes from */
    return (host != NULL && strcasecmp(authority, host) == 0) ||
           (host_part(authority, name) && is_listed(name, hosts));
}

static bool changes_state(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

static bool access_check_may(struct bl_http_exchange *e)
{
    if (e->r.role >= e->route->role)
        return true;
    if (e->r.role > BL_HTTP_ANYONE) {
        bl_http_problem(&e->r, 403, "a token of role %s may not do this; use one of role %s",
                        bl_http_role_name(e->r.role), bl_http_role_name(e->route->role));
        return false;
    }
    bl_http_header(&e->r, "WWW-Authenticate", "Bearer realm=\"beatline\"");
    bl_http_problem(&e->r, 401,
                    "a token is needed: send Authorization: Bearer TOKEN, one of http.tokens of the config "
                    "with role %s",
                    bl_http_role_name(e->route->role));
    return false;
}

bool bl_http_check_access(struct bl_http_exchange *e, const char *method)
{
    const struct bl_config *config = bl_rcu_read(&e->r.api->config);
    const char *host = bl_http_header_of(&e->r, "Host"), *origin = bl_http_header_of(&e->r, "Origin");

    if (host != NULL && !bl_http_host_is_ours(host, &config->http_hosts)) {
        bl_http_problem(&e->r, 421,
                        "host %.100s is not ours; use localhost or the address, or add it to http.hosts "
                        "of the config",
                        host);
        return false;
    }
    if (origin != NULL && changes_state(method) &&
        !bl_http_origin_is_ours(origin, host, &config->http_hosts)) {
        bl_http_problem(&e->r, 403,
                        "a page of %.100s may not change anything here; add its host to http.hosts of the "
                        "config if it may",
                        origin);
        return false;
    }
    e->r.role = bl_tokens_role(config, bl_http_header_of(&e->r, "Authorization"));
    return access_check_may(e);
}
