// Redis' protocol: commands out, replies in. hiredis parses; it stays in resp.cpp.
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
    std::string text{}; ///< of a text or an error
    std::int64_t number = 0;
    std::vector<Reply> items{};

    [[nodiscard]] bool nil() const noexcept { return kind == Kind::nil; }
    [[nodiscard]] bool failed() const noexcept { return kind == Kind::error; }
    /// Item `at` as text, a number in digits; empty when there is none.
    [[nodiscard]] std::string at(std::size_t at) const;
    [[nodiscard]] std::string str() const; ///< likewise of this reply itself
    /// Digits, of a text too; 0 for anything else.
    [[nodiscard]] std::uint64_t count() const;
};

/// Appends the command as it is sent.
void append_command(std::string& out, std::span<const std::string_view> words);
void append_command(std::string& out, const Command& command);

/// Feed bytes cut anywhere.
class ReplyReader {
public:
    ReplyReader();
    ~ReplyReader();
    ReplyReader(const ReplyReader&) = delete;
    ReplyReader& operator=(const ReplyReader&) = delete;

    void feed(std::string_view bytes);
    /// The next whole reply; nullopt: more bytes are needed. Code::protocol is final.
    [[nodiscard]] Result<std::optional<Reply>> next();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::store
