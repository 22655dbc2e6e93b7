/* SPDX-License-Identifier: Apache-2.0 */
#include "control/text/timestamp.h"

#include <time.h>

#define DAY_MS INT64_C(86400000)
/* 0000-03-01, the calendar's zero below, and 9999-12-31T23:59:59.999 */
#define FIRST_MS (INT64_C(-719468) * DAY_MS)
#define LAST_MS  INT64_C(253402300799999)

static void timestamp_put(char *out, unsigned value, unsigned digits)
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

    timestamp_put(out, year_of_era + era * 400 + (month <= 2), 4);
    timestamp_put(out + 5, month, 2);
    timestamp_put(out + 8, of_year - (153 * shifted + 2) / 5 + 1, 2);
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
    timestamp_put(out + 11, ms / 3600000, 2);
    timestamp_put(out + 14, ms / 60000 % 60, 2);
    timestamp_put(out + 17, ms / 1000 % 60, 2);
    timestamp_put(out + 20, ms % 1000, 3);
    return out;
}

/* ---- reading ------------------------------------------------------------ */

/* `digits` digits at *s, which moves past them, and past `then` where that
 * is not 0; false: something else is there. */
static bool timestamp_take(const char **s, unsigned digits, char then, int *value)
{
    *value = 0;
    for (; digits > 0; digits--, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *value = *value * 10 + (**s - '0');
    }
    if (then == 0)
        return true;
    return *(*s)++ == then;
}

static int days_in(int year, int month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 ? 28 + leap : 30 + ((month + month / 8) & 1);
}

/* put_date turned round, from 400 years earlier on: divisions of what is
 * not negative. */
static int64_t day_of(int year, int month, int day)
{
    int64_t y = year + 400 - (month <= 2), shifted = (month + 9) % 12;
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 + day - 1 - 719468 - 146097;
}

static bool take_date(const char **s, int64_t *ms)
{
    int year, month, day;
    if (!timestamp_take(s, 4, '-', &year) || !timestamp_take(s, 2, '-', &month) ||
        !timestamp_take(s, 2, 0, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ms = day_of(year, month, day) * DAY_MS;
    return true;
}

/* ".5" in ms; digits past the third are cut off. */
static bool take_fraction(const char **s, int *ms)
{
    const char *first = ++*s;
    for (int unit = 100; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
        *ms += unit * (**s - '0');
    return *s > first;
}

static bool take_time(const char **s, int64_t *ms)
{
    int hour, minute, second = 0, fraction = 0;
    if (!timestamp_take(s, 2, ':', &hour) || !timestamp_take(s, 2, 0, &minute))
        return false;
    if (**s == ':' && !((*s)++, timestamp_take(s, 2, 0, &second)))
        return false;
    if (**s == '.' && !take_fraction(s, &fraction))
        return false;
    *ms += hour * INT64_C(3600000) + minute * INT64_C(60000) + second * INT64_C(1000) + fraction;
    return hour < 24 && minute < 60 && second < 60;
}

static bool take_zone(const char **s, int64_t *ms)
{
    char sign = *(*s)++;
    int hour, minute;
    if (sign == 'Z' || sign == 'z')
        return true;
    if ((sign != '+' && sign != '-') || !timestamp_take(s, 2, ':', &hour) ||
        !timestamp_take(s, 2, 0, &minute))
        return false;
    *ms -= (sign == '+' ? 1 : -1) * (hour * INT64_C(3600000) + minute * INT64_C(60000));
    return hour < 24 && minute < 60;
}

bool bl_timestamp_parse(const char *text, int64_t *unix_ms)
{
    const char *s = text;
    int64_t ms;

    if (!take_date(&s, &ms) || (*s != 'T' && *s != 't' && *s != ' '))
        return false;
    s++;
    if (!take_time(&s, &ms) || *s == 0 || !take_zone(&s, &ms) || *s != 0)
        return false;
    if (ms < FIRST_MS || ms > LAST_MS)
        return false;
    *unix_ms = ms;
    return true;
}

int64_t bl_timestamp_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
