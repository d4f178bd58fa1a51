// A plan on one screen: what an operator must know before confirming.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/decision_time.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "engine/route_step.hpp"
#include "plan_conversations.hpp"
#include "plan_file.hpp"
#include "plan_times.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace oa_stream::playbook {
namespace {

/// In whole seconds, from ten minutes on in whole minutes: finer values do not affect a decision.
std::string rounded(Millis time) {
    constexpr Millis k_long{600000};
    const std::int64_t unit = time >= k_long ? 60000 : time >= Millis(1000) ? 1000 : 1;
    return format_duration(Millis((time.count() + unit / 2) / unit * unit));
}

std::string stages_text(const Plan& plan) {
    const auto shares =
        mapped(plan.playbook.stages, [](int percent) { return fmt::format("{}%", percent); });
    const bool stays = plan.playbook.afterwards == Afterwards::stay;
    return fmt::format(
        "{}; then {} gets {}{}",
        plan.baseline.text(),
        plan.playbook.traffic.canary,
        fmt::join(shares, ", "),
        stays ? " and keeps it" : ", and everything goes back"
    );
}

std::string traffic_text(const Plan& plan) {
    if (plan.playbook.kind == Kind::rollback) {
        return fmt::format("{} → {}", plan.baseline.text(), plan.home().text());
    }
    return stages_text(plan);
}

std::string checks_text(const Playbook& playbook) {
    std::vector<std::string> out;
    if (!playbook.preflight.empty()) {
        out.push_back(fmt::format("{} before", playbook.preflight.size()));
    }
    if (playbook.budget) {
        out.push_back(
            fmt::format("budget at most {:g}% used", playbook.budget->consumed_at_most * 100)
        );
    }
    if (playbook.continuity == Continuity::required) {
        out.emplace_back("conversations continue");
    }
    const std::size_t after = playbook.postflight.size() + (playbook.shadow ? 1 : 0);
    if (after > 0) {
        out.push_back(fmt::format("{} after", after));
    }
    return fmt::format("{}", fmt::join(out, ", "));
}

/// From the gate's trial: the time it needs at today's traffic.
std::string decides_in(const Plan& plan, const measure::GateSpec& gate) {
    const auto found = std::ranges::find_if(plan.facts.trials, [&](const Json& trial) {
        return string_member(trial, "id") == gate.id;
    });
    if (found == plan.facts.trials.end()) {
        return "not tried";
    }
    const auto needs_s = number_in(*found, "decides_in_s");
    if (!needs_s) {
        return "cannot decide";
    }
    const Millis bake = plan.playbook.stage.bake;
    const Millis most = bake + plan.playbook.stage.extend_at_most;
    return fmt::format(
        "decides after {}{}",
        measure::decision_time_text(*needs_s),
        *needs_s > seconds(most)   ? ", which is longer than the stage lasts"
        : *needs_s > seconds(bake) ? ", in the extension"
                                   : ""
    );
}

void add_gates(const Plan& plan, const std::function<void(std::string_view, std::string)>& line) {
    constexpr std::size_t k_shown = 8; // it must fit on one screen
    const auto& gates = plan.playbook.stage.gates;
    for (std::size_t i = 0; i < std::min(gates.size(), k_shown); ++i) {
        const bool observes = gates[i].mode == measure::GateMode::observe;
        line(
            i == 0 ? "gates" : "",
            fmt::format(
                "{}{}: {}",
                gates[i].id,
                observes ? " (only reported)" : "",
                decides_in(plan, gates[i])
            )
        );
    }
    if (gates.size() > k_shown) {
        line("", fmt::format("and {} more", gates.size() - k_shown));
    }
}

std::string time_text(const PlanTimes& times) {
    std::string out = "stages take " + rounded(times.usual);
    if (times.extended > times.usual) {
        out += fmt::format(", {} with every extension", rounded(times.extended));
    }
    if (times.pauses > Millis(0)) {
        out += fmt::format(", and pauses of at most {}", rounded(times.pauses));
    }
    return out + fmt::format("; at worst {}, rollback included", rounded(times.worst));
}

std::string hooks_text(const std::vector<HookSpec>& hooks) {
    const auto texts = mapped(hooks, [](const HookSpec& hook) {
        return hook.id + (hook.required ? " (required before each stage)" : "");
    });
    return fmt::format("{}", fmt::join(texts, ", "));
}

std::string failure_text(const Playbook& playbook) {
    if (playbook.kind == Kind::rollback) {
        return "";
    }
    if (playbook.on_failure == Then::rollback && playbook.rollback_ramp > Millis(0)) {
        return fmt::format(
            "everything goes back in steps over {}, and the last is verified within {}",
            rounded(playbook.rollback_ramp),
            rounded(2 * playbook.restore_limit)
        );
    }
    return playbook.on_failure == Then::rollback
               ? fmt::format(
                     "everything goes back within {}, verified within {}",
                     rounded(playbook.restore_limit),
                     rounded(2 * playbook.restore_limit)
                 )
               : fmt::format(
                     "the run waits at most {} for a person, and the split stays",
                     rounded(playbook.stage.pause_at_most)
                 );
}

std::string age_text(const Plan& plan, WallTime now) {
    const auto made = parse_rfc3339(plan.facts.created_at);
    if (!made) {
        return "at an unknown time";
    }
    const auto age = std::chrono::duration_cast<Millis>(now - *made);
    return fmt::format(
        "{}, {}, from {}",
        plan.facts.created_at,
        age < Millis(60000) ? "just now" : rounded(age) + " ago",
        plan.source ? printable(plan.source->file) : "a playbook"
    );
}

} // namespace

std::string plan_summary(const ShownPlan& shown, WallTime now) {
    constexpr std::size_t k_longest_loss = 240;
    const Plan& plan = shown.plan;
    std::string out = fmt::format(
        "plan {} of {} ({}) on {}\n",
        plan.short_id(),
        printable(plan.playbook.name),
        to_string(plan.playbook.kind),
        show_controls(trim(plan.target))
    );
    const auto line = [&out](std::string_view name, const std::string& value) {
        if (!value.empty()) {
            out += fmt::format("  {:<10} {}\n", name, value);
        }
    };
    if (plan.playbook.continuity == Continuity::new_threads_only) {
        out += fmt::format("  {}\n", printable(conversations_text(plan), k_longest_loss));
    }
    line("made", age_text(plan, now));
    line("traffic", traffic_text(plan));
    line("checks", checks_text(plan.playbook));
    add_gates(plan, line);
    line("drilled", text_in(plan.facts.drilled, "text"));
    line("time", time_text(times_of(plan.playbook)));
    line("on failure", failure_text(plan.playbook));
    if (plan.playbook.routes) {
        line("routes", fmt::format("{} to write", route_step_writes(plan)));
    }
    for (const std::string& warning : plan.warnings) {
        line("warning", warning);
    }
    line("hooks", hooks_text(plan.playbook.hooks));
    line("approval", shown.approval);
    line("REFUSED", shown.refused);
    return out;
}

Result<ShownPlan> read_shown_plan(const std::filesystem::path& path, WallTime now) {
    auto plan = load_plan(path);
    if (plan) {
        const auto young = check_age(*plan, now);
        const auto approved = check_approval(path, *plan, now);
        const auto given = approved ? *approved : std::nullopt;
        return ShownPlan{
            *std::move(plan),
            young ? "" : young.error().message,
            !approved ? approved.error().message
            : given   ? "by " + given->text()
                      : ""
        };
    }
    if (plan.error().code != Code::precondition) {
        return std::unexpected(std::move(plan).error());
    }
    // A refused plan can still be shown.
    OA_TRY(const std::string text, read_file(path));
    OA_TRY(Plan stale, read_plan(text, path.string(), Trust::rescue));
    return ShownPlan{std::move(stale), plan.error().message};
}

Json summary_json(const Plan& plan) {
    const PlanTimes times = times_of(plan.playbook);
    const auto gate_json = [](const Json& trial) -> Json {
        return {
            {"id", text_in(trial, "id")},
            {"decides_in_s", or_null(number_in(trial, "decides_in_s"))},
        };
    };
    return {
        {"usual_s", seconds(times.usual)},
        {"extended_s", seconds(times.extended)},
        {"pauses_s", seconds(times.pauses)},
        {"worst_s", seconds(times.worst)},
        {"gates", json_list(plan.facts.trials, gate_json)},
    };
}

} // namespace oa_stream::playbook
