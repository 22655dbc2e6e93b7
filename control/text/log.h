/* SPDX-License-Identifier: Apache-2.0 */
/* log: the daemon's own words, one line each on stderr: time, level,
 * text; under systemd (JOURNAL_STREAM) with the <N> priority prefix and
 * no time. Never called on a worker. Any other thread. */
#pragma once

enum bl_log_level { BL_LOG_ERROR = 3, BL_LOG_WARNING = 4, BL_LOG_INFO = 6, BL_LOG_DEBUG = 7 };

void bl_log_set_level(enum bl_log_level level);
void bl_log(enum bl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
