/* SPDX-License-Identifier: Apache-2.0 */
/* err: the text of an error: one sentence of what failed, on what, why,
 * and what to do. Whoever calls a function that can fail so brings the
 * room, `char err[BL_ERR_BYTES]`; it is terminated, and cut where it would
 * not fit. */
#pragma once

#define BL_ERR_BYTES 1024
