/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sources/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_TIMEOUT_MS 10000
/* Setting a process going takes 50 us or so. */
#define SHORTEST_PHASE_NS UINT64_C(20000000)

/* ---- starting ----------------------------------------------------------- */

/* The path to execute, in `path`: beside our own program, or in PATH. */
static bool find_program(const char *name, char path[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t used = slash ? (size_t)(slash + 1 - path) : 0;
    (void)snprintf(path + used, PATH_MAX - used, "%s", name);
    if (access(path, X_OK) == 0)
        return true;
    /* As root, tools of the network are in sbin, which PATH may lack. */
    const char *env = getenv("PATH");
    char dirs[PATH_MAX];
    (void)snprintf(dirs, sizeof(dirs), "%s:/usr/sbin:/sbin", env ? env : "/usr/bin:/bin");
    char *rest = dirs, *dir;
    while ((dir = strsep(&rest, ":"))) {
        (void)snprintf(path, PATH_MAX, "%.1000s/%s", dir, name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* The child, up to its exec: system calls only. */
static void become(const char *path, const char *const argv[], int cpu, int netns, int in, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (cpu >= 0) {
        CPU_SET((size_t)cpu, &cpus);
        (void)sched_setaffinity(0, sizeof(cpus), &cpus);
    }
    if (netns >= 0 && setns(netns, CLONE_NEWNET) != 0)
        _exit(126);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    execv(path, (char *const *)argv);
    _exit(127);
}

static pid_t spawn(struct bl_child_process *p, const char *path, const char *const argv[], int cpu, int netns)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        become(path, argv, cpu, netns, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    p->in = in[1];
    p->out = out[0];
    return pid;
}

bool bl_child_process_start(struct bl_child_process *p, const char *const argv[], int cpu, int netns,
                            char err[BL_ERR_BYTES])
{
    char path[PATH_MAX];
    *p = (struct bl_child_process){.in = -1, .out = -1};
    if (!find_program(argv[0], path)) {
        snprintf(err, BL_ERR_BYTES, "no %s", argv[0]);
        return false;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that has ended is told by await */
    p->pid = spawn(p, path, argv, cpu, netns);
    if (p->pid < 0)
        snprintf(err, BL_ERR_BYTES, "%s: %s", argv[0], strerror(errno));
    return p->pid > 0;
}

/* Closes it down; its exit status. */
static int reap(struct bl_child_process *p)
{
    int status = -1;
    if (p->pid > 0)
        (void)waitpid(p->pid, &status, 0);
    if (p->in >= 0)
        close(p->in);
    if (p->out >= 0)
        close(p->out);
    *p = (struct bl_child_process){.in = -1, .out = -1};
    return status;
}

void bl_child_process_end(struct bl_child_process *p)
{
    if (p->pid == 0)
        return;
    if (p->pid > 0)
        kill(p->pid, SIGKILL);
    (void)reap(p);
}

bool bl_child_process_run(const char *const argv[], int netns, char err[BL_ERR_BYTES])
{
    struct bl_child_process p;
    char said[256];
    bool started = bl_child_process_start(&p, argv, -1, netns, err);
    if (started && !bl_child_process_await(&p, NULL, said, sizeof(said), RUN_TIMEOUT_MS))
        kill(p.pid, SIGKILL);
    if (reap(&p) == 0)
        return true;
    if (started)
        snprintf(err, BL_ERR_BYTES, "%s: %.*s", argv[0], (int)strcspn(said, "\n"), said);
    return false;
}

/* ---- talking ------------------------------------------------------------- */

static uint64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Appends what there is to read; drops the older half when it is full.
 * Bytes read: 0 at the end. */
static ssize_t take(const struct bl_child_process *p, char *text, size_t size, size_t *len)
{
    if (*len + 1 == size) {
        memmove(text, text + size / 2, *len - size / 2);
        *len -= size / 2;
    }
    ssize_t n = read(p->out, text + *len, size - 1 - *len);
    *len += n > 0 ? (size_t)n : 0;
    text[*len] = '\0';
    return n;
}

bool bl_child_process_await(struct bl_child_process *p, const char *word, char *text, size_t size,
                            int timeout_ms)
{
    uint64_t now = monotonic_ms(), end = now + (uint64_t)timeout_ms;
    size_t len = 0;
    text[0] = '\0';
    for (; now < end; now = monotonic_ms()) {
        struct pollfd fd = {.fd = p->out, .events = POLLIN};
        if (poll(&fd, 1, (int)(end - now)) <= 0)
            continue;
        if (take(p, text, size, &len) <= 0)
            return word == NULL;
        if (word && strstr(text, word))
            return true;
    }
    return false;
}

bool bl_child_process_say(struct bl_child_process *p, const char *line)
{
    size_t len = strlen(line);
    return write(p->in, line, len) == (ssize_t)len;
}

/* ---- between phases -------------------------------------------------------- */

void bl_child_process_pause(struct bl_child_process *p)
{
    if (p->pid > 0)
        kill(p->pid, SIGSTOP);
}

void bl_child_process_resume(struct bl_child_process *p)
{
    if (p->pid > 0)
        kill(p->pid, SIGCONT);
}

struct bl_bench_plan bl_child_process_plan(const struct bl_bench_plan *plan)
{
    struct bl_bench_plan p = *plan;
    p.phase_ns = p.phase_ns < SHORTEST_PHASE_NS ? SHORTEST_PHASE_NS : p.phase_ns;
    return p;
}

uint64_t bl_child_process_cpu_ns(const struct bl_child_process *p)
{
    clockid_t clock;
    struct timespec t;
    if (p->pid <= 0 || clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
