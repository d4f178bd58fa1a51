#include "exits.hpp"

#include "oa_stream/base/lists.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace oa_stream::cli {
namespace {

using enum ExitCode;

/// The codes of another list, and more.
template <std::size_t N, class... More>
constexpr auto with(const std::array<ExitCode, N>& list, More... more) {
    std::array<ExitCode, N + sizeof...(More)> out{};
    std::ranges::copy(std::array{more...}, std::ranges::copy(list, out.begin()).out);
    return out;
}

// Besides these every command can end with ok, usage and not_executed.
constexpr std::array k_reads{credentials};
constexpr std::array k_serves{credentials, refused, interrupted, terminated};
constexpr std::array k_looks{breach, inconclusive, credentials};
constexpr auto k_judges = with(k_looks, interrupted, terminated);
constexpr auto k_loads = with(k_judges, refused);
constexpr auto k_plans = with(k_loads, has_changes);
constexpr auto k_restores = with(k_loads, rollback_unverified);
constexpr auto k_moves = with(k_restores, rolled_back);
constexpr auto k_shows_and_moves = with(k_moves, has_changes);
constexpr std::array k_steers{refused};
constexpr std::array k_approves{refused, interrupted};
constexpr std::array k_abandons{refused, has_changes};
constexpr std::array k_bundles{credentials, refused};
constexpr std::array k_finds{breach};
constexpr std::array k_finds_or_not{breach, inconclusive};
constexpr std::array k_shows_run{breach, rollback_unverified};
constexpr std::array k_shows_runs{breach, inconclusive, rollback_unverified};
constexpr auto k_watches = with(k_looks, terminated);
constexpr std::array k_compares{has_changes};

struct Exits {
    std::string_view command; ///< or a family of them
    std::span<const ExitCode> codes;
};
constexpr std::array k_exits{
    Exits{"serve", k_serves},
    Exits{"front", k_serves},
    Exits{"verify", k_judges},
    Exits{"smoke", k_judges},
    Exits{"check", k_finds},
    Exits{"shadow", k_judges},
    Exits{"load", k_loads},
    Exits{"cutover rehearse", k_moves},
    Exits{"cutover plan", k_plans},
    Exits{"cutover apply", k_moves},
    Exits{"cutover status", k_shows_runs},
    Exits{"cutover pause", k_steers},
    Exits{"cutover continue", k_steers},
    Exits{"cutover promote", k_steers},
    Exits{"cutover abort", k_steers},
    Exits{"cutover abandon", k_abandons},
    Exits{"plan approve", k_approves},
    Exits{"rollback apply", k_restores},
    Exits{"rollback plan", k_plans},
    Exits{"rollback drill", k_shows_and_moves},
    Exits{"route status", k_looks},
    Exits{"route evaluate", k_looks},
    Exits{"route verify", k_judges},
    Exits{"route", k_shows_and_moves},
    Exits{"watch", k_watches},
    Exits{"slo status", k_judges},
    Exits{"slo gate", k_judges},
    Exits{"slo budget", k_judges},
    Exits{"runs show", k_shows_run},
    Exits{"incident body", k_reads},
    Exits{"incident bundle", k_bundles},
    Exits{"incident verify", k_finds},
    Exits{"incident open", k_reads},
    Exits{"doctor", k_finds_or_not},
    Exits{"compat", k_shows_and_moves},
    Exits{"version", k_compares},
};

/// What a code means in one command, where that is less than everywhere.
struct Meaning {
    std::string_view command;
    ExitCodeRow row;
};
constexpr std::array k_meanings{
    Meaning{"serve", {ok, "A signal ended it, and its turns had ended or ran out of time."}},
    Meaning{"serve", {refused, "Something else has the address, or works on Codex's home."}},
    Meaning{"serve", {interrupted, "A second SIGINT ended it at once."}},
    Meaning{"serve", {terminated, "A second SIGTERM ended it at once."}},
    Meaning{"check", {breach, "The stream breaks a rule that is a must."}},
    Meaning{"load", {refused, "The load needs --yes-load."}},
    Meaning{"cutover status", {breach, "The run ended before it reached the state of --wait-for."}},
    Meaning{
        "cutover status",
        {inconclusive, "The time of --timeout was over before --wait-for was reached."}
    },
    Meaning{
        "cutover status",
        {rollback_unverified, "A run is over or died, and traffic may not be where it began."}
    },
    Meaning{"cutover abandon", {has_changes, "Without --apply: this run can be given up."}},
    Meaning{"plan approve", {interrupted, "Nobody agreed on the terminal."}},
    Meaning{"rollback apply", {ok, "What served before serves again, verified."}},
    Meaning{"rollback drill", {has_changes, "Without --apply: the plan was shown."}},
    Meaning{"route", {has_changes, "Without --apply: there is something to write."}},
    Meaning{"watch", {ok, "OK, or a user ended it."}},
    Meaning{"watch", {breach, "BAD, with --once or --until."}},
    Meaning{"watch", {inconclusive, "Neither OK nor BAD is proven, with --once or --until."}},
    Meaning{"watch", {not_executed, "Nobody answered with a lane's numbers."}},
    Meaning{"runs show", {breach, "Files of the run are not as they were sealed."}},
    Meaning{"runs show", {rollback_unverified, "The run died, and traffic may be elsewhere."}},
    Meaning{"incident bundle", {refused, "A secret was found, or a run is not as it was sealed."}},
    Meaning{"incident verify", {breach, "The bundle is not complete or not unchanged."}},
    Meaning{"doctor", {breach, "Something has to be fixed."}},
    Meaning{"doctor", {inconclusive, "Something could not be found out."}},
    Meaning{"version", {has_changes, "A newer release is out (--check)."}},
};

/// The command itself, or its family.
bool is_about(std::string_view row, std::string_view command) {
    return row == command || (command.starts_with(row) && command[row.size()] == ' ');
}

std::span<const ExitCode> codes_of(std::string_view command) {
    const auto found = std::ranges::find_if(k_exits, [&](const Exits& row) {
        return is_about(row.command, command);
    });
    return found == k_exits.end() ? std::span<const ExitCode>{} : found->codes;
}

std::string_view meaning_of(std::string_view command, const ExitCodeRow& usual) {
    const auto found = std::ranges::find_if(k_meanings, [&](const Meaning& meaning) {
        return is_about(meaning.command, command) && meaning.row.code == usual.code;
    });
    return found == k_meanings.end() ? usual.meaning : found->row.meaning;
}

} // namespace

std::vector<ExitCodeRow> exits_of(const CommandSpec& command) {
    const auto own = codes_of(command.path);
    std::vector<ExitCodeRow> out;
    for (const ExitCodeRow& row : k_exit_codes) {
        const bool always = row.code == ok || row.code == usage || row.code == not_executed;
        if (always || contains(own, row.code)) {
            out.push_back({row.code, meaning_of(command.path, row)});
        }
    }
    return out;
}

} // namespace oa_stream::cli
