/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cli/server/connection.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/cli/server/commands.h"

static void connection_run(struct bl_connection *c);

/* What control answered: the command goes on with it. */
static void connection_answered(void *ctx, struct bl_command *answer)
{
    struct bl_connection *c = ctx;
    c->asking = false;
    c->call.answer = answer;
    connection_run(c);
}

struct bl_connection *bl_connection_new(int fd, struct bl_api *api)
{
    struct bl_connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->fd = fd;
    c->progress_ns = api->now_ns;
    c->call.api = api;
    c->call.answered = connection_answered;
    c->call.client = c;
    return c;
}

/* The command is over, finished or not. */
static void end_call(struct bl_connection *c)
{
    struct bl_cli_request *call = &c->call;
    if (call->state != NULL && call->command->ops->end != NULL)
        call->command->ops->end(call);
    free(call->state);
    call->state = NULL;
}

void bl_connection_free(struct bl_connection *c)
{
    end_call(c);
    close(c->fd);
    json_decref(c->words);
    free(c->argv);
    bl_text_free(&c->request);
    bl_text_free(&c->call.out);
    bl_text_free(&c->call.err);
    bl_text_free(&c->wire);
    free(c);
}

/* ---- frames ---------------------------------------------------------- */

static void connection_frame(struct bl_text *wire, int stream, struct bl_text *text)
{
    if (text->len == 0)
        return;
    bl_text_printf(wire, "%d %zu\n", stream, text->len);
    bl_text_append(wire, text->data, text->len);
    text->len = 0;
}

/* What the command has written goes out; with DONE the exit code too. */
static void frame_piece(struct bl_connection *c)
{
    struct bl_cli_request *call = &c->call;

    if (call->out.failed || call->err.failed) {
        bl_text_free(&call->out);
        bl_text_free(&call->err);
        bl_cli_fail(call, BL_EXIT_ERROR, "out of memory; ask for less, or again later");
        c->step = BL_STEP_DONE;
    }
    connection_frame(&c->wire, 1, &call->out);
    connection_frame(&c->wire, 2, &call->err);
    if (c->step != BL_STEP_DONE)
        return;
    bl_text_printf(&c->wire, "0 %d\n", call->code);
    c->phase = BL_CONNECTION_ENDING;
    end_call(c);
}

/* ---- requests -------------------------------------------------------- */

static void connection_refuse(struct bl_connection *c, const char *why)
{
    bl_cli_fail(&c->call, BL_EXIT_USAGE, "request: %s; send one line {\"argv\":[\"status\"]}", why);
    c->step = BL_STEP_DONE;
    frame_piece(c);
}

/* Takes what is for every command out of argv: -j, -h. True: -h. */
static bool take_common(struct bl_connection *c, int *argc)
{
    bool help = false, words_only = false;
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        char *word = c->argv[i];
        words_only = words_only || strcmp(word, "--") == 0;
        if (!words_only && (strcmp(word, "-j") == 0 || strcmp(word, "--json") == 0))
            c->call.json = true;
        else if (!words_only && (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0))
            help = true;
        else
            c->argv[kept++] = word;
    }
    *argc = kept;
    return help;
}

/* The request's fields; NULL, or what is wrong with them. */
static const char *take_request(struct bl_connection *c, int *argc)
{
    json_t *argv = json_object_get(c->words, "argv"), *word, *columns = json_object_get(c->words, "columns");
    size_t i;

    if (!json_is_array(argv))
        return "no list \"argv\" in it";
    c->argv = calloc(json_array_size(argv) + 1, sizeof(*c->argv));
    if (c->argv == NULL)
        return "out of memory";
    json_array_foreach(argv, i, word)
    {
        if (!json_is_string(word))
            return "\"argv\" holds something that is no string";
        /* The words belong to this request: options are moved about. */
        c->argv[i] = (char *)(uintptr_t)json_string_value(word);
    }
    *argc = (int)json_array_size(argv);
    c->call.json = json_is_true(json_object_get(c->words, "json"));
    c->call.color = json_is_true(json_object_get(c->words, "color"));
    if (json_is_integer(columns) && json_integer_value(columns) > 0 && json_integer_value(columns) < 10000)
        c->call.columns = (unsigned)json_integer_value(columns);
    return NULL;
}

static void start_command(struct bl_connection *c, int argc, bool explain)
{
    struct bl_cli_request *call = &c->call;
    int words;

    call->command = bl_cli_command_of(argc, c->argv, &words);
    c->step = BL_STEP_DONE;
    if (call->command == NULL) {
        bl_cli_unknown(call, argc, c->argv);
    } else if (explain) {
        bl_cli_explain(call, call->command);
    } else {
        call->argv = c->argv + words;
        call->argc = argc - words;
        call->state = calloc(1, call->command->ops->state_bytes + 1);
        if (call->state == NULL)
            bl_cli_fail(call, BL_EXIT_ERROR, "out of memory; try again later");
        else
            c->step = BL_STEP_MORE;
    }
    c->phase = BL_CONNECTION_RUNNING;
    if (c->step == BL_STEP_DONE)
        frame_piece(c);
}

static void take_line(struct bl_connection *c, size_t len)
{
    json_error_t error;
    int argc = 0;

    c->words = json_loadb(c->request.data, len, JSON_REJECT_DUPLICATES, &error);
    const char *why = !json_is_object(c->words) ? "not an object of JSON" : take_request(c, &argc);
    bl_text_free(&c->request);
    if (why != NULL) {
        connection_refuse(c, why);
        return;
    }
    bool explain = take_common(c, &argc);
    start_command(c, argc, explain);
}

/* Reads until the newline; whatever else a client sends is left unread. */
bool bl_connection_read(struct bl_connection *c)
{
    char buffer[4096];

    while (c->phase == BL_CONNECTION_READING) {
        ssize_t n = recv(c->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0 && c->request.len == 0)
            return false;
        c->progress_ns = c->call.api->now_ns;
        const char *end = n > 0 ? memchr(buffer, '\n', (size_t)n) : NULL;
        size_t take = end != NULL ? (size_t)(end - buffer) : (size_t)n;
        bl_text_append(&c->request, buffer, take);
        if (c->request.failed)
            return false;
        if (c->request.len >= BL_REQUEST_MAX)
            connection_refuse(c, "over 64 KiB");
        else if (end != NULL || n == 0) /* the end of what it sends ends a line too */
            take_line(c, c->request.len);
    }
    return true;
}

/* ---- turns ----------------------------------------------------------- */

/* Sends what is in the buffer. False: the client is gone. */
static bool send_frames(struct bl_connection *c)
{
    while (bl_connection_unsent(c)) {
        ssize_t n = send(c->fd, c->wire.data + c->sent, c->wire.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->sent += (size_t)n;
        c->progress_ns = c->call.api->now_ns;
    }
    c->sent = c->wire.len = 0;
    return true;
}

static bool can_run(const struct bl_connection *c)
{
    if (c->phase != BL_CONNECTION_RUNNING || c->asking)
        return false;
    if (c->step == BL_STEP_EVENT)
        return c->event_seen != c->call.api->history.next;
    return c->step == BL_STEP_MORE;
}

static void connection_run(struct bl_connection *c)
{
    c->event_seen = c->call.api->history.next;
    c->step = c->call.command->ops->run(&c->call);
    c->call.answer = NULL;
    c->asking = c->step == BL_STEP_ANSWER;
    frame_piece(c);
}

bool bl_connection_ready(const struct bl_connection *c)
{
    return !bl_connection_unsent(c) && can_run(c);
}

bool bl_connection_turn(struct bl_connection *c)
{
    if (!send_frames(c))
        return false;
    if (bl_connection_ready(c)) {
        connection_run(c);
        if (!send_frames(c))
            return false;
    }
    uint64_t idle_ns = c->call.api->now_ns - c->progress_ns;
    if (c->phase == BL_CONNECTION_READING)
        return idle_ns < BL_REQUEST_NS;
    if (bl_connection_unsent(c))
        return idle_ns < BL_STALL_NS && !c->wire.failed;
    c->progress_ns = c->call.api->now_ns;
    return c->phase != BL_CONNECTION_ENDING && !c->wire.failed;
}
