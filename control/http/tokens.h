/* SPDX-License-Identifier: Apache-2.0 */
/* tokens: who may what, by the bearer token that a request carries. */
#pragma once

#include "control/config.h"

/* Reads each token_file into its token, and holds the config to the rule
 * that nobody but this machine is served without tokens. 0, or negative
 * errno with err. Main. */
int bl_tokens_load(struct bl_config *c, char err[BL_CONFIG_ERR_BYTES]);

/* The role of who sends this Authorization header (NULL: none). Without
 * tokens in the config everybody is ADMIN; a token that is none of them
 * is ANYONE. Looks at every token, in constant time, whichever it is. Any
 * thread. Cost: a hash of some 0.3 us for each token. */
enum bl_http_role bl_tokens_role(const struct bl_config *c, const char *authorization);
