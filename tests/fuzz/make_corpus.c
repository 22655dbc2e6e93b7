/* SPDX-License-Identifier: Apache-2.0 */
/* make_corpus DIR: writes the seed inputs of the binary fuzzers below DIR, from
 * the frame builder and the sender's side of the binary format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/store/state_file.h"
#include "dataplane/wire/binary.h"
#include "tests/frames.h"

static const char *root;
static const uint8_t key[16]; /* gather_config's: zeros */

/* DIR/fuzzer/name: `first`, then the bytes. */
static void save(const char *fuzzer, const char *name, uint8_t first, const void *data, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, fuzzer);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", root, fuzzer, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(&first, 1, 1, f) != 1 || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
}

/* ---- decode ------------------------------------------------------------ */

static void save_frame(const char *name, struct frame f)
{
    static uint8_t out[FRAME_MAX];
    static const char text[] = "a.beat:1|c\n";
    f.src_port = 40000;
    f.dst_port = 8127;
    f.payload = text;
    f.payload_len = sizeof text - 1;
    uint32_t len = frame_build(&f, out);
    char trusted[64];
    save("decode", name, 0, out, len);
    snprintf(trusted, sizeof trusted, "%s-trusted", name);
    save("decode", trusted, 3, out, len);
}

static void save_frames(void)
{
    save_frame("ipv4", (struct frame){0});
    save_frame("ipv4-padded", (struct frame){.padding = 7});
    save_frame("ipv4-options", (struct frame){.option_words = 3});
    save_frame("ipv4-vlan", (struct frame){.tag = {0x8100}});
    save_frame("ipv4-qinq", (struct frame){.tag = {0x88a8, 0x8100}});
    save_frame("ipv4-no-checksum", (struct frame){.udp_sum = FRAME_SUM_NONE});
    save_frame("ipv4-partial", (struct frame){.udp_sum = FRAME_SUM_PARTIAL});
    save_frame("ipv6", (struct frame){.ipv6 = true});
    save_frame("ipv6-vlan", (struct frame){.ipv6 = true, .tag = {0x9100}});
    save_frame("ipv6-extensions",
               (struct frame){.ipv6 = true, .ext = {{0, 0}, {43, 1}, {60, 0}, {51, 4}}, .ext_count = 4});
}

/* ---- text ----------------------------------------------------------------- */

static void save_texts(void)
{
    static const struct {
        const char *name, *text;
    } texts[] = {
        {"beat", "invoice.mailer.beat:1|c\n"},
        {"beats", "a.beat:1|c\nb.beat:1|c\nc.beat:1|c"},
        {"crlf", "a.beat:1|c\r\n\r\nb.err:5|g\r\n"},
        {"autobeat", "cron.autobeat:1|c\n"},
        {"timeout", "n.timeout:2.5|g\nn.timeout:-1|g\nn.timeout:-2|g\n"},
        {"warn-err", "n.warn:+10|g|@0.1\nn.err:3888000|ms|#tag:x\n"},
        {"last-action", "a.beat.beat:1|c\n..beat:1|c\n"},
        {"utf-8", "Stra\xc3\x9f"
                  "e.beat:1|h\n"},
        {"faults", "x\n.beat:1|c\na b.beat:1|c\na.bea:1|c\na.beat:|c\na.beat:1\na.beat:1|1\na.err:0|g\n"},
        {"numbers",
         "n.err:0.0009|g\nn.err:18446744073709551616|g\nn.err:1.2.3|g\nn.beat:.5|c\nn.beat:5.|c\n"},
    };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        save("wire_text", texts[i].name, (uint8_t)i, texts[i].text, strlen(texts[i].text));
    char name[BL_NAME_MAX + 32];
    memset(name, 'n', sizeof name);
    memcpy(name + BL_NAME_MAX, ".beat:1|c", 9);
    save("wire_text", "name-200", 0, name, BL_NAME_MAX + 9);
}

/* ---- binary ------------------------------------------------------------------ */

static void save_both(const char *name, uint8_t *datagram, uint32_t len)
{
    char with_tag[64];
    save("wire_binary", name, 1, datagram, len);
    snprintf(with_tag, sizeof with_tag, "%s-tag", name);
    len = bl_binary_sign(datagram, len, key);
    save("wire_binary", with_tag, 1, datagram, len);
}

static uint8_t *begin(uint8_t *datagram, enum bl_binary_type type)
{
    const struct bl_binary_header h = {.type = type, .interval_ms = 1000, .node_id = 42, .sequence = 1};
    memset(datagram, 0, 256);
    bl_binary_write(datagram, &h);
    return datagram + BL_BINARY_HEADER_BYTES;
}

static void save_datagrams(void)
{
    static uint8_t datagram[256];
    begin(datagram, BL_BINARY_BEAT);
    save_both("beat", datagram, BL_BINARY_HEADER_BYTES);
    begin(datagram, BL_BINARY_BYE);
    save_both("bye", datagram, BL_BINARY_HEADER_BYTES);

    uint8_t *hello = begin(datagram, BL_BINARY_HELLO);
    bl_binary_store32(hello + BL_BINARY_HELLO_AT_TIMEOUT, 5000);
    hello[BL_BINARY_HELLO_AT_RETRIES] = BL_BINARY_RETRIES_UNSET;
    hello[BL_BINARY_HELLO_AT_NAME_LEN] = 5;
    memcpy(hello + BL_BINARY_HELLO_BYTES, "web-1", 5);
    save_both("hello", datagram, BL_BINARY_HEADER_BYTES + BL_BINARY_HELLO_BYTES + 5);

    uint8_t *entry = begin(datagram, BL_BINARY_BATCH);
    for (unsigned i = 0; i < 4; i++)
        bl_binary_store64(entry + i * BL_BINARY_ENTRY_BYTES, i + 1);
    bl_binary_store32(entry + BL_BINARY_ENTRY_AT_AGE, UINT32_MAX);
    save_both("batch", datagram, BL_BINARY_HEADER_BYTES + 4 * BL_BINARY_ENTRY_BYTES);
}

/* ---- what is kept on disk ------------------------------------------------------ */

static void put_things(struct bl_state_writer *w)
{
    struct bl_node_past text = {.name = "web-1",
                                .name_len = 5,
                                .state = BL_STATE_FAILED,
                                .policy = {.timeout_ms = 5000},
                                .incident = 3,
                                .last_beat_unix_ms = 1790000000000};
    struct bl_node_past paused = {.binary = true, .until_beat = true, .state = BL_STATE_PAUSED, .id = 42};
    struct bl_node_ref removed = {.name = "web-2", .name_len = 5};
    struct bl_view_saved view = {.name = "all", .name_len = 3, .state = BL_STATE_FAILED, .incident = 7};

    bl_state_put_node(w, &text);
    bl_state_put_node(w, &paused);
    bl_state_put_removed(w, &removed);
    bl_state_put_view(w, &view);
    bl_state_put_numbers(w, &(struct bl_state_numbers){.events = 4711});
}

/* Of generation 1; `first` as fuzz_state_file.c has it. */
static void save_state(const char *name, uint8_t first, enum bl_state_kind kind, bool full)
{
    static uint8_t data[4096];
    struct bl_state_writer w;
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0 || bl_state_writer_begin(&w, fd, kind, 1, 0) != 0)
        exit(1);
    if (full)
        put_things(&w);
    if ((kind == BL_STATE_SNAPSHOT ? bl_state_end(&w) : bl_state_flush(&w)) != 0)
        exit(1);
    ssize_t len = pread(fd, data, sizeof data, 0);
    if (len < 0)
        exit(1);
    save("state_file", name, first, data, (size_t)len);
    bl_state_writer_free(&w);
    close(fd);
}

static void save_states(void)
{
    save_state("snapshot", 2, BL_STATE_SNAPSHOT, true);
    save_state("snapshot-as-is", 0, BL_STATE_SNAPSHOT, true);
    save_state("snapshot-empty", 2, BL_STATE_SNAPSHOT, false);
    save_state("journal", 3, BL_STATE_JOURNAL, true);
    save_state("journal-empty", 3, BL_STATE_JOURNAL, false);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    root = argv[1];
    save_frames();
    save_texts();
    save_datagrams();
    save_states();
    return 0;
}
