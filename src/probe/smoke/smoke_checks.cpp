#include "smoke_checks.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::probe {

void SmokeChecks::add(std::string_view name, Check check) {
    check.id = prefix + "." + std::string(name);
    if (redactor != nullptr) {
        check.detail = redactor->apply(check.detail);
    }
    check.evidence = std::exchange(evidence, {});
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
