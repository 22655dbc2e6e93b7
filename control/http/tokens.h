/* SPDX-License-Identifier: Apache-2.0 */
/* tokens: who may what, by the bearer token that a request carries. */
#pragma once

#include "control/config/config.h"

/* The role of who sends this Authorization header (NULL: none). Without
 * tokens in the config everybody is ADMIN; a token that is none of them
 * is ANYONE. Looks at every token, in constant time, whichever it is. Any
 * thread. Cost: a hash of some 0.3 us for each token. */
enum bl_http_role bl_tokens_role(const struct bl_config *c, const char *authorization);
