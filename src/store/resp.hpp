// Redis's protocol: writes commands and reads replies. hiredis parses; it is used only in resp.cpp.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::store {

using Command = std::vector<std::string>;

struct Reply {
    enum class Kind { nil, text, number, list, error };
    Kind kind = Kind::nil;
    std::string text{}; ///< set for a text or an error
    std::int64_t number = 0;
    std::vector<Reply> items{};

    [[nodiscard]] bool nil() const noexcept { return kind == Kind::nil; }
    [[nodiscard]] bool failed() const noexcept { return kind == Kind::error; }
    /// Item `at` as text, numbers as digits; empty when it is missing.
    [[nodiscard]] std::string at(std::size_t at) const;
    [[nodiscard]] std::string str() const; ///< the same for this reply itself
    /// The number, also from a text of digits; 0 for anything else.
    [[nodiscard]] std::uint64_t count() const;
};

/// Appends the command in its wire form.
void append_command(std::string& out, std::span<const std::string_view> words);
void append_command(std::string& out, const Command& command);

/// Accepts bytes that are split anywhere.
class ReplyReader {
public:
    ReplyReader();
    ~ReplyReader();
    ReplyReader(const ReplyReader&) = delete;
    ReplyReader& operator=(const ReplyReader&) = delete;

    void feed(std::string_view bytes);
    /// The next complete reply; nullopt: more bytes are needed. After Code::protocol it cannot be
    /// used.
    [[nodiscard]] Result<std::optional<Reply>> next();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::store
