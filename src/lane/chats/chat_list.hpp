// GET /api/chats: a page of an owner's threads as the id map holds them. What a page shows is
// checked against the authority, for a few milliseconds before it is answered and else afterwards,
// so that a list is as fast for 50,000 threads as for ten.
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

/// A row's own title and times stand in for those that its authority does not tell.
[[nodiscard]] authority::ThreadInfo completed(authority::ThreadInfo info, const ThreadRow& row);
/// The row with what its authority tells of it.
[[nodiscard]] ThreadRow described(ThreadRow row, authority::ThreadInfo from);

/// The name that somebody gave the thread; empty: it has none. `fallback`: where the authority
/// tells nothing about it.
[[nodiscard]] Task<std::string>
name_of(authority::Authority* authority, std::string thread, std::string fallback);

class ChatList {
public:
    explicit ChatList(LaneState& lane) : lane_(&lane) {}

    /// Which rows are listed.
    struct Rows {
        std::string owner;
        bool archived = false;
        std::string title{}; ///< lower case; empty, or what their titles contain
        std::string words{}; ///< empty, or what their messages hold
        std::set<std::string> with_words{}; ///< the authority's ids of those that do
    };
    /// Of the cursors: those of one list make no sense in another.
    [[nodiscard]] static std::string_view name_of(const Rows& which) noexcept;
    /// {"data":[summary…],"nextCursor"}
    [[nodiscard]] Task<Accepted<Json>> page(Rows which, PageAsked asked);
    /// Asks for the times and titles of rows that an earlier release left without them, slowly.
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
    std::set<std::string> under_check_{}; ///< the authority's ids
};

} // namespace oa_stream::lane
