/* SPDX-License-Identifier: Apache-2.0 */
/* detect: how the detectors do, written as CSV into a folder that
 * bench/detect/plots.gp draws from (its head says how):
 *
 *   series-NAME.csv   beat, interval, lovebeat's timeout, ours, s
 *   series.csv        per series over 1000 seeds: false alarms, medians
 *   quality.csv       Chen's figures per detector, loss and delay
 *
 *     beatline-detect FOLDER */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/detect/compare.h"
#include "bench/detect/quality.h"

#define SEEDS         1000u
#define QUALITY_BEATS 100000u

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.csv", folder, name);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        fprintf(stderr, "%s: %s; give a folder that can be written to\n", path, strerror(errno));
    return f;
}

static void write_series(FILE *f, const struct bl_series *s, const struct bl_compared *lovebeat,
                         const struct bl_compared *ours)
{
    fprintf(f, "# %s\nbeat,interval_s,lovebeat_s,auto_s\n", s->what);
    for (unsigned i = 1; i < s->count; i++) {
        fprintf(f, "%u,%.3f,%.3f,", i, s->interval_ms[i] / 1000, lovebeat->timeout_ms[i - 1] / 1000);
        if (ours->timeout_ms[i - 1] > 0)
            fprintf(f, "%.3f", ours->timeout_ms[i - 1] / 1000);
        fprintf(f, "\n");
    }
}

static int one_series(const char *folder, FILE *table, unsigned which)
{
    static struct bl_series s;
    static struct bl_compared lovebeat, ours;
    double median[2] = {0}, alarms[2] = {0};
    for (unsigned seed = SEEDS; seed > 0; seed--) {
        bl_series_make(&s, which, seed);
        bl_compare_lovebeat(&s, &lovebeat);
        bl_compare_ours(&s, BL_DETECTOR_AUTO, &ours);
        median[0] += lovebeat.median_ms / SEEDS;
        median[1] += ours.median_ms / SEEDS;
        alarms[0] += (double)lovebeat.false_alarms / SEEDS;
        alarms[1] += (double)ours.false_alarms / SEEDS;
    }
    fprintf(table, "%s,%.3f,%.3f,%.3f,%.3f\n", s.name, alarms[0], alarms[1], median[0] / 1000,
            median[1] / 1000);
    char name[64];
    snprintf(name, sizeof(name), "series-%s", s.name);
    FILE *f = create(folder, name);
    if (f == NULL)
        return 1;
    write_series(f, &s, &lovebeat, &ours); /* of seed 1 */
    return fclose(f) != 0;
}

static int all_series(const char *folder)
{
    FILE *table = create(folder, "series");
    int failed = table == NULL;
    if (failed)
        return 1;
    fprintf(table, "series,lovebeat_false_alarms,auto_false_alarms,lovebeat_median_s,auto_median_s\n");
    for (unsigned which = 0; which < BL_SERIES; which++)
        failed |= one_series(folder, table, which);
    return failed | (fclose(table) != 0);
}

static void one_quality(FILE *f, const struct bl_quality_case *c)
{
    struct bl_quality q;
    bl_quality_measure(c, QUALITY_BEATS, 1, &q);
    fprintf(f, "%s,%u,%u,%s,%.2f,%.2f,%.3f,%.2f\n", bl_detector_name(c->detector), c->retries,
            c->loss_percent, c->heavy_tail ? "heavy" : "light", q.detection_ms / 1000,
            q.detection_p99_ms / 1000, q.mistakes_per_day, q.mistake_ms / 1000);
}

static int all_quality(const char *folder)
{
    static const unsigned loss_percent[] = {0, 1, 5, 20};
    static const struct {
        enum bl_detector detector;
        unsigned retries;
    } kinds[] = {{BL_DETECTOR_FIXED, 0}, {BL_DETECTOR_AUTO, 0}, {BL_DETECTOR_AUTO, 1}, {BL_DETECTOR_PHI, 0}};
    FILE *f = create(folder, "quality");
    if (f == NULL)
        return 1;
    fprintf(f,
            "detector,retries,loss_percent,delay,detection_s,detection_p99_s,mistakes_per_day,mistake_s\n");
    for (unsigned heavy = 0; heavy < 2; heavy++)
        for (unsigned loss = 0; loss < 4; loss++)
            for (unsigned k = 0; k < 4; k++)
                one_quality(f, &(struct bl_quality_case){kinds[k].detector, loss_percent[loss],
                                                         kinds[k].retries, heavy != 0});
    return fclose(f) != 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    return all_series(argv[1]) | all_quality(argv[1]);
}
