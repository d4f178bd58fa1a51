// Turn events → OpenAI's Responses API: the named events of a stream, or one whole response. Both
// come from one state, so they cannot disagree; events go through the contract's machine.
#pragma once

#include "oa_stream/encode/completions.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace oa_stream::encode {

struct ResponseIdentity {
    /// id ("resp_…"), object, created_at, model, and what the request said: all but status, output,
    /// error, incomplete_details and usage.
    Json response = Json::object();
    bool one_call = false; ///< parallel_tool_calls: false
    bool must_call = false; ///< tool_choice: an answer without a call is a failure
    bool json_object = false; ///< an answer that is no JSON object is a failure
    bool reasoning = false; ///< reasoning is sent, as summaries
    /// Called once with a response that is complete or was cut, never with one that failed.
    std::function<void(const Json& response)> on_response{};
};

/// created, in_progress, one item after the other, completed | incomplete | failed. Every text part
/// is a message, every call of the client's functions a function_call; other tools and notes
/// produce nothing. Not streamed it never writes; then a failed turn is result()'s error.
class ResponsesEncoder final : public WholeAnswer {
public:
    /// Texts and arguments beyond `most_text` bytes in all make the turn fail as `overloaded`.
    ResponsesEncoder(
        ResponseIdentity identity, bool streamed, std::size_t most_text = std::size_t{32} << 20U
    );
    ResponsesEncoder(const ResponsesEncoder&) = delete;
    ResponsesEncoder& operator=(const ResponsesEncoder&) = delete;
    ~ResponsesEncoder() override;
    ResponsesEncoder(ResponsesEncoder&&) noexcept;
    ResponsesEncoder& operator=(ResponsesEncoder&&) noexcept;

    void begin(std::string& out) override;
    [[nodiscard]] Result<void> encode(const turn::Event& event, std::string& out) override;
    void fail_open(const turn::Failure& failure, std::string& out) override;
    [[nodiscard]] bool ended() const noexcept override;
    [[nodiscard]] const TurnSummary& summary() const noexcept override;
    [[nodiscard]] const std::expected<Json, turn::Failure>& result() const override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode
