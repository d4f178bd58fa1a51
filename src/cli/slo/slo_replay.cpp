#include "slo_replay.hpp"

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/run_screen.hpp"
#include "slo_replay_run.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace oa_stream::cli {
namespace {

constexpr std::size_t k_most_runs = 1000;

struct Totals {
    std::uint64_t pass = 0;
    std::uint64_t fail = 0;
    std::uint64_t undecided = 0;
    std::uint64_t newly_failing = 0;
    std::uint64_t newly_passing = 0;
};

Verdict whole(const std::vector<JudgedGate>& gates, bool now) {
    std::vector<Verdict> parts;
    for (const JudgedGate& one : gates) {
        if (one.decides()) {
            parts.push_back(now ? one.now : one.gate.then);
        }
    }
    return worst(parts);
}

JudgedGate judge_gate(
    const RecordedRun& run,
    const RecordedGate& gate,
    const std::vector<ReplaySetting>& settings,
    std::vector<bool>& used
) {
    JudgedGate out{.gate = gate};
    measure::GateSpec spec = gate.spec;
    bool same = true;
    for (std::size_t i = 0; i < settings.size(); ++i) {
        if (apply_setting(settings[i], spec)) {
            used[i] = true;
            same = false;
        }
    }
    const Rejudged rejudged = rejudge(run, gate, spec, same);
    out.now = rejudged.verdict;
    if (rejudged.record) {
        out.sentence = rejudged.record->sentence;
        out.record = measure::to_json(*rejudged.record);
    } else {
        out.sentence = rejudged.why;
    }
    return out;
}

Result<JudgedRun> judge_run(
    const std::filesystem::path& folder,
    const std::vector<ReplaySetting>& settings,
    std::vector<bool>& used
) {
    JudgedRun out{.name = folder.filename().string()};
    OA_TRY(auto load, judge_load(folder, settings, used));
    if (load) {
        out.gates = *std::move(load);
    } else {
        OA_TRY(const RecordedRun run, read_recorded_run(folder));
        out.unreadable = run.unreadable;
        for (const RecordedGate& gate : run.gates) {
            out.gates.push_back(judge_gate(run, gate, settings, used));
        }
    }
    out.then = whole(out.gates, false);
    out.now = whole(out.gates, true);
    return out;
}

Result<void> check_used(const std::vector<ReplaySetting>& settings, const std::vector<bool>& used) {
    for (std::size_t i = 0; i < settings.size(); ++i) {
        if (!used[i]) {
            return fail(
                Code::usage,
                fmt::format("no gate of these runs has such a {}", settings[i].key),
                std::string(k_replay_set.name),
                "a share 1%, points +1pp, a rise +20%, a time 2.5s; ID.limit=… for one gate"
            );
        }
    }
    return {};
}

Totals totals_of(const std::vector<JudgedRun>& runs) {
    Totals out;
    for (const JudgedRun& run : runs) {
        out.pass += run.now == Verdict::pass ? 1 : 0;
        out.fail += run.now == Verdict::fail ? 1 : 0;
        out.undecided += run.now != Verdict::pass && run.now != Verdict::fail ? 1 : 0;
        out.newly_failing += run.then == Verdict::pass && run.now == Verdict::fail ? 1 : 0;
        out.newly_passing += run.then == Verdict::fail && run.now == Verdict::pass ? 1 : 0;
    }
    return out;
}

Check check_of(const JudgedRun& run) {
    return {
        .id = "replay." + run.name,
        .verdict = run.now,
        .mode = CheckMode::replayed,
        .detail = fmt::format("was {}, would be {}", to_string(run.then), to_string(run.now)),
    };
}

std::string table_of(const std::vector<JudgedRun>& runs) {
    std::string out;
    for (const JudgedRun& run : runs) {
        out += fmt::format("{}  {} -> {}\n", run.name, to_string(run.then), to_string(run.now));
        for (const JudgedGate& one : run.gates) {
            out += fmt::format(
                "  {:<6} {:<24} {:<12} -> {:<12} {}{}\n",
                one.gate.stage,
                one.gate.spec.id,
                to_string(one.gate.then),
                to_string(one.now),
                one.decides() ? "" : "(observed only) ",
                one.sentence
            );
        }
        if (run.unreadable > 0) {
            out += fmt::format("  {} left out: unreadable\n", counted(run.unreadable, "line"));
        }
    }
    return out;
}

std::string closing_of(const std::vector<JudgedRun>& runs, const Totals& totals) {
    return fmt::format(
        "{}: {} would pass, {} would fail, {} undecided; {} that passed would fail, {} that "
        "failed would pass",
        counted(runs.size(), "run"),
        totals.pass,
        totals.fail,
        totals.undecided,
        totals.newly_failing,
        totals.newly_passing
    );
}

Json run_json(const JudgedRun& run) {
    const auto gate_json = [](const JudgedGate& one) -> Json {
        return {
            {"stage", one.gate.stage},
            {"id", one.gate.spec.id},
            {"decides", one.decides()},
            {"then", to_string(one.gate.then)},
            {"now", to_string(one.now)},
            {"sentence", one.sentence},
            {"record", one.record},
        };
    };
    return {
        {"run", run.name},
        {"then", to_string(run.then)},
        {"now", to_string(run.now)},
        {"unreadable_lines", run.unreadable},
        {"gates", json_list(run.gates, gate_json)},
    };
}

void show_result(
    const std::vector<JudgedRun>& runs,
    const std::vector<Check>& checks,
    Verdict verdict,
    Context& context
) {
    const Totals totals = totals_of(runs);
    if (context.json) {
        Json document{
            {"schema", "oa-stream.slo-replay.v1"},
            {"verdict", to_string(verdict)},
            {"exit_code", static_cast<int>(exit_code(verdict))},
            {"run", nullptr},
            {"evidence", nullptr},
            {"would",
             {{"pass", totals.pass},
              {"fail", totals.fail},
              {"undecided", totals.undecided},
              {"newly_failing", totals.newly_failing},
              {"newly_passing", totals.newly_passing}}},
            {"checks", json_list(checks)},
            {"runs", json_list(runs, run_json)},
        };
        context.out(dump_json(document) + "\n");
    } else {
        show_text(table_of(runs) + closing_of(runs, totals) + "\n", context);
    }
    tell_text(
        fmt::format(
            "{} on recorded samples; nothing was asked live, so this is never PASS\n",
            to_string(verdict)
        ),
        context
    );
}

} // namespace

Result<ExitCode> replay_gates(const ReplayOptions& options, Context& context) {
    if (options.runs.size() > k_most_runs) {
        return fail(
            Code::usage,
            fmt::format("at most {} runs", k_most_runs),
            std::string(k_replay_runs.name)
        );
    }
    OA_TRY(const auto settings, parse_replay_settings(options.settings));
    std::vector<bool> used(settings.size());
    std::vector<JudgedRun> runs;
    for (const std::string& name : options.runs) {
        OA_TRY(const auto folder, run::find_run(context.state_dir, name));
        OA_TRY(JudgedRun run, judge_run(folder, settings, used));
        runs.push_back(std::move(run));
    }
    OA_CHECK(check_used(settings, used));
    const auto checks = mapped(runs, check_of);
    // A gate that could not be measured then is undecided: the replay itself was executed.
    const bool breach = contains(runs, Verdict::fail, &JudgedRun::now);
    const Verdict verdict = breach ? Verdict::fail : Verdict::inconclusive;
    show_result(runs, checks, verdict, context);
    return exit_code(verdict);
}

} // namespace oa_stream::cli
