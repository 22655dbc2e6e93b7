/* SPDX-License-Identifier: Apache-2.0 */
/* http_role: what a token of the config allows its bearer to do over HTTP. */
#pragma once

/* What a client must be allowed to; each includes those before it.
 * Without tokens in the config (loopback only) everybody is ADMIN. */
enum bl_http_role {
    BL_HTTP_ANYONE, /* no token: health */
    BL_HTTP_READ,   /* look at everything */
    BL_HTTP_BEAT,   /* send beats */
    BL_HTTP_ADMIN,  /* change policies, mute, delete */
};

/* "read", "beat", "admin"; "" of ANYONE, which no token is given. */
const char *bl_http_role_name(enum bl_http_role role);
/* ANYONE: there is no such role. */
enum bl_http_role bl_http_role_of_name(const char *name);
