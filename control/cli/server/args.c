/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/server/cli_request.h"
#include "control/text/duration.h"

static int args_bad(struct bl_cli_request *call, const char *what, const char *word)
{
    const struct bl_cli_command *c = call->command;
    bl_cli_fail(call, BL_EXIT_USAGE, "%s: %s %.100s; usage: beatline %s%s%s", c->name, what, word, c->name,
                c->usage[0] != '\0' ? " " : "", c->usage);
    return BL_ARG_BAD;
}

/* The option's value: the rest of its own word, or the next word. */
static int take_value(struct bl_args *args, int option, const char *rest, const char *word,
                      const char **value)
{
    struct bl_cli_request *call = args->call;

    if (rest != NULL) {
        *value = rest;
    } else if (args->at < call->argc) {
        *value = call->argv[args->at++];
    } else {
        return args_bad(call, "nothing follows", word);
    }
    return option;
}

static int long_option(struct bl_args *args, const char *word, const char **value)
{
    const struct bl_option *options = args->call->command->ops->options;
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);

    for (int i = 0; options != NULL && options[i].name != NULL; i++) {
        if (strlen(options[i].name) != len || strncmp(options[i].name, name, len) != 0)
            continue;
        if (options[i].value != NULL)
            return take_value(args, i, equals != NULL ? equals + 1 : NULL, word, value);
        if (equals != NULL)
            return args_bad(args->call, "no value is taken by", word);
        return i;
    }
    return args_bad(args->call, "unknown option", word);
}

/* A letter of "-f" or "-fn5". */
static int letter_option(struct bl_args *args, const char *word, const char **value)
{
    const struct bl_option *options = args->call->command->ops->options;
    char letter = *args->letters++;
    const char *rest = *args->letters != '\0' ? args->letters : NULL;

    if (rest == NULL)
        args->letters = NULL;
    for (int i = 0; options != NULL && options[i].name != NULL; i++) {
        if (options[i].letter != letter)
            continue;
        if (options[i].value == NULL)
            return i;
        args->letters = NULL;
        return take_value(args, i, rest, word, value);
    }
    return args_bad(args->call, "unknown option", word);
}

int bl_args_next(struct bl_args *args, const char **value)
{
    struct bl_cli_request *call = args->call;

    *value = NULL;
    if (args->letters != NULL)
        return letter_option(args, call->argv[args->at - 1], value);
    if (args->at >= call->argc)
        return BL_ARG_END;
    const char *word = call->argv[args->at++];
    if (!args->words_only && strcmp(word, "--") == 0) {
        args->words_only = true;
        return bl_args_next(args, value);
    }
    if (args->words_only || word[0] != '-' || word[1] == '\0') {
        *value = word;
        return BL_ARG_WORD;
    }
    if (word[1] == '-')
        return long_option(args, word, value);
    args->letters = word + 1;
    return letter_option(args, word, value);
}

bool bl_args_refuse(struct bl_cli_request *call, const char *word)
{
    args_bad(call, "does not take", word);
    return false;
}

bool bl_args_none(struct bl_cli_request *call)
{
    struct bl_args args = {.call = call};
    const char *value;
    int arg = bl_args_next(&args, &value);

    if (arg == BL_ARG_WORD)
        return bl_args_refuse(call, value);
    return arg == BL_ARG_END;
}

bool bl_args_names(struct bl_cli_request *call)
{
    struct bl_args args = {.call = call};
    const char *value;
    int arg, names = 0;

    while ((arg = bl_args_next(&args, &value)) == BL_ARG_WORD)
        call->argv[names++] = call->argv[args.at - 1]; /* drops "--" */
    call->argc = arg == BL_ARG_END ? names : call->argc;
    if (arg == BL_ARG_END && names == 0)
        args_bad(call, "nothing follows", call->command->name);
    return arg == BL_ARG_END && names > 0;
}

bool bl_args_number(struct bl_cli_request *call, const char *option, const char *text, uint64_t max,
                    uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end != NULL && *end == '\0' && errno == 0 && *value <= max)
        return true;
    bl_cli_fail(call, BL_EXIT_USAGE, "%s: %s %.40s: no whole number from 0 to %llu", call->command->name,
                option, text, (unsigned long long)max);
    return false;
}

bool bl_args_duration(struct bl_cli_request *call, const char *option, const char *text, uint32_t *ms)
{
    char why[BL_ERR_BYTES];
    int rc = bl_duration_parse(text, BL_TIMEOUT_MAX_MS, ms);

    if (rc == 0 && (*ms > 0 || strcmp(text, "none") == 0))
        return true;
    if (rc == 0)
        bl_cli_fail(call, BL_EXIT_USAGE,
                    "%s: %s \"%.40s\" is too short; give 1ms or more, or none to clear it",
                    call->command->name, option, text);
    else
        bl_cli_fail(call, BL_EXIT_USAGE, "%s: %s %s", call->command->name, option,
                    bl_duration_error(text, rc, BL_TIMEOUT_MAX_MS, why));
    return false;
}
