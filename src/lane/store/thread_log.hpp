// The id map's file format: a header line, then one line for each change of a row. The newest line
// of a row counts. A line is
//   CRC TAB t TAB owner TAB id TAB thread TAB seeded TAB created TAB updated TAB title
//     [TAB marks [TAB version]] NEWLINE
// CRC: 8 hex digits, CRC-32 of everything between its TAB and the newline. In strings, tab, newline
// and backslash are written \t, \n and \\. Marks are letters: a (archived), d (deleted: the row no
// longer exists); other marks, and further fields, belong to later releases. A release without
// marks reads the line of a deleted row as a row whose thread the authority does not have. The
// version is the shared store's; 0 is not written.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

inline constexpr std::string_view k_thread_log_header = "oa-stream threads 2\n";

/// A row in the form of a line; the views are valid as long as the line.
struct RowView {
    std::string_view owner{};
    std::string_view id{};
    std::string_view thread{};
    std::uint32_t seeded = 0;
    std::uint32_t created = 0; ///< Unix seconds, 0 when unknown
    std::uint32_t updated = 0; ///< likewise
    std::string_view title{};
    bool archived = false;
    bool deleted = false; ///< only in the file: the table has no such rows
    std::uint64_t version = 0;
};

void append_line(std::string& out, const RowView& row);

/// What a file contains beside complete lines.
struct LogDamage {
    std::uint64_t lines = 0; ///< damaged lines that are followed by a newline
    std::uint64_t first_at = 0; ///< offset of the first of these
    std::uint64_t bytes = 0; ///< of all of them
    std::uint64_t torn_bytes = 0; ///< bytes behind the last newline
};

/// Reads a log in pieces of any size.
class ThreadLogReader {
public:
    using Take = std::function<void(const RowView&)>;
    /// `headed`: the bytes begin with the file's header.
    ThreadLogReader(Take take, bool headed) : take_(std::move(take)), headed_(!headed) {}

    void feed(std::string_view bytes);
    /// Call it after the last piece. Code::config: this is not a thread log, or one of a later
    /// release.
    [[nodiscard]] Result<void> finish();

    [[nodiscard]] const LogDamage& damage() const noexcept { return damage_; }
    [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }
    /// Where the complete lines end, counted from where the reader began.
    [[nodiscard]] std::uint64_t whole_bytes() const noexcept { return at_; }
    /// The last line was complete except for its newline and was accepted; `whole_bytes` includes
    /// it.
    [[nodiscard]] bool lacks_newline() const noexcept { return lacks_newline_; }

private:
    void take_line(std::string_view line, std::uint64_t size);
    bool take_row(std::string_view line);

    Take take_;
    bool headed_;
    bool foreign_ = false; ///< the first line is not a header of this format
    bool later_ = false; ///< it is the header of a later release
    bool lacks_newline_ = false;
    bool overlong_ = false; ///< the current line is longer than any of the lane's own lines
    std::string rest_{};
    std::uint64_t skipped_ = 0; ///< bytes of an overlong line that were dropped
    std::uint64_t at_ = 0;
    std::uint64_t lines_ = 0;
    LogDamage damage_{};
    std::string plain_{}; ///< strings of the current line that contained escapes
};

} // namespace oa_stream::lane
