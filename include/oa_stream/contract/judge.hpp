// Judges a whole answer: its bytes as they arrive, optionally with its head and the request's
// messages.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/contract/completions_machine.hpp"
#include "oa_stream/contract/ui_machine.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::contract {

enum class Profile { ai_sdk, ai_sdk_6, openagents_v1, chat_completions, responses };
/// In OpenAI's APIs an answer may be a stream or one JSON object.
[[nodiscard]] constexpr bool is_openai(Profile profile) noexcept {
    return profile == Profile::chat_completions || profile == Profile::responses;
}
[[nodiscard]] std::span<const Profile> all_profiles() noexcept;
/// "ai-sdk", "ai-sdk-6", "openagents-v1", "chat-completions" or "responses". Code::usage, with the
/// nearest name, otherwise.
[[nodiscard]] Result<Profile> parse_profile(std::string_view name);
[[nodiscard]] std::string_view to_string(Profile profile) noexcept;
/// True when the profile includes this rule.
[[nodiscard]] bool applies(const Rule& rule, Profile profile) noexcept;

struct ResponseHead {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers{}; ///< names in any case
};
/// All values of one header joined by ", " (RFC 9110 5.2); nullopt when it is missing.
[[nodiscard]] std::optional<std::string> header(const ResponseHead& head, std::string_view name);
/// "HTTP/1.1 200 OK\r\nname: value…"; LF alone is accepted too. Of several heads (100 Continue,
/// redirects, as curl -D writes them) the last counts. Code::unreadable otherwise.
[[nodiscard]] Result<ResponseHead> parse_head(std::string_view raw);
/// Reads the "messages" array of a request (or the whole body with it). nullopt when the last
/// message is not the assistant's. Code::unreadable otherwise.
[[nodiscard]] Result<std::optional<Continues>> parse_messages(std::string_view json);

/// Code::unreadable when the recording has no chunk, so that no replay can be compared with it.
[[nodiscard]] Result<void> check_recording(std::string_view recording);

/// How the body ended. `unknown`: read from a file, so W3 is not judged. `left`: the reader
/// disconnected early, so rules that need the end are not judged.
enum class End { clean, cut, unknown, left };

/// At most k_listed findings of one rule are kept; the others are counted.
inline constexpr std::uint64_t k_listed = 100;

/// The kind of the judged answer. Only OpenAI's APIs have kinds other than streams.
enum class AnswerKind {
    stream,
    whole, ///< one JSON object, or another body in its place
    error, ///< one JSON object {"error":{…}}
};
[[nodiscard]] std::string_view to_string(AnswerKind kind) noexcept; ///< "stream"
/// True when the profile includes this rule for answers of this kind.
[[nodiscard]] bool applies(const Rule& rule, Profile profile, AnswerKind kind) noexcept;

struct Judgement {
    AnswerKind answer = AnswerKind::stream;
    std::vector<Violation> violations{}; ///< level must
    std::vector<Violation> warnings{}; ///< level should
    std::vector<std::string_view> not_judged{}; ///< rule ids without input
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::uint64_t unlisted = 0; ///< findings beyond k_listed per rule
    bool left = false; ///< End::left
    [[nodiscard]] bool pass() const noexcept { return violations.empty(); }
};

class Judge {
public:
    explicit Judge(Profile profile, std::optional<Continues> continues = {});
    ~Judge();
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;
    Judge(Judge&&) noexcept;
    Judge& operator=(Judge&&) noexcept;

    /// The request's messages are known and end with the user's. O10 then counts as judged, and so
    /// do T1, Q1 and Q3 for calls that the stream has not opened. Call it before feed().
    void messages_known();
    /// The answer is to a resume request and must replay these bytes (R1–R4). Call it before
    /// head().
    void replays(std::string_view recording);
    /// Call it before feed(). A status other than 200 is one violation (H1). The body is then not
    /// judged, except in OpenAI's profiles, where it must be an error object (C1).
    void head(const ResponseHead& head);
    void feed(std::string_view bytes);
    /// Sets a callback for every chunk as it is read; probes measure times with it. Call it before
    /// feed(). Profiles ai-sdk and ai-sdk-6 only: the others have no such chunks.
    void on_chunk(std::function<void(const wire::ui::Chunk&, std::uint64_t offset)> fn);
    /// The same for a stream under profile chat-completions.
    void on_completion(std::function<void(const wire::completions::Event&, std::uint64_t offset)> fn
    );
    /// The same under profile responses.
    void on_response_event(std::function<void(const Json& event, std::uint64_t offset)> fn);
    void on_comment(std::function<void()> fn);
    /// True once [DONE] was read; in responses: the final event.
    [[nodiscard]] bool done() const noexcept;
    /// The body ended. `clean`: normally; false: reset or cut. Call it once.
    [[nodiscard]] Judgement finish(bool clean = true) {
        return finish(clean ? End::clean : End::cut);
    }
    [[nodiscard]] Judgement finish(End end);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::contract
