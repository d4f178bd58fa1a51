#include "thread_log.hpp"

#include <fmt/format.h>

#include <zlib.h>

#include <array>
#include <charconv>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_fields = 8; ///< from the kind to the title
constexpr std::size_t k_known_fields = 10; ///< plus marks and version
constexpr std::size_t k_crc_digits = 8;
constexpr std::size_t k_longest_line = 1U << 16U; ///< the lane's own lines are below 5 kB
constexpr std::string_view k_any_header = "oa-stream threads ";

std::uint32_t checksum(std::string_view text) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size())
    );
}

void append_field(std::string& out, std::string_view text) {
    out += '\t';
    for (const char c : text) {
        switch (c) {
        case '\t':
            out += "\\t";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            out += c;
        }
    }
}

void append_number(std::string& out, std::uint64_t value) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out += '\t';
    out.append(digits.data(), end);
}

template <class Number> bool read_number(std::string_view text, Number& out, int base = 10) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, out, base);
    return error == std::errc{} && at == end && !text.empty();
}

/// Appends the unescaped text; false for an unknown escape.
bool unescape(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        const char next = ++i < text.size() ? text[i] : '\0';
        if (next != 't' && next != 'n' && next != '\\') {
            return false;
        }
        out += next == 't' ? '\t' : next == 'n' ? '\n' : '\\';
    }
    return true;
}

} // namespace

void append_line(std::string& out, const RowView& row) {
    const auto begin = out.size();
    out.append(k_crc_digits, '0');
    out += "\tt";
    append_field(out, row.owner);
    append_field(out, row.id);
    append_field(out, row.thread);
    append_number(out, row.seeded);
    append_number(out, row.created);
    append_number(out, row.updated);
    append_field(out, row.title);
    if (row.archived || row.deleted || row.version != 0) {
        out += '\t';
        out += row.archived ? "a" : "";
        out += row.deleted ? "d" : "";
    }
    if (row.version != 0) {
        append_number(out, row.version);
    }
    const auto crc = checksum(std::string_view(out).substr(begin + k_crc_digits + 1));
    fmt::format_to_n(out.data() + begin, k_crc_digits, "{:08x}", crc);
    out += '\n';
}

void ThreadLogReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto piece = bytes.substr(0, end);
        if (overlong_ || rest_.size() + piece.size() > k_longest_line) {
            skipped_ += piece.size() + rest_.size();
            rest_.clear();
            overlong_ = true;
        } else if (end == std::string_view::npos || !rest_.empty()) {
            rest_ += piece;
        }
        if (end == std::string_view::npos) {
            return;
        }
        bytes.remove_prefix(end + 1);
        take_line(
            overlong_       ? std::string_view()
            : rest_.empty() ? piece
                            : rest_,
            (overlong_       ? skipped_
             : rest_.empty() ? piece.size()
                             : rest_.size()) +
                1
        );
        rest_.clear();
        overlong_ = false;
        skipped_ = 0;
    }
}

void ThreadLogReader::take_line(std::string_view line, std::uint64_t size) {
    const auto begin = at_;
    at_ += size;
    if (!headed_) {
        headed_ = true;
        if (line == k_thread_log_header.substr(0, k_thread_log_header.size() - 1)) {
            return;
        }
        std::uint32_t version = 0;
        foreign_ = true;
        later_ = line.starts_with(k_any_header) &&
                 read_number(line.substr(k_any_header.size()), version) && version > 2;
    } else if (size == 1) {
        return; // an empty line: a newline was missing and one was added for it
    } else if (take_row(line)) {
        ++lines_;
        return;
    }
    if (damage_.lines++ == 0) {
        damage_.first_at = begin;
    }
    damage_.bytes += size;
}

bool ThreadLogReader::take_row(std::string_view line) {
    std::uint32_t crc = 0;
    if (line.size() < k_crc_digits + 2 || line[k_crc_digits] != '\t' ||
        !read_number(line.substr(0, k_crc_digits), crc, 16)) {
        return false;
    }
    line.remove_prefix(k_crc_digits + 1);
    if (checksum(line) != crc) {
        return false;
    }
    std::array<std::string_view, k_known_fields> fields{};
    std::size_t count = 0;
    for (auto rest = line; count < k_known_fields; ++count) {
        const auto end = rest.find('\t');
        fields[count] = rest.substr(0, end);
        if (end == std::string_view::npos) {
            ++count;
            break;
        }
        rest.remove_prefix(end + 1);
    }
    if (count < k_fields || fields[0] != "t") {
        return false;
    }
    RowView row;
    if (!read_number(fields[4], row.seeded) || !read_number(fields[5], row.created) ||
        !read_number(fields[6], row.updated)) {
        return false;
    }
    const std::array strings{&row.owner, &row.id, &row.thread, &row.title};
    constexpr std::array<std::size_t, 4> places{1, 2, 3, 7};
    plain_.clear();
    plain_.reserve(line.size()); // `plain_` must not move: the row has views into it
    for (std::size_t i = 0; i < strings.size(); ++i) {
        *strings[i] = fields[places[i]];
        if (strings[i]->contains('\\')) {
            const auto begin = plain_.size();
            if (!unescape(plain_, *strings[i])) {
                return false;
            }
            *strings[i] = std::string_view(plain_).substr(begin);
        }
    }
    if (row.id.empty() || row.thread.empty()) {
        return false;
    }
    row.archived = fields[k_fields].contains('a');
    row.deleted = fields[k_fields].contains('d');
    const auto version = fields[k_fields + 1];
    if (!version.empty() && !read_number(version, row.version)) {
        return false;
    }
    take_(row);
    return true;
}

Result<void> ThreadLogReader::finish() {
    const auto tail = rest_.size() + skipped_;
    const std::string_view header = k_thread_log_header.substr(0, k_thread_log_header.size() - 1);
    if (!headed_ && !overlong_ && header.starts_with(rest_)) {
        damage_.torn_bytes = tail; // the write of the header was interrupted
        return {};
    }
    if (headed_ && tail > 0 && !overlong_ && take_row(rest_)) {
        ++lines_;
        at_ += tail;
        lacks_newline_ = true;
    } else {
        damage_.torn_bytes = tail;
    }
    if (later_) {
        return fail(Code::config, "this thread id map was written by a later release");
    }
    if ((foreign_ || !headed_) && lines_ == 0) {
        return fail(Code::config, "this is not a thread id map");
    }
    return {};
}

} // namespace oa_stream::lane
