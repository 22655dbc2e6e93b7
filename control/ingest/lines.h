/* SPDX-License-Identifier: Apache-2.0 */
/* lines: the text of one connection, cut into pieces of whole lines for
 * bl_worker_feed, however the bytes arrive. No socket and no clock here.
 *
 * Each turn of a connection:
 *
 *   bl_lines_begin   puts what was left over in front of the room, and
 *                    says where up to BL_LINES_READ new bytes may go
 *   bl_lines_end     n came: the piece that ends with the last line feed;
 *                    what stands behind it is kept for the next turn
 *   bl_lines_close   no more come: what is left over is the last line
 *
 * Pieces hold each byte once and in order, but for pieces of empty lines
 * alone, which are left out. A line over BL_LINE_MAX bytes, its line feed
 * not counted, ends the connection: the lines before it are a last piece,
 * it and what follows it are lost.
 *
 * Which wire format a payload has tells its first byte (wire.h). Here all
 * is text: a piece that begins like a binary datagram gets the line feed
 * that ended the line before it, or an empty line of its own.
 *
 * Threads: the api thread; a room may serve any number of connections,
 * one after the other. Memory: only what is left over, by connection. */
#pragma once

#include <stdint.h>

#define BL_LINE_MAX   65536u
#define BL_LINES_READ 16384u /* new bytes per turn; at most BL_LINE_MAX */

/* A connection's; zero at first. */
struct bl_lines {
    uint8_t *left; /* after the last line feed */
    uint32_t left_len;
};

struct bl_lines_room {
    uint8_t byte[1 + BL_LINE_MAX + BL_LINES_READ]; /* the first is a line feed */
};

/* Valid until the room is used again. */
struct bl_lines_piece {
    const uint8_t *data;
    uint32_t len; /* 0: nothing to feed */
};

/* Where to receive up to BL_LINES_READ bytes. */
uint8_t *bl_lines_begin(const struct bl_lines *l, struct bl_lines_room *room);

/* `n` of them came. 0, -EMSGSIZE (a line is too long) or -ENOMEM; in both
 * cases the piece still counts and the connection is over. */
int bl_lines_end(struct bl_lines *l, struct bl_lines_room *room, uint32_t n, struct bl_lines_piece *piece);

/* The last line, if it had no line feed. Frees; to be called once for
 * each connection, also after an error, whose piece is then empty. */
void bl_lines_close(struct bl_lines *l, struct bl_lines_room *room, struct bl_lines_piece *piece);
