/* SPDX-License-Identifier: Apache-2.0 */
/* beatline: the command line. Finds the daemon's socket, sends its words,
 * copies what comes back to stdout and stderr and exits with the code
 * that comes last (api/server.h has the exchange). What a command does
 * is the server's knowledge; help and version alone work without one. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "control/cli/client/exchange.h"
#include "control/cli/options.h"
#include "control/cli/protocol.h"
#include "control/config/config.h"
#include "control/net/socket_path.h"
#include "control/text/json.h"

#define SYSTEM_SOCKET "/run/beatline/beatline.sock"

struct command_line {
    const char *socket; /* NULL: look for it */
    bool json, help, version;
    int argc; /* the command and what follows */
    char **argv;
};

static const struct {
    const char *name, *usage, *help;
} commands[] = {
#define ROW(id, name, usage, help) {name, usage, help},
    BL_COMMANDS(ROW)
#undef ROW
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int main_fail(const struct command_line *l, enum bl_exit code, const char *text)
{
    if (l->json) {
        struct bl_text out = {0};
        struct bl_json j;
        bl_json_line_begin(&j, &out);
        bl_json_string(&j, "error", text);
        bl_json_int(&j, "code", (int)code);
        bl_json_line_end(&j);
        fwrite(out.data, 1, out.len, stdout);
        fflush(stdout);
        bl_text_free(&out);
    } else {
        fprintf(stderr, "beatline: %s\n", text);
    }
    return (int)code;
}

/* ---- help ------------------------------------------------------------- */

static void print_help(FILE *to)
{
    fputs("usage: beatline [-s SOCKET] [-j] COMMAND ...\n\n", to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-15s %s\n", commands[i].name, commands[i].help);
    fputs("\n"
          "  -s, --socket PATH   the daemon's socket; else $BEATLINE_SOCKET, else where beatlined puts it\n"
          "  -j, --json          JSON objects, one a line, errors too\n"
          "\n"
          "beatline COMMAND --help lists a command's options.\n"
          "exit code: 0 ok, 1 error, 2 usage, 3 no daemon, 4 not found, 5 denied\n",
          to);
}

/* Whether argv begins with the words of `name`. */
static bool begins_with(int argc, char **argv, const char *name)
{
    for (int i = 0; i < argc; i++) {
        size_t len = strcspn(name, " ");
        if (strlen(argv[i]) != len || strncmp(argv[i], name, len) != 0)
            return false;
        if (name[len] == '\0')
            return true;
        name += len + 1;
    }
    return false;
}

/* The command with the most leading words of argv; false: there is none. */
static bool find_command(int argc, char **argv, size_t *at)
{
    size_t longest = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        size_t len = strlen(commands[i].name);
        if (len > longest && begins_with(argc, argv, commands[i].name)) {
            longest = len;
            *at = i;
        }
    }
    return longest > 0;
}

static int main_explain(size_t at)
{
    struct bl_text out = {0};
    bl_options_explain(&out, commands[at].name, commands[at].usage, commands[at].help);
    if (!out.failed)
        fwrite(out.data, 1, out.len, stdout);
    bl_text_free(&out);
    return BL_EXIT_OK;
}

static bool is_group(const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ')
            return true;
    return false;
}

/* A command with its options; or all commands that begin with the word:
 * "nodes" is six of them. */
static int print_help_of(const struct command_line *l, int argc, char **argv)
{
    bool found = false;
    size_t at;
    if ((argc > 1 || !is_group(argv[0])) && find_command(argc, argv, &at))
        return main_explain(at);
    for (size_t i = 0; i < COMMANDS; i++) {
        size_t len = strcspn(commands[i].name, " ");
        bool group = argc == 1 && strlen(argv[0]) == len && strncmp(argv[0], commands[i].name, len) == 0;
        if (!group && !begins_with(argc, argv, commands[i].name))
            continue;
        printf("beatline %s%s%s\n    %s\n", commands[i].name, commands[i].usage[0] != '\0' ? " " : "",
               commands[i].usage, commands[i].help);
        found = true;
    }
    return found ? BL_EXIT_OK : main_fail(l, BL_EXIT_USAGE, "no such command; beatline help lists them");
}

/* ---- the command line -------------------------------------------------- */

static bool is_option(const char *word, const char *letter, const char *name)
{
    return strcmp(word, letter) == 0 || strcmp(word, name) == 0;
}

/* Takes the options before the command; what follows it is the
 * server's, but -j says here too how errors are told. 0 or exit code. */
static int main_parse(struct command_line *l, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (is_option(argv[i], "-j", "--json")) {
            l->json = true;
        } else if (is_option(argv[i], "-h", "--help")) {
            l->help = true;
        } else if (is_option(argv[i], "-V", "--version")) {
            l->version = true;
        } else if (is_option(argv[i], "-s", "--socket") && i + 1 < argc) {
            l->socket = argv[++i];
        } else if (strncmp(argv[i], "--socket=", 9) == 0) {
            l->socket = argv[i] + 9;
        } else {
            char text[256];
            snprintf(text, sizeof(text),
                     "%.100s: unknown option, or its value is missing; beatline help lists them", argv[i]);
            return main_fail(l, BL_EXIT_USAGE, text);
        }
    }
    l->argc = argc - i;
    l->argv = argv + i;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        l->json = l->json || is_option(argv[i], "-j", "--json");
        l->help = l->help || is_option(argv[i], "-h", "--help");
    }
    return 0;
}

/* "help nodes list", "nodes list --help". */
static int main_help(const struct command_line *l)
{
    int from = l->argc > 0 && strcmp(l->argv[0], "help") == 0, words = 0;
    while (from + words < l->argc && l->argv[from + words][0] != '-')
        words++;
    if (words > 0)
        return print_help_of(l, words, l->argv + from);
    if (from > 0 && l->help)
        return print_help_of(l, 1, l->argv);
    print_help(stdout);
    return BL_EXIT_OK;
}

/* ---- the daemon -------------------------------------------------------- */

/* `otherwise`: room for the daemon's own default. */
static const char *find_socket(const struct command_line *l, char otherwise[BL_SOCKET_PATH])
{
    if (l->socket != NULL)
        return l->socket;
    if (getenv("BEATLINE_SOCKET") == NULL && access(SYSTEM_SOCKET, F_OK) == 0)
        return SYSTEM_SOCKET;
    bl_socket_path_default(otherwise);
    return otherwise;
}

static void build_request(const struct command_line *l, struct bl_text *request)
{
    bool terminal = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL;
    struct winsize size;
    struct bl_json j;

    bl_json_line_begin(&j, request);
    bl_json_array(&j, "argv");
    for (int i = 0; i < l->argc; i++)
        bl_json_string(&j, NULL, l->argv[i]);
    bl_json_array_end(&j);
    bl_json_bool(&j, "json", l->json);
    bl_json_bool(&j, "color", terminal);
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        bl_json_uint(&j, "columns", size.ws_col);
    bl_json_line_end(&j);
}

static int ask_daemon(const struct command_line *l)
{
    char otherwise[BL_SOCKET_PATH], why[BL_ERR_BYTES];
    const char *path = find_socket(l, otherwise);
    struct bl_text request = {0};

    build_request(l, &request);
    if (request.failed)
        return main_fail(l, BL_EXIT_ERROR, "out of memory");
    if (request.len > BL_REQUEST_MAX) {
        bl_text_free(&request);
        return main_fail(l, BL_EXIT_USAGE, "the command line is over 64 KiB; give fewer names at a time");
    }
    int code = bl_exchange(path, request.data, request.len, why);
    bl_text_free(&request);
    return why[0] != '\0' ? main_fail(l, (enum bl_exit)code, why) : code;
}

/* Our own version, and the daemon's if there is one. */
static int print_version(const struct command_line *l)
{
    char otherwise[BL_SOCKET_PATH], why[BL_ERR_BYTES];
    struct bl_text request = {0};
    char *argv[] = {"version"};
    struct command_line version = *l;

    printf(l->json ? "{\"program\":\"beatline\",\"version\":\"%s\"}\n" : "beatline %s\n", BL_VERSION);
    fflush(stdout);
    version.argc = 1;
    version.argv = argv;
    build_request(&version, &request);
    if (!request.failed)
        bl_exchange(find_socket(l, otherwise), request.data, request.len, why);
    bl_text_free(&request);
    return BL_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct command_line l = {0};

    signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no error */
    int code = main_parse(&l, argc, argv);
    if (code != 0)
        return code;
    if (l.help || (l.argc > 0 && strcmp(l.argv[0], "help") == 0))
        return main_help(&l);
    if (l.version || (l.argc > 0 && strcmp(l.argv[0], "version") == 0))
        return print_version(&l);
    if (l.argc == 0) {
        print_help(stderr);
        return BL_EXIT_USAGE;
    }
    return ask_daemon(&l);
}
