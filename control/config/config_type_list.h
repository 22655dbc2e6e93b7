/* SPDX-License-Identifier: Apache-2.0 */
/* config_type_list: the types whose value is a list of names
 * (config_type.h): each add takes one more, each free empties the list,
 * each name is the i-th. */
#pragma once

#include "control/config/config_type.h"

/* struct bl_config: its ports */
bl_config_set_fn bl_config_add_port;
bl_config_free_fn bl_config_free_ports;
bl_config_name_fn bl_config_port_at;

/* struct bl_listen_list */
bl_config_set_fn bl_config_add_listen;
bl_config_set_fn bl_config_add_host;
bl_config_free_fn bl_config_free_listen;
bl_config_name_fn bl_config_listen_at;

/* uint32_t, a bit for each state */
bl_config_set_fn bl_config_add_state;
bl_config_free_fn bl_config_free_states;
bl_config_name_fn bl_config_state_at;

/* struct bl_text_list */
bl_config_set_fn bl_config_add_glob;
bl_config_free_fn bl_config_free_globs;
bl_config_name_fn bl_config_glob_at;
