/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/text/timestamp.h"
#include "engine/base/counter.h"

#define LINE_BYTES 2048

/* The log is the process's, as stderr is. */
static unsigned threshold = BL_LOG_INFO;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool journal;

/* systemd.exec(5): JOURNAL_STREAM holds device:inode of the stream that
 * goes to the journal; a redirected stderr is another one. */
static void look_for_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat s;
    char ours[64];

    if (stream == NULL || fstat(STDERR_FILENO, &s) != 0)
        return;
    snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
    journal = strcmp(ours, stream) == 0;
}

static const char *level_name(enum bl_log_level level)
{
    switch (level) {
    case BL_LOG_ERROR:
        return "error";
    case BL_LOG_WARNING:
        return "warning";
    case BL_LOG_INFO:
        return "info";
    case BL_LOG_DEBUG:
        return "debug";
    }
    return "log";
}

void bl_log_set_level(enum bl_log_level level)
{
    BL_WRITE(threshold, level);
}

/* One write per line: lines of two threads do not mix. */
void bl_log(enum bl_log_level level, const char *format, ...)
{
    if ((unsigned)level > BL_READ(threshold))
        return;
    pthread_once(&once, look_for_journal);

    char line[LINE_BYTES], when[BL_TIMESTAMP_TEXT];
    int head = journal ? snprintf(line, sizeof(line), "<%d>", (int)level)
                       : snprintf(line, sizeof(line), "%s %-7s ",
                                  bl_timestamp_text(bl_timestamp_now_ms(), when), level_name(level));
    va_list args;
    va_start(args, format);
    int text = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
    va_end(args);
    size_t len = (size_t)head + (size_t)(text > 0 ? text : 0);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len] = '\n';
    /* Nobody to tell if stderr is gone. */
    if (write(STDERR_FILENO, line, len + 1) < 0)
        return;
}
