#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream::contract;

TEST_CASE("rules: the kit's are all there, with its levels, statements and order") {
    const auto kit = kit_rules();
    CHECK(kit.size() == 54);
    const Rule* before = nullptr;
    for (const auto& [id, row] : kit) {
        CAPTURE(id);
        const Rule* rule = find_rule(id);
        REQUIRE(rule != nullptr);
        CHECK((before == nullptr || before < rule));
        before = rule;
        CHECK(
            row == "| " + id + " | " + std::string(to_string(rule->level)) + " | " +
                       std::string(rule->statement) + " |"
        );
    }
}

TEST_CASE("rules: every row is complete, and no id stands twice") {
    std::set<std::string_view> seen;
    for (const Rule& rule : all_rules()) {
        CAPTURE(rule.id);
        CHECK(seen.insert(rule.id).second);
        CHECK(find_rule(rule.id) == &rule);
        CHECK_FALSE(rule.statement.empty());
        CHECK_FALSE(rule.statement.contains('\n'));
        CHECK_FALSE(rule.source.empty());
        CHECK(rule.why.ends_with('.'));
        CHECK_FALSE(to_string(rule.input).empty());
    }
    CHECK(find_rule("X1") == nullptr);
    CHECK(find_rule("") == nullptr);
}

TEST_CASE("rules: a profile has the shared rules and its own") {
    CHECK(applies(*find_rule("S1"), Profile::ai_sdk));
    CHECK(applies(*find_rule("S1"), Profile::openagents_v1));
    CHECK(applies(*find_rule("O5"), Profile::ai_sdk));
    CHECK_FALSE(applies(*find_rule("O5"), Profile::openagents_v1));
    CHECK_FALSE(applies(*find_rule("A1"), Profile::ai_sdk));
    CHECK(applies(*find_rule("O7"), Profile::openagents_v1));
    CHECK_FALSE(applies(*find_rule("O7"), Profile::chat_completions));
    CHECK(applies(*find_rule("S1"), Profile::chat_completions));
    CHECK(applies(*find_rule("C4"), Profile::chat_completions, AnswerKind::whole));
    CHECK_FALSE(applies(*find_rule("C4"), Profile::chat_completions, AnswerKind::stream));
    CHECK_FALSE(applies(*find_rule("S5"), Profile::chat_completions, AnswerKind::whole));
    CHECK_FALSE(applies(*find_rule("C1"), Profile::ai_sdk));
    for (const Profile profile : all_profiles()) {
        CHECK(parse_profile(to_string(profile)).value() == profile);
    }
    CHECK(parse_profile("ai-sdk").value() == Profile::ai_sdk);
    CHECK(parse_profile("openagents-v1").value() == Profile::openagents_v1);
    const auto wrong = parse_profile("openagents-v2");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().code == oa_stream::Code::usage);
    CHECK(wrong.error().hint == "did you mean 'openagents-v1'?");
}

TEST_CASE("rules: what must not be sent, also by a rule that the table does not have") {
    CHECK(is_must("O5"));
    CHECK(is_must("C11"));
    CHECK_FALSE(is_must("C18"));
    CHECK(is_must("no such rule"));
}
