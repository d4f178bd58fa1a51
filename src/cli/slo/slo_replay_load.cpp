// Judges the limits of a finished load again.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/probe/load.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "slo_replay_run.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::cli {
namespace {

constexpr std::uint64_t k_largest_load = std::uint64_t{64} << 20U;
constexpr std::string_view k_limit = "load.limit."; ///< prefix of a limit check's id

/// True when the setting applies to this limit and was used.
bool apply_to(
    const ReplaySetting& setting, std::string_view id, probe::LoadLimit& limit, double& confidence
) {
    if (!setting.gate.empty() && setting.gate != id) {
        return false;
    }
    if (setting.key == "confidence") {
        confidence = setting.number;
        return true;
    }
    const auto unit = limit.quantile ? config::LimitUnit::seconds : config::LimitUnit::share;
    if (setting.key != "limit" || setting.unit != static_cast<int>(unit)) {
        return false;
    }
    limit.limit = setting.number;
    return true;
}

JudgedGate as_it_was(const Json& check, Verdict then) {
    JudgedGate out{.now = then, .sentence = text_in(check, "detail")};
    out.gate.stage = "load";
    out.gate.then = then;
    out.gate.spec.id = text_in(check, "id");
    const bool required = bool_member(check, "required").value_or(true);
    out.gate.spec.mode = required && then != Verdict::skipped ? measure::GateMode::decide
                                                              : measure::GateMode::observe;
    return out;
}

/// One check of the load; limits are judged again.
JudgedGate judge_check(
    const Json& check,
    Verdict then,
    const probe::LoadTotals& totals,
    const std::vector<ReplaySetting>& settings,
    std::vector<bool>& used
) {
    JudgedGate out = as_it_was(check, then);
    const Json* data = member(check, "data");
    auto limit = data == nullptr || !out.gate.spec.id.starts_with(k_limit)
                     ? fail(Code::unreadable, "")
                     : probe::parse_load_limit(text_in(*data, "rule"));
    if (!limit) {
        return out;
    }
    out.gate.spec.id.erase(0, k_limit.size());
    double confidence = number_in(*data, "confidence").value_or(0.95);
    for (std::size_t i = 0; i < settings.size(); ++i) {
        if (apply_to(settings[i], out.gate.spec.id, *limit, confidence)) {
            used[i] = true;
        }
    }
    const Check rejudged = probe::judge_limit(*limit, totals, confidence);
    out.now = rejudged.verdict;
    out.sentence = rejudged.detail;
    return out;
}

Result<Json> read_json(const std::filesystem::path& file) {
    OA_TRY(const std::string text, run::read_kept(file, k_largest_load));
    auto json = parse_json(text);
    if (!json || !json->is_object()) {
        return fail(Code::unreadable, "not the JSON of a run", file.string());
    }
    return *std::move(json);
}

} // namespace

Result<std::optional<std::vector<JudgedGate>>> judge_load(
    const std::filesystem::path& folder,
    const std::vector<ReplaySetting>& settings,
    std::vector<bool>& used
) {
    std::error_code ignored;
    const std::filesystem::path file = folder / "measure" / "load.json";
    if (!std::filesystem::exists(file, ignored)) {
        return std::nullopt;
    }
    OA_TRY(const Json kept, read_json(file));
    OA_TRY(const Json run, read_json(folder / "run.json"));
    const auto totals = probe::totals_from_kept(kept);
    const Json* checks = member(run, "checks");
    if (!totals || checks == nullptr || !checks->is_array()) {
        return fail(Code::unreadable, "not the totals of a load", file.string());
    }
    const auto is_limit = [](const Json& check) {
        return text_in(check, "id").starts_with(k_limit);
    };
    if (std::ranges::none_of(*checks, is_limit)) {
        return no_gates(folder); // it ended before the load began
    }
    std::vector<JudgedGate> out;
    for (const Json& check : *checks) {
        if (const auto then = verdict_of(text_in(check, "verdict"))) {
            out.push_back(judge_check(check, *then, *totals, settings, used));
        }
    }
    return out;
}

} // namespace oa_stream::cli
