#include "oa_stream/contract/rules.hpp"

#include "rule_table_approvals.hpp"
#include "rule_table_completions.hpp"
#include "rule_table_openagents.hpp"
#include "rule_table_order.hpp"
#include "rule_table_responses.hpp"
#include "rule_table_wire.hpp"

#include <algorithm>

namespace oa_stream::contract {

namespace {

constexpr auto k_rules = [] {
    std::array<
        Rule,
        k_wire_rules.size() + k_order_rules.size() + k_limit_rules.size() +
            k_openagents_rules.size() + k_approval_rules.size() + k_completions_rules.size() +
            k_responses_rules.size()>
        all{};
    auto next = std::ranges::copy(k_wire_rules, all.begin()).out;
    next = std::ranges::copy(k_order_rules, next).out;
    next = std::ranges::copy(k_limit_rules, next).out;
    next = std::ranges::copy(k_openagents_rules, next).out;
    next = std::ranges::copy(k_approval_rules, next).out;
    next = std::ranges::copy(k_completions_rules, next).out;
    std::ranges::copy(k_responses_rules, next);
    return all;
}();

} // namespace

std::span<const Rule> all_rules() noexcept {
    return k_rules;
}

const Rule* find_rule(std::string_view id) noexcept {
    const auto* const found = std::ranges::find(k_rules, id, &Rule::id);
    return found == k_rules.end() ? nullptr : found;
}

bool is_must(std::string_view id) noexcept {
    const Rule* rule = find_rule(id);
    return rule == nullptr || rule->level == Level::must;
}

std::string_view to_string(Level level) noexcept {
    return level == Level::must ? "must" : "should";
}

std::string_view to_string(Input input) noexcept {
    switch (input) {
    case Input::bytes:
        return "the stream's bytes";
    case Input::headers:
        return "the response head";
    case Input::messages:
        return "the request's messages";
    case Input::resume:
        return "a resume answer and the recording it replays";
    case Input::transport:
        return "how the connection ended";
    }
    return "";
}

} // namespace oa_stream::contract
