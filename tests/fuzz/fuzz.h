/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: the one function of a fuzz target, called by libFuzzer or by
 * replay.c. Asserts what must hold for any bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
