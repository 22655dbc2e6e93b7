/* SPDX-License-Identifier: Apache-2.0 */
/* interleave: named points in the dances of two threads, where a test
 * lets the other thread do its worst. In the library they are nothing; a
 * test defines BL_INTERLEAVE(point) before it includes the .c file. */
#pragma once

#ifndef BL_INTERLEAVE
#define BL_INTERLEAVE(point) ((void)0)
#endif
