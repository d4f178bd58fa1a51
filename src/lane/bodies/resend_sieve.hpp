// A page sends all messages of the chat with every question, including all images. This sieve
// leaves out their files while a body that is too large arrives.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/net/http_server.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// Replaces a file that was left out.
inline constexpr std::string_view k_left_out = "(a file of this message, too large to be kept)";

/// … and a file of the newest user message, if the body fits without it. It begins with U+FFFF,
/// which no text should contain.
inline constexpr std::string_view k_file_too_large =
    "\xEF\xBF\xBF(a file too large for its request)";

/// True when `value` is k_left_out or contains it at any depth.
[[nodiscard]] bool holds_left_out(const Json& value);

/// For a body above the limit: in `messages`, before the newest user message, long values of
/// members that look like a file (printable ASCII without blanks, and without escapes other than
/// those of '/', '+' and '=') become k_left_out. Everything else stays unchanged, so the result is
/// JSON exactly when the body is. Which values are replaced depends on the body alone, not on how
/// it was split into pieces. Time is linear.
class ResendSieve final : public net::BodySieve {
public:
    /// What happens to a body that is still too large. `marked`: the largest data: URLs of the
    /// newest user message become k_file_too_large if the body then fits, so that the refusal can
    /// name them.
    enum class Newest { kept, marked };
    explicit ResendSieve(Newest newest = Newest::kept) : newest_files_(newest) {}

    void filter(std::string_view piece, std::string& kept, std::size_t most) override;
    void finish(std::string& kept) override;

private:
    struct Span {
        std::size_t start;
        std::size_t size;
    };
    static std::size_t
    replace(std::string& kept, std::span<const Span> spans, std::string_view word);
    enum class Name { other, messages, role };
    enum class By { user, other };

    void read(std::string_view kept, std::size_t from);
    [[nodiscard]] std::size_t read_string(std::string_view kept, std::size_t at);
    void string_ended(std::string_view text, std::size_t start);
    void opened(char what);
    void closed();
    void leave_out(std::string& kept);
    void mark_newest(std::string& kept) const;

    std::vector<Span> files_{}; ///< values that may be left out, in order
    std::size_t old_ = 0; ///< how many of them stand before the newest user message
    std::size_t newest_ = 0; ///< … up to the end of that message
    std::size_t message_ = 0; ///< … before the message that is being read
    std::size_t most_ = 0;
    Newest newest_files_;
    std::size_t depth_ = 0;
    std::size_t string_ = 0; ///< where the open string begins
    By by_ = By::user;
    Name name_ = Name::other; ///< of the newest member on the level that matters
    char last_ = 0; ///< last character other than blanks, outside of strings
    bool in_string_ = false;
    bool escaped_ = false;
    bool plain_ = false; ///< the open string looks like a file so far, apart from its escapes
    bool listed_ = false; ///< within `messages`
    bool thinned_ = false;
};

} // namespace oa_stream::lane
