// When a playbook's gates were last tried on planted faults.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/playbook/each_gate.hpp"
#include "oa_stream/run/kept_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_file = "gates.json";

std::optional<GatesDrilled>
read_drilled(const fs::path& folder, std::string_view name, const std::string& digest) {
    const auto json = run::kept_json(folder / k_file);
    if (!json || text_in(*json, "playbook") != name || text_in(*json, "at").empty()) {
        return std::nullopt;
    }
    GatesDrilled out{.at = text_in(*json, "at"), .run = folder.filename().string()};
    out.same_gates = digest.empty() || text_in(*json, "digest") == digest;
    out.open = open_gates(list_in(*json, "gates"));
    return out;
}

} // namespace

std::string open_gates(const Json& trials) {
    std::vector<std::string> blind;
    std::vector<std::string> unknown;
    std::vector<std::string> unjudged;
    for (const Json& trial : trials) {
        const std::string verdict = text_in(trial, "verdict");
        if (verdict != to_string(Verdict::pass)) {
            auto& to = verdict == to_string(Verdict::fail)           ? blind
                       : verdict == to_string(Verdict::inconclusive) ? unknown
                                                                     : unjudged;
            to.push_back(text_in(trial, "gate"));
        }
    }
    std::vector<std::string> parts;
    const auto add = [&](fmt::format_string<std::string> words, const auto& gates) {
        if (!gates.empty()) {
            parts.push_back(fmt::format(words, fmt::format("{}", fmt::join(gates, ", "))));
        }
    };
    add("{} did not notice", blind);
    add("no fault is known for {}", unknown);
    add("not judged: {}", unjudged);
    return fmt::format("{}", fmt::join(parts, "; "));
}

std::string gates_digest(const Playbook& playbook) {
    return sha256_hex(dump_json(json_list(playbook.stage.gates)));
}

std::optional<GatesDrilled>
last_gates_drilled(const fs::path& state_dir, std::string_view name, const Playbook* gates) {
    const std::string digest = gates == nullptr ? "" : gates_digest(*gates);
    std::optional<GatesDrilled> out;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(state_dir / "runs", error)) {
        auto one = is_there(entry.path() / k_file) ? read_drilled(entry.path(), name, digest)
                                                   : std::nullopt;
        if (one && (!out || one->at > out->at)) {
            out = std::move(one);
        }
    }
    return out;
}

std::string drilled_text(const std::optional<GatesDrilled>& drilled) {
    if (!drilled) {
        return "never tried on planted faults";
    }
    return fmt::format(
        "last tried on planted faults at {} ({}): {}{}",
        drilled->at,
        drilled->run,
        drilled->open.empty() ? "each noticed its own" : drilled->open,
        drilled->same_gates ? "" : "; they were changed since"
    );
}

Check judge_drilled(const fs::path& state_dir, const Playbook& playbook) {
    const DrilledSpec spec = playbook.drilled.value_or(DrilledSpec{});
    const bool own = spec.playbook.empty() || spec.playbook == playbook.name;
    const auto drilled = last_gates_drilled(
        state_dir, own ? playbook.name : spec.playbook, own ? &playbook : nullptr
    );
    const auto at = drilled ? parse_rfc3339(drilled->at) : std::nullopt;
    const bool lately = at && std::chrono::system_clock::now() - *at <= spec.within;
    return make_check(
        "gates.drilled",
        lately && drilled->open.empty() && drilled->same_gates ? Verdict::pass : Verdict::fail,
        fmt::format(
            "gates of {} {}; asked for: each noticed its own within {}",
            own ? playbook.name : spec.playbook,
            drilled_text(drilled),
            format_duration(spec.within)
        )
    );
}

} // namespace oa_stream::playbook
