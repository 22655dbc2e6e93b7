/* SPDX-License-Identifier: Apache-2.0 */
// The C++ behind bench.h: cases become Google Benchmark's, its results
// become our table. Its own reporter for people shows times per
// iteration, which mean nothing here.
#include "bench/bench.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

struct bl_bench_state {
    benchmark::State *state;
    const bl_bench_plan *plan;
    bool failed, done;
};

namespace
{

// What the command line asked for; filled before a case runs.
bl_bench_plan plan = {15, 200000000, 1, false};
std::vector<const bl_bench_case *> cases;
bool any_failed = false;

const char skipped[] = "not measured: ";

class table : public benchmark::BenchmarkReporter
{
    std::map<std::string, const bl_bench_case *> by_name_;
    std::ofstream csv_;

    static std::string goal(const bl_bench_case &c, double value)
    {
        if (c.goal == BL_GOAL_NONE)
            return "-";
        char text[32];
        std::snprintf(text, sizeof(text), "%s %g", c.goal == BL_GOAL_AT_LEAST ? ">=" : "<=", value);
        return text;
    }

    static const char *unit(const bl_bench_case &c)
    {
        return c.unit != nullptr ? c.unit : "";
    }

    static const char *goal_name(const bl_bench_case &c)
    {
        return c.goal == BL_GOAL_NONE ? "" : c.goal == BL_GOAL_AT_LEAST ? "least" : "most";
    }

    static const char *verdict(const bl_bench_case &c, double value)
    {
        if (c.goal == BL_GOAL_NONE)
            return "";
        bool least = c.goal == BL_GOAL_AT_LEAST;
        if (least ? value >= c.hope : value <= c.hope)
            return "hope";
        return (least ? value >= c.must : value <= c.must) ? "must" : "MISSED";
    }

    static double counter(const Run &run, const char *name)
    {
        auto it = run.counters.find(name);
        return it == run.counters.end() ? 0 : it->second.value;
    }

    void row(const Run &run, const bl_bench_case &c)
    {
        double median = counter(run, "measured");
        std::printf("%-73s %8s %8s  %9.4g %-5s (%.4g .. %.4g) %s%s%s\n", c.measure, goal(c, c.must).c_str(),
                    goal(c, c.hope).c_str(), median, unit(c), counter(run, "p10"), counter(run, "p90"),
                    verdict(c, median), run.report_label.empty() ? "" : "; ", run.report_label.c_str());
        csv_ << c.name << ',' << goal_name(c) << ',' << c.must << ',' << c.hope << ',' << median << ','
             << counter(run, "p10") << ',' << counter(run, "p90") << ',' << unit(c) << ','
             << verdict(c, median) << ",\"" << c.measure << "\",\"";
        const char *between = "";
        for (const auto &it : run.counters) {
            csv_ << between << it.first << '=' << it.second.value;
            between = " ";
        }
        csv_ << "\",\"" << run.report_label << "\"\n" << std::flush;
    }

  public:
    bool open_csv(const char *file)
    {
        csv_.open(file);
        csv_ << "name,goal,must,hope,measured,p10,p90,unit,verdict,measure,counters,remark\n";
        return csv_.good();
    }

    bool ReportContext(const Context &) override
    {
        for (const bl_bench_case *c : cases)
            by_name_[c->name] = c;
        std::printf("%-73s %8s %8s  %s\n", "measure", "must", "hope", "measured, median (p10 .. p90)");
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        for (const Run &run : runs) {
            const bl_bench_case &c = *by_name_.at(run.run_name.function_name);
            if (!run.error_occurred) {
                row(run, c);
            } else {
                std::printf("%-73s %8s %8s  %s\n", c.measure, goal(c, c.must).c_str(),
                            goal(c, c.hope).c_str(), run.error_message.c_str());
                any_failed |= run.error_message.compare(0, std::strlen(skipped), skipped) != 0;
            }
        }
        std::fflush(stdout);
    }
};

void run_case(benchmark::State &state, const bl_bench_case *c)
{
    bl_bench_state ours = {&state, &plan, false, false};
    for (auto _ : state) {
        c->run(&ours, c->arg);
        // Required of a manual timer; nothing reads it.
        state.SetIterationTime(1e-9);
    }
    if (!ours.done && !ours.failed)
        bl_bench_fail(&ours, "reported no result");
}

// Takes our own options out of argv; false: one is wrong.
bool take_options(int *argc, char **argv, table *out, bool *list)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (std::strcmp(argv[i], "--quick") == 0) {
            plan.quick = true;
            plan.phase_ns = 50000000;
        } else if (std::strcmp(argv[i], "--smoke") == 0) {
            plan = {2, 1000000, 1000, false};
        } else if (std::strcmp(argv[i], "--list") == 0) {
            *list = true;
        } else if (std::strncmp(argv[i], "--csv=", 6) == 0) {
            if (!out->open_csv(argv[i] + 6)) {
                std::fprintf(stderr, "%s: cannot write there\n", argv[i]);
                return false;
            }
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return true;
}

} // namespace

extern "C" {

void bl_bench_register(const bl_bench_case *c)
{
    cases.push_back(c);
}

int bl_bench_main(int argc, char **argv)
{
    table out;
    bool list = false;
    if (!take_options(&argc, argv, &out, &list))
        return 2;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    for (const bl_bench_case *c : cases) {
        if (list)
            std::printf("%-40s %s\n", c->name, c->measure);
        else if (!c->slow || !plan.quick)
            benchmark::RegisterBenchmark(c->name, run_case, c)->Iterations(1)->UseManualTime();
    }
    if (!list)
        benchmark::RunSpecifiedBenchmarks(&out);
    return any_failed ? 1 : 0;
}

const bl_bench_plan *bl_bench_plan_of(const bl_bench_state *s)
{
    return s->plan;
}

void bl_bench_result(bl_bench_state *s, const bl_spread *measured)
{
    bl_bench_counter(s, "measured", measured->median);
    bl_bench_counter(s, "p10", measured->p10);
    bl_bench_counter(s, "p90", measured->p90);
    s->done = true;
}

void bl_bench_counter(bl_bench_state *s, const char *name, double value)
{
    s->state->counters[name] = value;
}

void bl_bench_remark(bl_bench_state *s, const char *words)
{
    s->state->SetLabel(words);
}

void bl_bench_skip(bl_bench_state *s, const char *why)
{
    s->failed = true;
    s->state->SkipWithError((std::string(skipped) + why).c_str());
}

void bl_bench_fail(bl_bench_state *s, const char *why)
{
    s->failed = true;
    s->state->SkipWithError((std::string("FAILED: ") + why).c_str());
}
}
