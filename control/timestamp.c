/* SPDX-License-Identifier: Apache-2.0 */
#include "control/timestamp.h"

#include <time.h>

#define DAY_MS INT64_C(86400000)
/* 0000-03-01, the calendar's zero below, and 9999-12-31T23:59:59.999 */
#define FIRST_MS (INT64_C(-719468) * DAY_MS)
#define LAST_MS  INT64_C(253402300799999)

static void put(char *out, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
}

/* Day number to date, the proleptic Gregorian calendar counted from
 * 0000-03-01 so that the leap day is the last of its year. */
static void put_date(char *out, int64_t unix_day)
{
    unsigned day = (unsigned)(unix_day + 719468);
    unsigned era = day / 146097, of_era = day % 146097;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153; /* 0: March */
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;

    put(out, year_of_era + era * 400 + (month <= 2), 4);
    put(out + 5, month, 2);
    put(out + 8, of_year - (153 * shifted + 2) / 5 + 1, 2);
}

const char *bl_timestamp_text(int64_t unix_ms, char out[BL_TIMESTAMP_TEXT])
{
    if (unix_ms < FIRST_MS)
        unix_ms = FIRST_MS;
    if (unix_ms > LAST_MS)
        unix_ms = LAST_MS;
    int64_t day = unix_ms / DAY_MS - (unix_ms % DAY_MS < 0);
    unsigned ms = (unsigned)(unix_ms - day * DAY_MS);
    static const char shape[] = "0000-00-00T00:00:00.000Z";

    for (unsigned i = 0; i < sizeof(shape); i++)
        out[i] = shape[i];
    put_date(out, day);
    put(out + 11, ms / 3600000, 2);
    put(out + 14, ms / 60000 % 60, 2);
    put(out + 17, ms / 1000 % 60, 2);
    put(out + 20, ms % 1000, 3);
    return out;
}

int64_t bl_timestamp_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
