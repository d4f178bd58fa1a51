// Several codex children, or servers, behind one Authority.
//
// A thread lives in the CODEX_HOME of the child that created it, and its id names that child: child
// 0 keeps codex's own ids, child 2 has "2_<id>" (codex's ids are UUIDs, without "_"). Nothing else
// is stored. Child 0 uses the folder of a lane with one child, child k the folder k below it. When
// the number of children grows, old threads stay with child 0. When it shrinks, a former child gets
// no new threads; it is started when a thread of it is requested, when all threads are searched, or
// when it has threads to delete.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include "signal.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// The child of a thread, and the thread's id there.
struct ThreadPin {
    std::size_t child = 0;
    std::string id;
    friend bool operator==(const ThreadPin&, const ThreadPin&) = default;
};

/// One child or server.
struct PoolMember {
    enum class State { closed, opening, open };

    PoolMember(std::size_t index, std::unique_ptr<Authority> authority)
        : number(index), codex(std::move(authority)) {}

    std::size_t number;
    std::string up{}; ///< servers only: the name of its reading
    std::unique_ptr<Authority> codex;
    State state = State::closed;
    std::size_t load = 0; ///< turns starting or running
    std::uint64_t given = 0; ///< new threads assigned to it
};

class CodexPool {
public:
    CodexPool(const asio::any_io_executor& executor, CodexOptions options, std::size_t children);
    /// `servers` replace the children; not empty.
    CodexPool(
        const asio::any_io_executor& executor,
        CodexOptions options,
        std::vector<CodexServer> servers
    );

    using Self = std::shared_ptr<CodexPool>;
    using Member = std::shared_ptr<PoolMember>;
    using Key = std::size_t;

    [[nodiscard]] static ThreadPin pin_of(std::string_view thread);
    [[nodiscard]] static std::string pinned(std::size_t child, std::string id);
    /// The open child with that number. Code::not_found if there never was one. Code::unavailable
    /// for a server that the options do not name: its threads are elsewhere, not lost.
    [[nodiscard]] static Task<Result<Member>> child_at(Self self, std::size_t child);
    /// For a thread that this child does not have. Code::unavailable when another child has it
    /// (server numbers were swapped), or when a server that may have it cannot be reached. Ids are
    /// unique, so the thread is not lost.
    [[nodiscard]] static Task<Result<void>>
    check_place(Self self, std::size_t child, std::string id);
    [[nodiscard]] static Task<Result<void>> open(Self self);
    [[nodiscard]] static Task<void> close(Self self, Millis grace);
    [[nodiscard]] static Task<Result<std::unique_ptr<Turn>>> start(Self self, TurnRequest request);
    [[nodiscard]] static Task<Result<std::unique_ptr<Turn>>>
    join(Self self, std::string thread, bool ask_approvals);
    [[nodiscard]] static Task<Result<std::vector<std::string>>>
    find_threads(Self self, std::string owner, std::string words);
    [[nodiscard]] static Task<Result<std::string>> make_thread(Self self, TurnRequest request);
    [[nodiscard]] Health health() const;
    [[nodiscard]] Capabilities capabilities() const;
    [[nodiscard]] std::vector<Reading> readings() const;
    void drop(); ///< the facade was destroyed: ends every child

private:
    [[nodiscard]] std::filesystem::path folder_of(std::size_t child) const;
    [[nodiscard]] std::string name_of(std::size_t member) const; ///< "child 2", "server 2"
    [[nodiscard]] Member make_member(std::size_t child, CodexServer server = {});
    /// For a new thread: the ready child with the fewest turns; among equals, the fewest threads.
    [[nodiscard]] Member least_loaded() const;
    [[nodiscard]] static Task<Result<void>> open_member(Self self, Member member);
    /// Children from a larger configuration that may have threads.
    [[nodiscard]] std::vector<std::size_t> former_children() const;
    [[nodiscard]] static Task<void> tend_former(Self self);

    asio::any_io_executor executor_;
    CodexOptions options_;
    std::size_t children_;
    bool servers_ = false;
    std::vector<Member> members_{}; ///< members that get new threads
    std::map<std::size_t, Member> former_members_{}; ///< former children, opened for their threads
    Signal changed_;
    bool closing_ = false;
};

} // namespace oa_stream::authority
