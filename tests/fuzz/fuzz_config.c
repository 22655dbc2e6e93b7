/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a config file. What loads is shown, and what is shown loads back
 * to the same; what does not load says why. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/config/config.h"
#include "control/text/url_text.h"
#include "tests/fuzz/fuzz.h"

static struct bl_config *load(const void *yaml, size_t len, char err[BL_ERR_BYTES])
{
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);

    if (fd < 0 || write(fd, yaml, len) != (ssize_t)len)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    err[0] = '\0';
    struct bl_config *c = bl_config_load(path, err);
    close(fd);
    assert(strnlen(err, BL_ERR_BYTES) < BL_ERR_BYTES);
    assert((c == NULL) == (err[0] != '\0'));
    return c;
}

static struct bl_text shown(const struct bl_config *c, bool json)
{
    struct bl_text t = {0};
    bl_config_show(c, &t, json);
    assert(!t.failed);
    return t;
}

/* Secrets are hidden, and what is shown instead does not load. */
static bool has_secrets(const struct bl_config *c)
{
    bool some = c->auth || c->http_token_count > 0;
    for (unsigned i = 0; i < c->notifier_count; i++)
        some = some || (c->notifier[i].header != NULL && c->notifier[i].header[0] != '\0') ||
               (c->notifier[i].kind == BL_NOTIFIER_WEBHOOK && bl_url_has_secret(c->notifier[i].target));
    return some;
}

static void load_back(const struct bl_config *c)
{
    char err[BL_ERR_BYTES];
    struct bl_text yaml = shown(c, false), json = shown(c, true), again;
    struct bl_config *back = load(yaml.data, yaml.len, err);

    if (back == NULL)
        fprintf(stderr, "%.*s\n%s\n", (int)yaml.len, yaml.data, err);
    assert(back != NULL);
    again = shown(back, true);
    assert(again.len == json.len && memcmp(again.data, json.data, json.len) == 0);
    bl_text_free(&again);
    bl_text_free(&json);
    bl_text_free(&yaml);
    bl_config_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[BL_ERR_BYTES];
    struct bl_config *c = load(data, size, err);

    if (c != NULL && !has_secrets(c))
        load_back(c);
    bl_config_free(c);
    return 0;
}
