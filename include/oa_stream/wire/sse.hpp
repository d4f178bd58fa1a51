// Server-sent events: an incremental reader and a writer. WHATWG HTML, section 9.2. The reader does
// not judge; it records the facts for the contract's rules S1–S9.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace oa_stream::wire {

/// A departure from the plain form "data: <json>\n\n", with the rule id of the conformance kit.
struct SseNote {
    std::string_view rule; ///< "S1" … "S9"
    std::uint64_t offset = 0; ///< byte in the stream, including a byte order mark
    std::string text;
};

struct SseEvent {
    std::string data; ///< data lines joined with '\n'
    std::uint64_t offset = 0; ///< first byte of the event's first line
    std::uint64_t index = 0; ///< 0-based among dispatched events with data
    std::string name; ///< from its last event: field; empty without one
    bool has_other_fields = false;
};

struct SseLimits {
    std::size_t line = 16U << 20U; ///< bytes; a longer line stops the reader (rule W1)
    std::size_t event = 32U << 20U;
};

/// Accepts bytes cut anywhere; the result does not depend on the cuts. CR, LF and CRLF all end
/// lines.
class SseReader {
public:
    struct Sink {
        std::function<void(const SseEvent&)> event;
        std::function<void(const SseNote&)> note{};
        std::function<void(std::uint64_t offset)> comment{}; ///< a ": …" line
        std::function<void(std::uint64_t offset)> empty{}; ///< an event: without data
    };
    explicit SseReader(Sink sink, SseLimits limits = {});
    ~SseReader();
    SseReader(const SseReader&) = delete;
    SseReader& operator=(const SseReader&) = delete;
    SseReader(SseReader&&) noexcept;
    SseReader& operator=(SseReader&&) noexcept;

    void feed(std::string_view bytes);
    /// The body ended; reports unfinished lines and events (S1, S5). An event without its empty
    /// line is not dispatched: every client drops it.
    void finish();
    /// True after a limit was exceeded; further bytes are ignored.
    [[nodiscard]] bool overflowed() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Of each event and comment that is written here; inside one there is none.
inline constexpr std::string_view k_sse_end = "\n\n";

/// Appends "data: <json>\n\n". `json` must be one line.
void append_sse_data(std::string& out, std::string_view json);
/// Appends "event: <name>\ndata: <json>\n\n".
void append_sse_event(std::string& out, std::string_view name, std::string_view json);
/// Appends "data: [DONE]\n\n".
void append_sse_done(std::string& out);

/// Removes the first event or comment, with its empty line, from `written` and returns it.
/// `written` must be this writer's output, where each ends with "\n\n". Returns all of it when none
/// ends.
[[nodiscard]] std::string_view take_sse_frame(std::string_view& written) noexcept;
/// `written` without comments, which belong to one connection and not to the answer. An unfinished
/// event is unchanged.
[[nodiscard]] std::string without_sse_comments(std::string_view written);

} // namespace oa_stream::wire
