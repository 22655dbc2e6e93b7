/* SPDX-License-Identifier: Apache-2.0 */
/* <beatline/sender.h>: sends heartbeats from inside a program.
 *
 *     struct bl_sender_config c = {.host = "watcher.example", .name = "invoice.mailer"};
 *     char err[BL_SENDER_ERR_BYTES];
 *     struct bl_sender *s = bl_sender_start(&c, err);
 *     ...
 *     bl_sender_stop(s);
 *
 * A thread of its own sends one UDP datagram per interval, as statsd
 * text or as beatline's binary v1. It keeps out of the way of the
 * program that it lives in:
 *
 *   - all signals are blocked in its thread; SIGPIPE is never raised;
 *   - no call blocks: names are looked up on the sender's thread, the
 *     socket does not block, what goes wrong is counted, not printed;
 *   - nobody listening, no route, no name server: it goes on trying;
 *   - after fork() only the parent sends. In the child bl_sender_beat
 *     returns -ECHILD, and bl_sender_stop frees memory and socket; the
 *     child may start a sender of its own.
 *
 * A beat says that the sender's thread runs. A program that wants to say
 * that its main loop runs sets `interval_ms` to BL_SENDER_MANUAL and
 * calls bl_sender_beat from that loop.
 *
 * Threads: any; bl_sender_stop is the last call on a sender. Not from
 * signal handlers. Usable from C and C++; needs libc and libsodium. */
#ifndef BEATLINE_SENDER_H
#define BEATLINE_SENDER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BL_SENDER_API __attribute__((visibility("default")))

#define BL_SENDER_ERR_BYTES 256

#define BL_SENDER_DEFAULT_PORT        8127
#define BL_SENDER_DEFAULT_INTERVAL_MS 10000
/* No beats but those of bl_sender_beat. */
#define BL_SENDER_MANUAL UINT32_MAX
/* bl_sender_stop waits no longer than this for a last word. */
#define BL_SENDER_STOP_MS 1000

enum bl_sender_format {
    BL_SENDER_TEXT = 0, /* "name.beat:1|c" */
    BL_SENDER_BINARY,   /* 32 bytes, 40 with `key` */
};

enum bl_sender_flags {
    /* Say name and timeouts at the start, and again when the daemon was
     * away: binary a hello, text .timeout .warn .err lines. */
    BL_SENDER_HELLO = 1,
    /* Say goodbye at the stop, so that nobody is alarmed: binary only,
     * text has no word for it. */
    BL_SENDER_BYE = 2,
};

/* Zero is the default everywhere; zero the whole struct first, it may
 * grow. Nothing that it points to needs to outlive bl_sender_start. */
struct bl_sender_config {
    const char *host;        /* name or address; NULL: 127.0.0.1 */
    uint16_t port;           /* 0: 8127 */
    uint16_t jitter_percent; /* each beat up to so much of the interval late, 0..100 */
    uint32_t interval_ms;    /* 0: 10 s */
    uint32_t format;         /* bl_sender_format */
    uint32_t flags;          /* bl_sender_flags, or-ed */
    const char *name;        /* 1..200 bytes, no control byte, space, ':' or '|'; text needs one */
    uint64_t node_id;        /* binary */
    uint32_t incarnation;    /* binary: grows with each start; 0: Unix time of the start, s */
    uint32_t timeout_ms;     /* with BL_SENDER_HELLO: after so long it is missed; 0: not said */
    uint32_t warn_ms, err_ms;
    uint32_t retries_plus_1; /* binary hello: further timeouts before failed, + 1; 0: not said */
    const uint8_t *key;      /* binary: the fleet's 16 bytes, each datagram is signed; NULL: not */
};

struct bl_sender;

/* Starts the thread; the first beat goes out at once (but see
 * BL_SENDER_MANUAL). NULL: the config is wrong, or no memory or thread
 * is to be had; err says which. */
BL_SENDER_API struct bl_sender *bl_sender_start(const struct bl_sender_config *c,
                                                char err[BL_SENDER_ERR_BYTES]);

/* Sends a beat now; the next one follows an interval later. Returns 0,
 * or -ECHILD in the child of a fork. Cost: a lock that nobody holds for
 * long, a wake-up. */
BL_SENDER_API int bl_sender_beat(struct bl_sender *s);

/* Ends the thread, with a bye if asked for, and frees the sender. If the
 * thread is deep in a name lookup after BL_SENDER_STOP_MS it is left to
 * end by itself. NULL is fine. */
BL_SENDER_API void bl_sender_stop(struct bl_sender *s);

struct bl_sender_stats {
    uint64_t beats;   /* datagrams with a beat that the kernel took */
    uint64_t errors;  /* sends that failed, or whose predecessor was refused */
    uint64_t lookups; /* of `host` */
    uint32_t sequence;
    uint32_t incarnation;
    int32_t last_error; /* errno of the last error, 0: none yet */
};
BL_SENDER_API void bl_sender_stats(const struct bl_sender *s, struct bl_sender_stats *out);

#ifdef __cplusplus
}
#endif
#endif
