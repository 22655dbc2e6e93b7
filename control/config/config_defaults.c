/* SPDX-License-Identifier: Apache-2.0 */
/* The defaults of the schema's rows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/config_items.h"
#include "control/net/socket_path.h"

/* A list's default: its items, split at spaces. */
static int set_default_list(const struct bl_config_key *k, void *base)
{
    char items[128], why[BL_ERR_BYTES], *rest = items;

    snprintf(items, sizeof(items), "%s", k->otherwise);
    for (char *item; (item = strsep(&rest, " ")) != NULL;) {
        if (item[0] == '\0')
            continue;
        if (bl_config_is_items(k)) {
            if (bl_config_add_item(base, k, why) == NULL)
                return -ENOMEM;
        } else if (bl_config_set(k, base, item, why) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int set_default(const struct bl_config_key *k, void *base)
{
    char socket_path[108], why[BL_ERR_BYTES];

    if (bl_config_is_list(k))
        return set_default_list(k, base);
    if (k->otherwise == NULL)
        return 0;
    const char *text = k->otherwise;
    if (strcmp(k->path, "socket") == 0) {
        bl_socket_path_default(socket_path);
        text = socket_path;
    }
    return bl_config_set(k, base, text, why);
}

int bl_config_set_defaults(void *base, const char *prefix)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < bl_config_key_count; i++) {
        const char *path = bl_config_keys[i].path;
        bool ours = len == 0 ? strchr(path, '[') == NULL : strncmp(path, prefix, len) == 0;
        if (ours && set_default(&bl_config_keys[i], base) != 0)
            return -ENOMEM;
    }
    return 0;
}
