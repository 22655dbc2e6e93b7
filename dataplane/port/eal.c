/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/port/eal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

/* What a port's mempool and rings take, at the most: port_dpdk.c's
 * mbufs per queue come to 11 MB; 128 MiB of it are for DPDK itself. */
#define EAL_BASE_MIB      128u
#define EAL_PER_QUEUE_MIB 24u
/* Without huge pages: address space, touched as it is used. */
#define EAL_NO_HUGE_MIB 512ull

#define ARGS_MAX 64

struct args {
    char *v[ARGS_MAX + 1];
    int n;
};

/* DPDK keeps its state in globals and starts once per process; this is
 * what goes with it. */
static struct {
    bool started;
    int hushed[2]; /* stdout and stderr as they were, while a hush lasts; else 0 or -1 */
    bool loud;     /* --eal asks for DPDK's log: stderr gets it too */
    char first_line[256];
} eal;

/* ---- DPDK's log: the first line since is kept for our errors ----------- */

static ssize_t log_write(void *cookie, const char *text, size_t len)
{
    (void)cookie;
    size_t n = len;
    while (n > 0 && text[n - 1] == '\n')
        n--;
    if (n > 0 && !eal.first_line[0])
        snprintf(eal.first_line, sizeof(eal.first_line), "%.*s", (int)(n < 250 ? n : 250), text);
    if (eal.loud)
        fwrite(text, 1, len, stderr);
    return (ssize_t)len;
}

static int open_log(void)
{
    FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});
    if (!f)
        return -ENOMEM;
    setvbuf(f, NULL, _IOLBF, BUFSIZ);
    return rte_openlog_stream(f);
}

const char *bl_eal_said(void)
{
    return eal.first_line;
}

void bl_eal_forget_said(void)
{
    eal.first_line[0] = '\0';
}

/* ---- arguments -------------------------------------------------------- */

static void eal_add(struct args *a, const char *arg)
{
    if (a->n < ARGS_MAX)
        a->v[a->n++] = strdup(arg);
}

static void free_args(struct args *a)
{
    for (int i = 0; i < a->n; i++)
        free(a->v[i]);
}

static bool eal_has(const struct bl_eal_config *c, const char *option)
{
    return c->extra && strstr(c->extra, option);
}

/* Free huge pages of all sizes, in MiB. */
static uint64_t free_huge_mib(void)
{
    static const char dir_path[] = "/sys/kernel/mm/hugepages";
    DIR *dir = opendir(dir_path);
    uint64_t sum = 0;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        unsigned long kib, pages;
        char path[512];
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
        if (sscanf(e->d_name, "hugepages-%lukB", &kib) != 1)
            continue;
        snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir_path, e->d_name);
        FILE *f = fopen(path, "re");
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
        if (f && fscanf(f, "%lu", &pages) == 1)
            sum += (uint64_t)pages * kib / 1024;
        if (f)
            fclose(f);
    }
    if (dir)
        closedir(dir);
    return sum;
}

/* "0@MAIN,1@CPU,2@CPU...": lcore 0 is main's, the workers take the other
 * allowed CPUs in turn, main's own only if there is no other. */
static void lcore_map(char *out, size_t size, const cpu_set_t *allowed, int main_cpu, unsigned workers)
{
    int n = snprintf(out, size, "0@%d", main_cpu), cpu = main_cpu;
    for (unsigned w = 1; w <= workers; w++) {
        int next = cpu;
        do
            next = (next + 1) % CPU_SETSIZE;
        while (next != cpu && (next == main_cpu || !CPU_ISSET((size_t)next, allowed)));
        cpu = next;
        n += snprintf(out + n, size - (size_t)n, ",%u@%d", w, cpu);
    }
}

static int first_allowed(const cpu_set_t *allowed)
{
    int cpu = 0;
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET((size_t)cpu, allowed))
        cpu++;
    return cpu;
}

static void add_extra(struct args *a, const char *extra)
{
    char *copy = strdup(extra ? extra : ""), *rest = copy, *word;
    while (rest && (word = strsep(&rest, " \t\n")))
        if (*word)
            eal_add(a, word);
    free(copy);
}

/* DPDK 22.11 takes --no-huge for legacy memory, which it refuses together
 * with --in-memory; --no-shconf then does what we want of that: no files,
 * no second process. What `extra` says of -m comes later and wins. */
static int memory_args(struct args *a, const struct bl_eal_config *c, char err[BL_ERR_BYTES])
{
    unsigned long long need = EAL_BASE_MIB + EAL_PER_QUEUE_MIB * (unsigned long long)c->workers;
    unsigned long long free_mib = free_huge_mib();
    bool no_huge = eal_has(c, "--no-huge");
    if (free_mib >= need && !no_huge) {
        eal_add(a, "--in-memory");
        return 0;
    }
    if (c->pci && !no_huge) {
        snprintf(err, BL_ERR_BYTES,
                 "DPDK: a PCI port needs %llu MiB of huge pages, %llu are free; sysctl vm.nr_hugepages=%llu "
                 "(pages of 2 MiB), or --eal --no-huge for a slow try",
                 need, free_mib, need / 2);
        return -ENOMEM;
    }
    char mib[24];
    snprintf(mib, sizeof(mib), "%llu", need < EAL_NO_HUGE_MIB ? EAL_NO_HUGE_MIB : need);
    eal_add(a, "--no-huge");
    eal_add(a, "--no-shconf");
    eal_add(a, "-m"), eal_add(a, mib);
    return 0;
}

/* Allow-listing a device that is none keeps DPDK from taking over every
 * PCI device that is bound to a driver it can use: ours are probed by
 * name. */
static void bus_args(struct args *a, const struct bl_eal_config *c)
{
    if (c->pci) {
        eal_add(a, "-a"), eal_add(a, "0000:00:00.0");
    } else {
        eal_add(a, "--no-pci");
        eal_add(a, "--iova-mode=va");
    }
}

static int build_args(struct args *a, const struct bl_eal_config *c, const cpu_set_t *allowed,
                      char err[BL_ERR_BYTES])
{
    char map[RTE_MAX_LCORE * 16];
    int main_cpu = c->main_cpu >= 0 ? c->main_cpu : first_allowed(allowed);
    lcore_map(map, sizeof(map), allowed, main_cpu, c->workers);
    eal_add(a, c->program);
    eal_add(a, "--no-telemetry");
    eal_add(a, "--lcores"), eal_add(a, map);
    bus_args(a, c);
    int rc = memory_args(a, c, err);
    add_extra(a, c->extra);
    return rc;
}

/* ---- start ------------------------------------------------------------- */

void bl_eal_capture_output(struct bl_captured_output *h)
{
    *h = (struct bl_captured_output){.fd = -1, .saved = {-1, -1}};
    if (eal.loud)
        return;
    fflush(stdout);
    h->fd = memfd_create("hush", MFD_CLOEXEC);
    for (int i = 0; h->fd >= 0 && i < 2; i++) {
        h->saved[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 3);
        if (h->saved[i] >= 0)
            dup2(h->fd, i + 1);
        __atomic_store_n(&eal.hushed[i], h->saved[i], __ATOMIC_RELEASE);
    }
}

void bl_eal_break_hush(void)
{
    for (int i = 0; i < 2; i++) {
        int saved = __atomic_load_n(&eal.hushed[i], __ATOMIC_ACQUIRE);
        if (saved > 0)
            dup2(saved, i + 1);
    }
}

void bl_eal_release_output(struct bl_captured_output *h, char *line, size_t size)
{
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&eal.hushed[i], -1, __ATOMIC_RELEASE);
        if (h->saved[i] >= 0) {
            dup2(h->saved[i], i + 1);
            close(h->saved[i]);
        }
    }
    ssize_t n = h->fd >= 0 && size > 0 ? pread(h->fd, line, size - 1, 0) : 0;
    if (size > 0) {
        line[n > 0 ? n : 0] = '\0';
        line[strcspn(line, "\n")] = '\0';
    }
    if (h->fd >= 0)
        close(h->fd);
}

/* rte_eal_init binds its caller to one CPU and starts threads that would
 * take our signals; neither is left behind. */
static int init_eal(struct args *a, const cpu_set_t *affinity, char *said, size_t size)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct bl_captured_output hush;
    bl_eal_capture_output(&hush);
    char *argv[ARGS_MAX + 1]; /* EAL reorders and overwrites its copy */
    memcpy(argv, a->v, sizeof(argv));
    int rc = rte_eal_init(a->n, argv);
    bl_eal_release_output(&hush, said, size);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_setaffinity_np(pthread_self(), sizeof(*affinity), affinity);
    return rc;
}

int bl_eal_start(const struct bl_eal_config *c, char err[BL_ERR_BYTES])
{
    if (c->workers >= RTE_MAX_LCORE) {
        snprintf(err, BL_ERR_BYTES, "DPDK: %u workers; this build of DPDK takes %d", c->workers,
                 RTE_MAX_LCORE - 1);
        return -EINVAL;
    }
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || open_log() != 0) {
        snprintf(err, BL_ERR_BYTES, "DPDK: %s", strerror(errno));
        return -ENOMEM;
    }
    eal.loud = eal_has(c, "--log-level");
    rte_log_set_global_level(eal.loud ? RTE_LOG_DEBUG : RTE_LOG_ERR);
    struct args a = {.n = 0};
    char said[256] = "";
    int rc = build_args(&a, c, &allowed, err);
    if (rc == 0 && init_eal(&a, &allowed, said, sizeof(said)) < 0) {
        rc = -rte_errno;
        snprintf(err, BL_ERR_BYTES, "DPDK does not start: %s%s%s; --eal \"--log-level=debug\" tells more",
                 said[0] ? said : strerror(rte_errno), eal.first_line[0] ? "; " : "", eal.first_line);
    }
    free_args(&a);
    eal.started = rc == 0;
    return rc;
}

void bl_eal_stop(void)
{
    if (eal.started)
        (void)rte_eal_cleanup();
    eal.started = false;
}

bool bl_eal_started(void)
{
    return eal.started;
}

unsigned bl_eal_worker_lcore(unsigned i)
{
    return i + 1;
}
