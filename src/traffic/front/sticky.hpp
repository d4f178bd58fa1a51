// Assigns threads to backends, and reads the thread that a request names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace oa_stream::traffic {

/// Bounded map thread → backend; forgets the thread that was not seen for longest. With limit 0 it
/// remembers none.
class StickyThreads {
public:
    explicit StickyThreads(std::size_t limit) : limit_(limit) {}
    [[nodiscard]] std::optional<std::size_t> find(const std::string& thread);
    /// Returns a unique number for this assignment.
    std::uint64_t remember(const std::string& thread, std::size_t backend);
    void forget(const std::string& thread);
    /// The number of the current assignment; 0: none.
    [[nodiscard]] std::uint64_t said_by(const std::string& thread) const;
    [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

private:
    struct Entry {
        std::string thread;
        std::size_t backend;
        std::uint64_t call;
    };
    std::size_t limit_;
    std::uint64_t calls_ = 0;
    std::list<Entry> recent_; ///< most recent first
    std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

struct ThreadRef {
    std::string thread; ///< as the client names it; empty: the request names none
    /// Resume, stop, or input for a running turn: only makes sense where the turn runs.
    bool live_turn = false;
    bool new_turn = false;
};

/// Reads the thread as a lane does: from /api/chats/{id}/…, /api/chat/{id}/stream,
/// /api/chat/stream/{id}/stream, or, of a POST that starts a turn or makes a chat, from the query,
/// else the body (k_thread_names; the first that is a non-empty string). A body that is not a JSON
/// object names none, nor does an id that is too long for a lane. When the newest message of a turn
/// is the assistant's, it brings the running turn a decision or a result: the last of `messages`,
/// unless `message` or `text` has one.
[[nodiscard]] ThreadRef thread_of(
    std::string_view method, std::string_view path, std::string_view query, std::string_view body
);

} // namespace oa_stream::traffic
