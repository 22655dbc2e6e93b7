/* SPDX-License-Identifier: Apache-2.0 */
/* The socket port against recvmmsg and nothing else: the same batches,
 * buffers and kernel buffer, on loopback.
 *
 *   drain  the kernel's buffer is filled, which is not measured, then
 *          emptied, which is: the receiver's own speed
 *   flood  another process sends without pause to one and to the other
 *          in turns. Sending costs more than receiving, so this shows
 *          that we keep up, not how fast we are */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/cases/ab_compare.h"
#include "bench/cases/cases.h"
#include "bench/cases/receiver.h"
#include "bench/cpus.h"
#include "bench/sources/child_process.h"
#include "bench/sources/traffic.h"

#define DRAIN_NODES UINT64_C(1000000)
#define FLOOD_NODES UINT64_C(10000)
#define CALLS       64u /* of recvmmsg per call of a side, as bl_receiver_work polls */
/* A small datagram takes about this much of a socket's buffer. */
#define BUFFER_SHARE 1024u
#define FILL_MOST    8192u
#define CATCH_UP_NS  UINT64_C(2000000000)
/* As dataplane/port/port_socket.c has them. */
#define BUFFER_BYTES  65536u
#define BUFFER_STRIDE (BUFFER_BYTES + 64u)

/* recvmmsg and nothing else. */
struct bare {
    int fd;
    uint16_t udp_port;
    uint8_t *memory;
    struct mmsghdr message[BL_PORT_TAKE];
    struct iovec piece[BL_PORT_TAKE];
};

/* What fills a socket: frames of which the payloads are sent. */
struct filler {
    int fd; /* connected */
    struct bl_cursor cursor;
    struct mmsghdr message[BL_PORT_TAKE];
    struct iovec piece[BL_PORT_TAKE];
    uint8_t frame[BL_PORT_TAKE][BL_TRAFFIC_FRAME_MAX];
};

struct rig {
    struct bl_receiver receiver;
    struct bl_traffic traffic;
    struct bare bare;
    struct filler filler[2]; /* to the receiver, to the bare one */
    struct bl_child_process load[2];
    uint64_t fill; /* datagrams at a time */
};

/* ---- sockets -------------------------------------------------------------- */

static struct sockaddr_in loopback(uint16_t udp_port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(udp_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool open_bare(struct bare *b, uint32_t rcvbuf_bytes)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof(a);
    int bytes = (int)rcvbuf_bytes;
    b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (b->fd < 0 || bind(b->fd, (struct sockaddr *)&a, len) != 0 ||
        getsockname(b->fd, (struct sockaddr *)&a, &len) != 0)
        return false;
    if (setsockopt(b->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        (void)setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    b->udp_port = ntohs(a.sin_port);
    void *memory = mmap(NULL, (size_t)BL_PORT_TAKE * BUFFER_STRIDE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    b->memory = memory;
    for (unsigned i = 0; i < BL_PORT_TAKE; i++) {
        b->piece[i] =
            (struct iovec){.iov_base = b->memory + (size_t)i * BUFFER_STRIDE, .iov_len = BUFFER_BYTES};
        b->message[i].msg_hdr = (struct msghdr){.msg_iov = &b->piece[i], .msg_iovlen = 1};
    }
    return true;
}

static uint64_t bare_work(void *arg)
{
    struct rig *r = arg;
    uint64_t packets = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        int n = recvmmsg(r->bare.fd, r->bare.message, BL_PORT_TAKE, MSG_DONTWAIT, NULL);
        packets += n > 0 ? (uint64_t)n : 0;
    }
    return packets;
}

static uint64_t worker_work(void *arg)
{
    return bl_receiver_work(&((struct rig *)arg)->receiver);
}

/* ---- drain ------------------------------------------------------------------ */

static bool open_filler(struct filler *f, const struct bl_traffic *t, uint16_t udp_port)
{
    struct sockaddr_in to = loopback(udp_port);
    f->cursor = (struct bl_cursor){.pass = 1};
    f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (unsigned i = 0; i < BL_PORT_TAKE; i++) {
        memcpy(f->frame[i], t->frame, t->frame_len);
        f->piece[i] = (struct iovec){.iov_base = f->frame[i] + BL_LOAD_FRAME_BYTES,
                                     .iov_len = t->frame_len - BL_LOAD_FRAME_BYTES};
        f->message[i].msg_hdr = (struct msghdr){.msg_iov = &f->piece[i], .msg_iovlen = 1};
    }
    return f->fd >= 0 && connect(f->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static void fill(const struct rig *r, struct filler *f)
{
    for (uint64_t sent = 0; sent < r->fill; sent += BL_PORT_TAKE) {
        for (unsigned i = 0; i < BL_PORT_TAKE; i++)
            bl_traffic_write(&r->traffic, &f->cursor, f->frame[i]);
        (void)sendmmsg(f->fd, f->message, BL_PORT_TAKE, 0);
    }
}

/* Packets per second of the time it took to take them out again. */
static double drain(struct rig *r, struct filler *f, uint64_t (*work)(void *), uint64_t phase_ns)
{
    uint64_t packets = 0, spent_ns = 0;
    while (spent_ns < phase_ns) {
        fill(r, f);
        uint64_t start = bl_cpu_ns();
        for (uint64_t left = r->fill, n = 1; left > 0 && n > 0; left -= n < left ? n : left) {
            n = work(r);
            packets += n;
        }
        spent_ns += bl_cpu_ns() - start;
    }
    return (double)packets * 1e9 / (double)spent_ns;
}

static double drain_worker(void *arg, uint64_t phase_ns)
{
    struct rig *r = arg;
    return drain(r, &r->filler[0], worker_work, phase_ns);
}

static double drain_bare(void *arg, uint64_t phase_ns)
{
    struct rig *r = arg;
    return drain(r, &r->filler[1], bare_work, phase_ns);
}

static void run_drain(struct bl_bench_state *state, struct rig *r)
{
    struct bl_ab_compare_result result;
    const struct bl_port_spec *spec = bl_port_spec_of(r->receiver.port);
    uint32_t room = spec->rcvbuf_bytes / BUFFER_SHARE / BL_PORT_TAKE * BL_PORT_TAKE;
    r->fill = room < FILL_MOST ? room : FILL_MOST;
    if (!bl_traffic_init(&r->traffic, BL_SHAPE_BINARY, DRAIN_NODES / bl_bench_plan_of(state)->scale, false) ||
        !open_filler(&r->filler[0], &r->traffic, spec->udp_port) ||
        !open_filler(&r->filler[1], &r->traffic, r->bare.udp_port)) {
        bl_bench_skip(state, "no memory for the traffic, or no socket");
        return;
    }
    struct bl_bench_plan plan = *bl_bench_plan_of(state);
    plan.phase_ns /= 2; /* filling takes four times as long */
    bl_turns_run(&plan, &(struct bl_turn){.side = {NULL, r}, .rate = drain_worker},
                 &(struct bl_turn){.side = {NULL, r}, .rate = drain_bare}, &result);
    bl_ab_compare_report(state, &result);
    bl_receiver_check(state, &r->receiver, 1, false);
}

/* ---- flood --------------------------------------------------------------------- */

static void flood(struct rig *r, unsigned to)
{
    bl_child_process_pause(&r->load[!to]);
    bl_child_process_resume(&r->load[to]);
}

static void flood_worker(void *arg)
{
    struct rig *r = arg;
    flood(r, 0);
    (void)bl_receiver_catch_up(&r->receiver, BL_PORT_TAKE, CATCH_UP_NS);
}

static void flood_bare(void *arg)
{
    flood(arg, 1);
}

static bool start_load(struct bl_child_process *p, uint64_t nodes, uint16_t udp_port, int cpu,
                       char err[BL_ERR_BYTES])
{
    char to[48], count[32];
    snprintf(to, sizeof(to), "socket:127.0.0.1:%u", udp_port);
    snprintf(count, sizeof(count), "--nodes=%" PRIu64, nodes);
    const char *const argv[] = {
        "beatline-load", count, "--first-id=0", "--interval=0", "--format=binary", "--to", to, NULL};
    return bl_child_process_start(p, argv, cpu, -1, err);
}

static void run_flood(struct bl_bench_state *state, struct rig *r)
{
    int cpu[2];
    char err[BL_ERR_BYTES] = "needs a CPU for the load and one for the receiver";
    struct bl_ab_compare_result result;
    uint64_t nodes = FLOOD_NODES / bl_bench_plan_of(state)->scale;
    if (!bl_cpus_two(cpu) ||
        !start_load(&r->load[0], nodes, bl_port_spec_of(r->receiver.port)->udp_port, cpu[1], err) ||
        !start_load(&r->load[1], nodes, r->bare.udp_port, cpu[1], err)) {
        bl_bench_skip(state, err);
        return;
    }
    bl_cpus_pin(cpu[0]);
    const struct bl_bench_plan plan = bl_child_process_plan(bl_bench_plan_of(state));
    bl_turns_run(&plan, &(struct bl_turn){.side = {worker_work, r}, .begin = flood_worker},
                 &(struct bl_turn){.side = {bare_work, r}, .begin = flood_bare}, &result);
    bl_ab_compare_report(state, &result);
    bl_receiver_check(state, &r->receiver, 1, true);
    bl_receiver_remark(state, &r->receiver, result.a_per_s.median);
    bl_cpus_pin(-1);
}

/* ---- the cases ------------------------------------------------------------------- */

static void run_socket(struct bl_bench_state *state, const void *arg)
{
    void (*const *run)(struct bl_bench_state *, struct rig *) = arg;
    char err[BL_ERR_BYTES] = "no memory";
    struct rig *r = calloc(1, sizeof(*r));
    if (!r) {
        bl_bench_skip(state, err);
        return;
    }
    r->bare.fd = r->filler[0].fd = r->filler[1].fd = -1;
    uint64_t nodes = DRAIN_NODES / bl_bench_plan_of(state)->scale;
    bool open = bl_receiver_open(&r->receiver, "socket:127.0.0.1:0", nodes, err);
    if (open && open_bare(&r->bare, bl_port_spec_of(r->receiver.port)->rcvbuf_bytes)) {
        bl_receiver_know_ids(&r->receiver, nodes);
        (*run)(state, r);
    } else {
        bl_bench_skip(state, open ? strerror(errno) : err);
    }
    for (unsigned i = 0; i < 2; i++) {
        bl_child_process_end(&r->load[i]);
        if (r->filler[i].fd >= 0)
            close(r->filler[i].fd);
    }
    if (r->bare.fd >= 0)
        close(r->bare.fd);
    if (r->bare.memory)
        munmap(r->bare.memory, (size_t)BL_PORT_TAKE * BUFFER_STRIDE);
    bl_traffic_fini(&r->traffic);
    bl_receiver_close(&r->receiver);
    free(r);
}

static void (*const drain_case)(struct bl_bench_state *, struct rig *) = run_drain;
static void (*const flood_case)(struct bl_bench_state *, struct rig *) = run_flood;

static const struct bl_bench_case socket_cases[] = {
    {.name = "socket/drain",
     .measure = "socket port, beats/s out of a full socket, 1 M nodes / bare recvmmsg loop",
     .goal = BL_GOAL_AT_LEAST,
     .must = 0.85,
     .hope = 0.95,
     .run = run_socket,
     .arg = &drain_case},
    {.name = "socket/flood",
     .measure = "the same while another process sends, 10 k nodes",
     .slow = true,
     .run = run_socket,
     .arg = &flood_case},
};

void bl_bench_socket_cases(void)
{
    for (unsigned i = 0; i < sizeof(socket_cases) / sizeof(socket_cases[0]); i++)
        bl_bench_register(&socket_cases[i]);
}
