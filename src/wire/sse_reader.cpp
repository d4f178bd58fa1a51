#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/wire/sse.hpp"

#include "utf8_tracker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::wire {

namespace {

constexpr std::string_view k_bom = "\xEF\xBB\xBF";

/// Position of the first CR or LF, npos when there is none.
std::size_t find_line_end(std::string_view bytes) noexcept {
    const std::size_t lf = bytes.find('\n');
    const std::size_t cr = bytes.substr(0, lf).find('\r');
    return cr != std::string_view::npos ? cr : lf;
}

} // namespace

struct SseReader::Impl {
    Sink sink;
    SseLimits limits;
    std::string line{};             ///< the unfinished line, carried over from earlier feeds
    std::uint64_t offset = 0;       ///< bytes read
    std::uint64_t line_start = 0;
    SseEvent event{};               ///< in progress; its buffer is reused
    bool event_open = false;        ///< a field line was read since the last empty line
    std::uint64_t data_lines = 0;   ///< of the open event
    std::uint64_t dispatched = 0;
    bool swallow_lf = false; ///< the line end was CR: an LF directly after it belongs to it
    bool overflowed = false;
    bool finished = false;
    bool noted_utf8 = false; ///< S1, S3 and S4 are noted once per stream
    bool noted_control = false;
    bool noted_cr = false;
    Utf8Tracker utf8{};
    std::uint64_t sequence_start = 0;

    void note(std::string_view rule, std::uint64_t at, std::string text) const {
        if (sink.note) {
            sink.note(SseNote{rule, at, std::move(text)});
        }
    }

    void overflow(std::uint64_t at, std::string_view what, std::size_t limit) {
        overflowed = true;
        note("W1", at, fmt::format("{} longer than {} bytes; the rest was not read", what, limit));
    }

    void feed(std::string_view bytes) {
        while (!bytes.empty() && !overflowed) {
            if (std::exchange(swallow_lf, false) && bytes.front() == '\n') {
                bytes.remove_prefix(1);
                line_start = ++offset;
                continue;
            }
            const std::size_t end = find_line_end(bytes);
            const std::string_view piece = bytes.substr(0, end);
            if (!fits(piece)) {
                return;
            }
            scan(piece);
            offset += piece.size();
            if (end == std::string_view::npos) {
                line.append(piece);
                return;
            }
            end_line(piece, bytes[end]);
            bytes.remove_prefix(end + 1);
        }
    }

    /// False, with W1, when the line would exceed its limit. Bytes up to the limit are still
    /// scanned, so that notes do not depend on the cuts.
    bool fits(std::string_view piece) {
        const std::size_t room = limits.line - line.size();
        if (piece.size() <= room) {
            return true;
        }
        scan(piece.substr(0, room));
        overflow(line_start, "a line", limits.line);
        return false;
    }

    void scan(std::string_view piece) {
        if (noted_utf8 && noted_control) {
            return;
        }
        std::size_t at = 0;
        while (at < piece.size()) {
            if (!utf8.pending()) {
                at += plain_run<false>(piece.substr(at));
            }
            // The byte that ended the run, or the short rest: up to eight bytes, one by one.
            const std::size_t stop = std::min(piece.size(), at + 8);
            for (; at < stop; ++at) {
                scan_byte(static_cast<unsigned char>(piece[at]), offset + at);
            }
        }
    }

    void scan_byte(unsigned char byte, std::uint64_t at) {
        if (byte < 0x20 && byte != '\t' && !std::exchange(noted_control, true)) {
            note("S3", at, fmt::format("control byte 0x{:02x}", byte));
        }
        if (!utf8.pending()) {
            sequence_start = at;
        }
        if (!utf8.step(byte)) {
            bad_utf8();
            // The byte that broke a sequence may start the next one.
            sequence_start = at;
            static_cast<void>(utf8.step(byte));
        }
    }

    void bad_utf8() {
        if (!std::exchange(noted_utf8, true)) {
            note("S1", sequence_start, "invalid UTF-8");
        }
    }

    void end_line(std::string_view piece, char terminator) {
        end_sequence();
        if (terminator == '\r') {
            if (!std::exchange(noted_cr, true)) {
                note("S4", offset, "carriage return used");
            }
            swallow_lf = true;
        }
        if (line.empty()) {
            take_line(piece, true);
        } else {
            line.append(piece);
            take_line(line, true);
            line.clear();
        }
        line_start = ++offset;
    }

    void end_sequence() {
        if (utf8.pending()) {
            bad_utf8();
            utf8 = {};
        }
    }

    void take_line(std::string_view text, bool complete) {
        if (line_start == 0 && text.starts_with(k_bom)) {
            note("S2", 0, "byte order mark");
            text.remove_prefix(k_bom.size());
        }
        if (text.empty()) {
            if (complete) {
                dispatch();
            }
        } else if (text.front() == ':') {
            if (data_lines != 0) {
                note("S9", line_start, "comment inside an event");
            }
            if (sink.comment) {
                sink.comment(line_start);
            }
        } else {
            take_field(text);
        }
    }

    void take_field(std::string_view text) {
        if (!std::exchange(event_open, true)) {
            event.offset = line_start;
        }
        const std::size_t colon = text.find(':');
        const std::string_view field = text.substr(0, colon);
        std::string_view value =
            colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
        if (field != "data") {
            event.has_other_fields = true;
            if (field == "event") {
                event.name = value.substr(value.starts_with(' ') ? 1 : 0);
            }
            note("S6", line_start, fmt::format("field \"{}\"", printable(field, 20)));
            return;
        }
        if (value.size() < 2 || value[0] != ' ' || value[1] == ' ') {
            note("S8", line_start, "not exactly one space after data:");
        }
        if (value.starts_with(' ')) {
            value.remove_prefix(1);
        }
        if (event.data.size() + value.size() + 1 > limits.event) {
            overflow(event.offset, "an event", limits.event);
            return;
        }
        if (data_lines++ != 0) {
            event.data += '\n';
        }
        event.data.append(value);
        if (data_lines == 2) {
            note("S7", line_start, "more than one data: line");
        }
    }

    void dispatch() {
        if (!event_open) {
            return;
        }
        if (data_lines != 0) {
            event.index = dispatched++;
            if (sink.event) {
                sink.event(event);
            }
        } else if (!event.name.empty() && sink.empty) {
            sink.empty(event.offset);
        }
        event.data.clear();
        event.name.clear();
        event.has_other_fields = false;
        event_open = false;
        data_lines = 0;
    }

    void finish() {
        if (overflowed || std::exchange(finished, true)) {
            return;
        }
        end_sequence();
        const bool partial = !line.empty();
        if (partial) {
            take_line(line, false);
            partial_ended();
        } else if (event_open) {
            note("S5", event.offset, "the last event has no empty line after it");
        }
    }

    void partial_ended() {
        if (overflowed) {
            return;
        }
        if (event_open) {
            note("S5", event.offset, "the last event has no empty line after it");
        } else if (line != k_bom || line_start != 0) { // a byte order mark alone is not a line
            note("S5", line_start, "the last line has no line end");
        }
    }
};

SseReader::SseReader(Sink sink, SseLimits limits)
    : impl_(std::make_unique<Impl>(Impl{.sink = std::move(sink), .limits = limits})) {
}
SseReader::~SseReader() = default;
SseReader::SseReader(SseReader&&) noexcept = default;
SseReader& SseReader::operator=(SseReader&&) noexcept = default;

void SseReader::feed(std::string_view bytes) {
    impl_->feed(bytes);
}

void SseReader::finish() {
    impl_->finish();
}

bool SseReader::overflowed() const noexcept {
    return impl_->overflowed;
}

} // namespace oa_stream::wire
