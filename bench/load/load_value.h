/* SPDX-License-Identifier: Apache-2.0 */
/* load_value: values of beatline-load's options. Each says through
 * argp_error what is wrong with `arg`, which ends the program with exit
 * code 2. `what` is the option's name. */
#pragma once

#include <argp.h>
#include <stdint.h>

/* Decimal, 0 to max. */
uint64_t bl_load_value_number(struct argp_state *state, const char *what, const char *arg, uint64_t max);
/* "1.5s" "500ms" "20us" "2m" "1h", or bare seconds; up to 30 days; ns. */
uint64_t bl_load_value_duration(struct argp_state *state, const char *what, const char *arg);
/* A percentage below 100, as a share of 2^32. */
uint32_t bl_load_value_share(struct argp_state *state, const char *what, const char *arg);
void bl_load_value_mac(struct argp_state *state, const char *what, const char *arg, uint8_t out[6]);
/* IPv4, network byte order. */
void bl_load_value_ip(struct argp_state *state, const char *what, const char *arg, uint32_t *out);
