// Collects the checks of a smoke, by the names of its rules. Private to the room.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/smoke_rule.hpp"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// The wait that the target requests, if that is why it refused: 429 or 503 with Retry-After.
[[nodiscard]] std::optional<Millis> asked_to_wait(int status, const net::Headers& headers);

struct SmokeChecks {
    std::span<const SmokeRule> rules;
    std::string prefix; ///< prefix of ids
    std::function<void(const Check&)> on_check; ///< called after each check
    const Redactor* redactor = nullptr; ///< for details that may contain secrets
    /// Evidence by the check's name, or by "<name>+<more>".
    std::map<std::string, std::vector<std::string>, std::less<>> kept{};
    std::vector<std::string> evidence{}; ///< for the next check
    std::map<std::string, Check, std::less<>> done{};
    /// Requested by the answer to a request of the next check, which therefore proves no fault: its
    /// FAIL becomes ERROR.
    std::optional<Millis> wait{};

    void note_wait(int status, const net::Headers& headers);
    void
    report(std::string_view name, Verdict verdict, std::string detail, Json data = Json::object());
    /// PASS with `good`, or FAIL with `wrong`.
    void judge(
        std::string_view name,
        const std::string& wrong,
        std::string_view good,
        Json data = Json::object()
    );
    /// SKIPPED although it applies: if the check is required the run cannot pass.
    void skip(std::string_view name, std::string reason, Json data = Json::object());
    /// Skips every check that was not made.
    void skip_rest(std::string_view reason);
    /// SKIPPED because it has no meaning for this target.
    void not_applicable(std::string_view name, std::string reason);
    [[nodiscard]] bool has(std::string_view name) const { return done.contains(name); }
    /// The checks that were made, in the order of the rules.
    [[nodiscard]] std::vector<Check> in_order() const;

private:
    void add(std::string_view name, Check check);
};

} // namespace oa_stream::probe
