// GET /api/chats: a page of an owner's threads from the id map. The rows of a page are checked
// against the authority, for a few milliseconds before the answer and otherwise after it. So a list
// is as fast for 50,000 threads as for ten.
#pragma once

#include "answers.hpp"
#include "paging.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// Takes the title and times that the authority does not report from the row.
[[nodiscard]] authority::ThreadInfo completed(authority::ThreadInfo info, const ThreadRow& row);
/// The row with what its authority reports of it.
[[nodiscard]] ThreadRow described(ThreadRow row, authority::ThreadInfo from);

/// The name that a client gave the thread; empty: it has none. `fallback`: used when the authority
/// reports nothing.
[[nodiscard]] Task<std::string>
name_of(authority::Authority* authority, std::string thread, std::string fallback);

class ChatList {
public:
    explicit ChatList(LaneState& lane) : lane_(&lane) {}

    /// Which rows are listed.
    struct Rows {
        std::string owner;
        bool archived = false;
        std::string title{}; ///< in lower case; what the title must contain, or empty
        std::string words{}; ///< what the messages must contain, or empty
        std::set<std::string> with_words{}; ///< the authority's ids of threads that contain `words`
    };
    /// Name of the list in its cursors: a cursor is not valid for another list.
    [[nodiscard]] static std::string_view name_of(const Rows& which) noexcept;
    /// {"data":[summary…],"nextCursor"}
    [[nodiscard]] Task<Accepted<Json>> page(Rows which, PageAsked asked);
    /// Slowly reads times and titles of rows that an earlier release left without them.
    [[nodiscard]] Task<void> date_rows();

private:
    [[nodiscard]] Task<std::vector<ThreadRow>>
    found(Rows which, std::optional<IdMap::Place> place, std::size_t limit);
    struct Check;
    void begin_check(const std::shared_ptr<Check>& check);
    [[nodiscard]] Task<void> run_check(std::shared_ptr<Check> check);
    [[nodiscard]] Task<std::optional<Error>>
    check_page(Rows which, std::optional<IdMap::Place> place, std::size_t limit);

    LaneState* lane_;
    std::set<std::string> under_check_{}; ///< the authority's thread ids
};

} // namespace oa_stream::lane
