#include "oa_stream/playbook/status.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"

#include "drill/planted_fault.hpp"
#include "plan/plan_back.hpp"
#include "verified_rollbacks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

std::string_view to_string(RunState state) noexcept {
    constexpr std::array<std::string_view, 3> k_words{"running", "ended", "died"};
    return enum_word<RunState::died>(k_words, state);
}

Json to_json(const RunStatus& status) {
    Json out = {
        {"run", status.run},
        {"evidence", status.folder.string()},
        {"state", to_string(status.state)},
        {"target", status.target},
        {"baseline", status.baseline},
        {"serving", status.serving},
        {"pending", or_null(status.pending)},
        {"moved", status.moved},
        {"step", status.step},
        {"last_at", status.last_at},
        {"ending", status.ending},
        {"stage", or_null(status.stage)},
        {"paused", or_null(status.paused)},
        {"holder", or_null(status.holder)},
        {"done", status.done},
        {"routes", or_null(status.routes)},
        {"routes_loose", status.routes_unverified},
        {"fault", or_null(status.fault)},
        {"unread", or_null(status.unread)},
        {"open", or_null(status.open)},
        {"left", status.left_nothing() ? Json("nothing") : Json(nullptr)},
    };
    put_advice(out, "next", status.next);
    return out;
}

std::vector<std::pair<std::string_view, std::string_view>> status_lines(const RunStatus& status) {
    return {
        {"target", trim(status.target)},
        {"stage", status.stage},
        {"paused", status.paused},
        {"began with", status.baseline},
        {"last seen", status.serving},
        {"may serve", status.pending},
        {"last step", status.step},
        {"last line", status.last_at},
        {"routes", status.routes},
        {"fault", status.fault},
        {"unread", status.unread},
    };
}

std::string status_text(const RunStatus& status) {
    std::string out = fmt::format(
        "{} {}{}\n",
        status.run,
        status.paused.empty() ? to_string(status.state) : "paused",
        status.ending.empty() ? "" : ": " + status.ending
    );
    const auto line = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) {
            out += fmt::format("  {:<10} {}\n", name, value);
        }
    };
    line("by", status.holder);
    for (const auto& [name, value] : status_lines(status)) {
        line(name, value);
    }
    line("open", status.open);
    if (status.left_nothing()) {
        line(
            "left",
            status.own_lanes ? "nothing: its lanes ended with it" : "nothing: it moved no traffic"
        );
    }
    line("next", status.next.text());
    return out;
}

bool holds_traffic(const fs::path& folder) {
    if (!planted_fault(folder).empty()) {
        return true;
    }
    for (const std::string_view name :
         {run::k_plan_file, run::k_journal_file, run::k_routes_journal}) {
        const fs::path file = folder / name;
        std::error_code error;
        if (fs::exists(file, error) && fs::file_size(file, error) > 0 && !error) {
            return true;
        }
        if (error && error != std::errc::no_such_file_or_directory) {
            return run::facts_of(folder).mutates; // the folder cannot be inspected
        }
    }
    return false;
}

Result<RunStatus> status_of(const fs::path& state_dir, std::string_view run) {
    OA_TRY(const fs::path folder, run::find_run(state_dir, run));
    return status_in(state_dir, folder);
}

Result<std::vector<RunStatus>> all_statuses(const fs::path& state_dir) {
    OA_TRY(const auto folders, run::run_folders(state_dir));
    VerifiedRollbacks rollbacks(folders);
    std::vector<RunStatus> out;
    for (const fs::path& folder : folders) {
        if (!holds_traffic(folder)) {
            continue;
        }
        RunStatus one = status_in(state_dir, folder, rollbacks);
        if (one.unread.empty() || is_there(folder)) { // otherwise it was removed meanwhile
            out.push_back(std::move(one));
        }
    }
    return out;
}

Result<std::vector<RunStatus>> unfinished_statuses(const fs::path& state_dir) {
    OA_TRY(auto all, all_statuses(state_dir));
    std::erase_if(all, [](const RunStatus& one) {
        return !one.is_moving() && !one.needs_somebody();
    });
    return all;
}

Result<std::optional<RunStatus>> run_under_way(const fs::path& state_dir, bool takes_orders) {
    OA_TRY(auto all, all_statuses(state_dir));
    const auto moves = [](const RunStatus& one) {
        return one.is_moving() && one.facts.kind != run::RunKind::route_split;
    };
    const bool any = std::ranges::any_of(all, moves);
    std::erase_if(all, [&](const RunStatus& one) {
        const bool deaf = takes_orders && !is_there(one.folder / run::k_control_file);
        return one.state != RunState::running || (any ? !moves(one) : deaf);
    });
    if (all.size() > 1) {
        const auto names = mapped(all, &RunStatus::run);
        return fail(
            Code::usage,
            fmt::format("{} runs are under way: {}", names.size(), fmt::join(names, ", ")),
            std::string(names::run),
            "name one"
        );
    }
    return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
}

Advice run_to_roll_back(const fs::path& state_dir) {
    auto all = all_statuses(state_dir).value_or(std::vector<RunStatus>{});
    const auto last = std::ranges::max_element(all, {}, &RunStatus::last_at);
    const std::string target = last == all.end() ? std::string() : last->target;
    std::erase_if(all, [](const RunStatus& one) { return !one.moved || !one.facts.mutates; });
    const auto newest = std::ranges::max_element(all, {}, &RunStatus::last_at);
    // What a rollback moved is where it belongs.
    const bool back = newest != all.end() && newest->facts.kind == run::RunKind::rollback;
    if (newest == all.end() || back) {
        return "no run here has traffic to roll back; " + Advice(plan_back_of(target)) +
               " shows how to restore everything, whatever moved it";
    }
    const bool known = !newest->serving.empty() && !newest->baseline.empty() &&
                       newest->serving != newest->baseline;
    return run::suggest_rollback(newest->run) +
           fmt::format(
               " rolls back the newest run that moved traffic on {}{}",
               newest->target,
               known ? fmt::format(", from {} to {}", newest->serving, newest->baseline) : ""
           );
}

} // namespace oa_stream::playbook
