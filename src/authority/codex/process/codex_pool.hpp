// Several codex children, or servers, behind one Authority.
//
// A thread lives in the CODEX_HOME of the child that made it, so its id says which one that was:
// child 0 keeps codex's own ids, child 2 has "2_<id>" (codex's ids are UUIDs, without "_"). Nothing
// else is stored. Child 0 uses the folder of a lane with one child, child k the folder k below it.
// So with more children than before the old threads stay child 0's; with fewer, a child that is no
// more is started for its own threads, once one of them is asked for or all are searched, or where
// it has some to delete, and gets no new ones.
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

/// Which child has a thread, and what the thread is called there.
struct ThreadPin {
    std::size_t child = 0;
    std::string id;
    friend bool operator==(const ThreadPin&, const ThreadPin&) = default;
};

/// One child.
struct PoolMember {
    enum class State { closed, opening, open };

    PoolMember(std::size_t index, std::unique_ptr<Authority> authority)
        : number(index), codex(std::move(authority)) {}

    std::size_t number;
    std::string up{}; ///< of a server: the name of its reading
    std::unique_ptr<Authority> codex;
    State state = State::closed;
    std::size_t load = 0; ///< turns that start or run
    std::uint64_t given = 0; ///< new threads it was given
};

class CodexPool {
public:
    CodexPool(const asio::any_io_executor& executor, CodexOptions options, std::size_t children);
    /// With servers, which are not empty, in place of children.
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
    /// The open child of that number. Code::not_found when there never was one. A server that no
    /// option names is Code::unavailable: its threads are elsewhere, not lost.
    [[nodiscard]] static Task<Result<Member>> child_at(Self self, std::size_t child);
    /// Of a thread that this child does not know: Code::unavailable when another one has it, as
    /// servers under each other's numbers do, or a server that cannot be asked may have it. Ids are
    /// unique, so it is not lost.
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
    void drop(); ///< the facade is gone: every child with it

private:
    [[nodiscard]] std::filesystem::path folder_of(std::size_t child) const;
    [[nodiscard]] std::string name_of(std::size_t member) const; ///< "child 2", "server 2"
    [[nodiscard]] Member make_member(std::size_t child, CodexServer server = {});
    /// For a new thread: a ready child with the fewest turns, of those the one with the fewest
    /// threads.
    [[nodiscard]] Member least_loaded() const;
    [[nodiscard]] static Task<Result<void>> open_member(Self self, Member member);
    /// Children of a time with more of them that may have threads.
    [[nodiscard]] std::vector<std::size_t> former_children() const;
    [[nodiscard]] static Task<void> tend_former(Self self);

    asio::any_io_executor executor_;
    CodexOptions options_;
    std::size_t children_;
    bool servers_ = false;
    std::vector<Member> members_{}; ///< those that take new threads
    std::map<std::size_t, Member> former_members_{}; ///< those of a time with more children
    Signal changed_;
    bool closing_ = false;
};

} // namespace oa_stream::authority
