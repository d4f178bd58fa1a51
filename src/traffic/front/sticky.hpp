// Which backend a thread lives on, and how a request names its thread.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace oa_stream::traffic {

/// Bounded map thread → backend; the thread not seen for longest is forgotten first. Of limit 0:
/// it remembers none.
class StickyThreads {
public:
    explicit StickyThreads(std::size_t limit) : limit_(limit) {}
    [[nodiscard]] std::optional<std::size_t> find(const std::string& thread);
    void remember(const std::string& thread, std::size_t backend);
    void forget(const std::string& thread);
    [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

private:
    using Entry = std::pair<std::string, std::size_t>;
    std::size_t limit_;
    std::list<Entry> recent_; ///< most recent first
    std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

struct ThreadRef {
    std::string thread; ///< as the client names it; empty: the request names none
    bool live_turn = false; ///< resume, stop, or what a running turn waits for: makes sense only
                            ///< where the turn runs
    bool new_turn = false;
};

/// Reads the thread from /api/chats/{id}/…, /api/chat/{id}/stream, /api/chat/stream/{id}/stream, or
/// from the body of a POST that starts a turn (conversationId, conversation_id, threadId,
/// thread_id, id; the first that is a non-empty string). A body that is not a JSON object names
/// none. When
/// the last of its messages is the assistant's, it brings the running turn a decision or a result.
[[nodiscard]] ThreadRef
thread_of(std::string_view method, std::string_view path, std::string_view body);

} // namespace oa_stream::traffic
