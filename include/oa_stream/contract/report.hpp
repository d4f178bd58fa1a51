// Output of judgements and rules: the JSON document of `check --json`, its text form, and the rule
// table as lines, JSON and the page docs/contract.md.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/contract/judge.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::contract {

/// {"verdict":"pass|fail","violations":[{"rule","level","frame","offset","message"}],"warnings":[…],
/// "not_judged":[…],"profile","answer":"stream|whole|error","frames","bytes","unlisted"}. `frame`
/// is null at the end and in the head, `offset` is null in the head.
[[nodiscard]] Json to_json(const Judgement& judgement, Profile profile);

/// Several lines, each with a line end: the verdict, a table of findings, the rules that were not
/// judged with the reason, and after a FAIL the next command to type. `name` is the judged file.
[[nodiscard]] std::string
to_text(const Judgement& judgement, Profile profile, std::string_view name);

/// {"id","level","statement","needs","profiles":[…],"why","source"}.
[[nodiscard]] Json to_json(const Rule& rule);
/// Several lines: the rule, its required input, its reason and its source.
[[nodiscard]] std::string explain(const Rule& rule);
/// One line per rule; all profiles when none is given.
[[nodiscard]] std::string rules_text(std::optional<Profile> profile = {});
/// The whole text of docs/contract.md.
[[nodiscard]] std::string rules_page();

} // namespace oa_stream::contract
