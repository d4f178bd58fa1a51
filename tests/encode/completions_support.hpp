// What the tests of chat completions share: a turn through both encoders, and the judge on both.
#pragma once

#include "oa_stream/encode/completions.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode::test {

[[nodiscard]] CompletionIdentity identity();

inline const turn::TurnStarted k_start{"h", "u", "m"};
/// A turn of one message in these deltas, and what comes behind it.
[[nodiscard]] std::vector<turn::Event>
words(std::vector<std::string> texts, std::vector<turn::Event> rest);

/// The bytes of already normalised events. Throws std::runtime_error when one is refused.
[[nodiscard]] std::string
completion_stream(const std::vector<turn::Event>& events, bool include_usage = true);
/// The same turn as a whole answer.
[[nodiscard]] std::expected<Json, turn::Failure>
completion_whole(const std::vector<turn::Event>& events);

/// A stream read back: what its client has at the end.
struct ReadCompletion {
    std::string order; ///< R role, C content, T tool call, F finish, U usage, E error, D [DONE]
    std::string reasoning{};
    std::string text;
    std::string finish;
    std::optional<Json> usage{};
    std::string error; ///< its code
    Json calls = Json::array(); ///< as a whole answer has them
};
[[nodiscard]] ReadCompletion read_completion(std::string_view stream);

/// Every violation and warning of a stream or a whole body, one a line.
[[nodiscard]] std::string completion_faults(std::string_view bytes);

} // namespace oa_stream::encode::test
