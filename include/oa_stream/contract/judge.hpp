// Judges a whole answer: bytes as they arrive, optionally its head and the request's messages.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/contract/ui_machine.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::contract {

enum class Profile { ai_sdk, openagents_v1 };
[[nodiscard]] Result<Profile> parse_profile(std::string_view name);

struct ResponseHead {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers{}; ///< names in any case
};
/// "HTTP/1.1 200 OK\r\nname: value…". Code::unreadable otherwise.
[[nodiscard]] Result<ResponseHead> parse_head(std::string_view raw);
/// The "messages" array of a request (or the whole body holding one). Code::unreadable otherwise.
[[nodiscard]] Result<std::optional<Continues>> parse_messages(std::string_view json);

struct Judgement {
    std::vector<Violation> violations{};  ///< level must
    std::vector<Violation> warnings{};    ///< level should
    std::vector<std::string_view> not_judged{}; ///< rule ids without input
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    [[nodiscard]] bool pass() const noexcept { return violations.empty(); }
};

class Judge {
public:
    explicit Judge(Profile profile, std::optional<Continues> continues = {});
    ~Judge();
    Judge(Judge&&) noexcept;
    Judge& operator=(Judge&&) noexcept;

    void head(const ResponseHead& head);
    void feed(std::string_view bytes);
    /// Called for every chunk as it is read (probes take their clocks from it). Set before feed().
    void on_chunk(std::function<void(const wire::ui::Chunk&, std::uint64_t offset)> fn);
    void on_comment(std::function<void()> fn);
    /// True once [DONE] was read.
    [[nodiscard]] bool done() const noexcept;
    /// The body ended. `clean`: by its own end (false: reset or cut).
    [[nodiscard]] Judgement finish(bool clean = true);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::contract
