#include "oa_stream/contract/rules.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"

#include "rule_table_approvals.hpp"
#include "rule_table_completions.hpp"
#include "rule_table_openagents.hpp"
#include "rule_table_order.hpp"
#include "rule_table_responses.hpp"
#include "rule_table_wire.hpp"

#include <algorithm>
#include <array>

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
    return find_or_null(k_rules, id, &Rule::id);
}

bool is_must(std::string_view id) noexcept {
    const Rule* rule = find_rule(id);
    return rule == nullptr || rule->level == Level::must;
}

std::string_view to_string(Level level) noexcept {
    return level == Level::must ? "must" : "should";
}

std::string_view to_string(Input input) noexcept {
    static constexpr std::array<std::string_view, 5> k_words{
        "the stream's bytes",
        "the response head",
        "the request's messages",
        "a resume answer and the recording it replays",
        "how the connection ended"
    };
    return enum_word<Input::transport>(k_words, input);
}

} // namespace oa_stream::contract
