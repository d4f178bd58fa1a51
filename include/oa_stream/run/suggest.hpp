// The commands about one run that somebody should type next.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::run {

/// How a command begins that a person types without oa-stream. It may be a whole next step or the
/// last part of one.
inline constexpr std::string_view k_by_hand = "by hand: ";

/// `run`: its id, or its folder.
[[nodiscard]] inline Suggestion suggest_rollback(std::string run) {
    return {"rollback apply", {names::run, std::move(run)}};
}
/// Although another process works on the run and does not end.
[[nodiscard]] inline Suggestion suggest_take_over(std::string run) {
    return {"rollback apply", {names::run, std::move(run), names::take_over}};
}
[[nodiscard]] inline Suggestion suggest_abandon(std::string run) {
    return {"cutover abandon", {names::run, std::move(run)}};
}
/// Until it ends.
[[nodiscard]] inline Suggestion suggest_wait(std::string run) {
    return {"cutover status", {names::run, std::move(run), names::wait_for, "done"}};
}
[[nodiscard]] inline Suggestion suggest_show(std::string run) {
    return {"runs show", {std::move(run)}};
}
[[nodiscard]] inline Suggestion suggest_incident(std::string run) {
    return {"incident body", {std::move(run)}};
}

} // namespace oa_stream::run
