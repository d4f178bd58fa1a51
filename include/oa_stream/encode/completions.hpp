// Turn events → OpenAI chat completions: the SSE chunks of a stream, or one whole answer. Both use
// the same state, so they cannot disagree; chunks are checked by the contract's machine.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/encode/turn_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode {

/// What a request demands of its answer.
struct AnswerDemands {
    bool one_call = false;    ///< parallel_tool_calls: false
    bool must_call = false;   ///< tool_choice: an answer without a call is a failure
    bool json_object = false; ///< an answer that is not a JSON object is a failure; implies `json`
    bool json = false; ///< the text is JSON of any form: commentary becomes reasoning
    std::vector<std::string> stop{}; ///< the text ends before the first of these
};

/// The same for every chunk of an answer.
struct CompletionIdentity {
    std::string id; ///< "chatcmpl-…", one per response
    std::int64_t created = 0; ///< seconds since the epoch
    std::string model; ///< the model name in the request
    AnswerDemands demands{};
};

/// An encoder for an answer that is one JSON object: it writes no frames.
class WholeAnswer : public TurnEncoder {
public:
    /// Only after ended(): the JSON object of a 200, or the failure. The caller chooses the status
    /// from the failure's code and cause; summary().content shows whether there was text.
    [[nodiscard]] virtual const std::expected<Json, turn::Failure>& result() const = 0;
};

/// The memory for texts and arguments that answers collect until their end. An answer that exceeds
/// its limit ends as `overloaded`.
struct TextRoom {
    std::size_t most = std::numeric_limits<std::size_t>::max(); ///< bytes of one answer
    /// Bytes of all answers; each counts as long as its encoder lives.
    std::shared_ptr<std::size_t> all = std::make_shared<std::size_t>(0);
};

/// Role, content…, finish, usage (when requested and known), [DONE]. A failed, aborted or
/// interrupted turn ends with one error frame and nothing after it. Text becomes content, reasoning
/// reasoning_content, and calls of client functions tool_calls; other tools and notes produce
/// nothing. begin() appends the role chunk. Text is collected only if the answer must be a JSON
/// object.
[[nodiscard]] std::unique_ptr<TurnEncoder>
completions_stream(CompletionIdentity identity, bool include_usage, TextRoom room = {});

/// The encoder of a whole answer.
[[nodiscard]] std::unique_ptr<WholeAnswer>
completions_whole(CompletionIdentity identity, TextRoom room = {});

/// {"error":{"message","type","param":string|null,"code"}}.
[[nodiscard]] Json completions_error(
    std::string_view type,
    std::string_view code,
    std::string_view message,
    std::optional<std::string_view> param = {}
);

} // namespace oa_stream::encode
