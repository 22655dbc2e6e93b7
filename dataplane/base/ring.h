/* SPDX-License-Identifier: Apache-2.0 */
/* ring: single-producer single-consumer ring of fixed-size messages
 * between two threads: DPDK's rte_ring over memory of our own, which
 * needs no EAL. A full ring refuses; nobody waits.
 *
 * Threads: one producer, one consumer, fixed for the ring's life.
 * Order: what the producer wrote before a push is seen by the consumer
 * after the pop (rte_ring's C11 acquire / release). Sizes: one less than
 * a power of two of messages; a message is a multiple of 4 bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bl_ring;

/* `capacity`: messages it can hold at least, rounded up to 2^n - 1.
 * NULL: out of memory, or a size that a ring cannot have. */
struct bl_ring *bl_ring_new(uint32_t capacity, uint32_t message_bytes);
void bl_ring_free(struct bl_ring *r);

/* Producer: copies one message in; false if the ring is full. */
bool bl_ring_push(struct bl_ring *r, const void *message);
/* Producer: copies n messages in, or none and returns false. */
bool bl_ring_push_all(struct bl_ring *r, const void *messages, unsigned n);
/* Consumer: copies up to `max` messages out; returns how many. */
unsigned bl_ring_pop(struct bl_ring *r, void *messages, unsigned max);
/* How many wait. Any thread; a snapshot. */
uint32_t bl_ring_count(const struct bl_ring *r);
