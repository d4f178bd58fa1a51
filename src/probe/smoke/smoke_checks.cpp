#include "smoke_checks.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/net/retry_after.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::probe {

std::optional<Millis> asked_to_wait(int status, const net::Headers& headers) {
    return status == 429 || status == 503
               ? net::retry_after(headers, std::chrono::system_clock::now())
               : std::nullopt;
}

void SmokeChecks::note_wait(int status, const net::Headers& headers) {
    if (const auto asked = asked_to_wait(status, headers)) {
        wait = asked;
    }
}

void SmokeChecks::add(std::string_view name, Check check) {
    check.id = prefix + "." + std::string(name);
    if (redactor != nullptr) {
        check.detail = redactor->apply(check.detail);
    }
    check.evidence = std::exchange(evidence, {});
    wait.reset();
    for (const auto& [key, paths] : kept) {
        if (std::string_view(key).substr(0, key.find('+')) == name) {
            check.evidence.insert(check.evidence.end(), paths.begin(), paths.end());
        }
    }
    if (on_check) {
        on_check(check);
    }
    done.insert_or_assign(std::string(name), std::move(check));
}

void SmokeChecks::report(std::string_view name, Verdict verdict, std::string detail, Json data) {
    if (verdict == Verdict::fail && wait) {
        verdict = Verdict::error;
        detail =
            fmt::format("the target asks to wait {}: {}", seconds_text(seconds(*wait)), detail);
    }
    Check check = make_check({}, verdict, std::move(detail), std::move(data));
    check.required = std::ranges::find(rules, name, &SmokeRule::name)->required;
    add(name, std::move(check));
}

void SmokeChecks::judge(
    std::string_view name, const std::string& wrong, std::string_view good, Json data
) {
    const bool pass = wrong.empty();
    report(
        name,
        pass ? Verdict::pass : Verdict::fail,
        pass ? std::string(good) : wrong,
        std::move(data)
    );
}

void SmokeChecks::skip(std::string_view name, std::string reason, Json data) {
    report(name, Verdict::skipped, std::move(reason), std::move(data));
}

void SmokeChecks::skip_rest(std::string_view reason) {
    for (const SmokeRule& rule : rules) {
        if (!has(rule.name)) {
            skip(rule.name, std::string(reason));
        }
    }
}

void SmokeChecks::not_applicable(std::string_view name, std::string reason) {
    Check check = make_check({}, Verdict::skipped, std::move(reason));
    check.required = false;
    add(name, std::move(check));
}

std::vector<Check> SmokeChecks::in_order() const {
    std::vector<Check> checks;
    for (const SmokeRule& rule : rules) {
        if (const auto it = done.find(rule.name); it != done.end()) {
            checks.push_back(it->second);
        }
    }
    return checks;
}

} // namespace oa_stream::probe
