// OpenAI's profiles: decides whether the answer is a stream or one JSON object, and judges its head
// and whole body.
#pragma once

#include "oa_stream/contract/completions_machine.hpp"
#include "oa_stream/contract/judge.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::contract {

class CompletionsAnswer {
public:
    using Report = CompletionsMachine::Report;

    explicit CompletionsAnswer(Profile profile) : profile_(profile) {}

    void head(const ResponseHead& head);
    /// Returns the bytes for the stream reader: none for a whole body, or while the kind is
    /// undecided. The view is valid until the next call.
    [[nodiscard]] std::string_view take(std::string_view bytes);
    /// The body ended: returns the bytes of a stream still held back.
    [[nodiscard]] std::string_view end();

    /// Both are false until the kind is decided.
    [[nodiscard]] bool streamed() const noexcept { return kind_ == Kind::stream; }
    [[nodiscard]] bool whole() const noexcept { return kind_ == Kind::whole; }
    /// H2, H3, H5, H6, C2, C4, C5. After end().
    void judge_head(const Report& report) const;
    /// C1, C3, C13, C14, C18–C20 or V3, V5, V11 and V12, S1, J5–J7, W1 and W2 of a whole body. Call
    /// it after end().
    [[nodiscard]] AnswerKind judge_body(const Report& report) const;

private:
    enum class Kind { unknown, stream, whole };

    [[nodiscard]] bool status_says_whole() const noexcept;
    void keep(std::string_view bytes);
    [[nodiscard]] wire::completions::ParsedAnswer parsed(const Report& report) const;
    void judge_retry(std::string_view code, const Report& report) const;
    void judge_error(const wire::completions::ErrorObject& error, const Report& report) const;

    Profile profile_;
    Kind kind_ = Kind::unknown;
    std::optional<ResponseHead> head_{};
    std::string held_{}; ///< bytes before the kind is decided, or the whole body
    bool overflowed_ = false;
};

} // namespace oa_stream::contract
