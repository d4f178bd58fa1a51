// One codex child for each owner, with its own home, sessions, TMPDIR and work folder.
//
//   <state_dir>/codex/owners/<owner_folder(owner)>/   as codex_home.hpp describes it, without work/
//
// A thread's id is "<owner_folder>:<codex's id>"; codex's ids are UUIDs, and owner_folder() has no
// ":". Children start on demand and end after an idle time; their threads stay on disk.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include "signal.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

struct OwnedThread {
    std::string child; ///< owner_folder() of its owner; empty: no owner's thread
    std::string id;
    friend bool operator==(const OwnedThread&, const OwnedThread&) = default;
};

class CodexOwnerPool {
public:
    CodexOwnerPool(const asio::any_io_executor& executor, CodexOptions options, CodexOwners owners);

    struct Child {
        enum class State { opening, open, failed, closing };
        explicit Child(std::unique_ptr<Authority> authority) : codex(std::move(authority)) {}
        std::unique_ptr<Authority> codex;
        State state = State::opening;
        std::size_t load = 0; ///< requests and turns in progress
        Clock::time_point used = Clock::now();
    };
    using Self = std::shared_ptr<CodexOwnerPool>;
    using Use = std::shared_ptr<Child>; ///< keeps the child from being ended as idle
    using Key = std::string; ///< owner_folder()

    [[nodiscard]] static OwnedThread pin_of(std::string_view thread);
    [[nodiscard]] static std::string pinned(const std::string& folder, std::string_view id);
    /// The child of an existing thread. Code::not_found for a folder of no owner.
    [[nodiscard]] static Task<Result<Use>> child_at(Self self, std::string folder);
    [[nodiscard]] static Task<Result<void>> open(Self self);
    [[nodiscard]] static Task<void> close(Self self, Millis grace);
    [[nodiscard]] static Task<Result<std::unique_ptr<Turn>>> start(Self self, TurnRequest request);
    [[nodiscard]] static Task<Result<std::vector<std::string>>>
    find_threads(Self self, std::string owner, std::string words);
    [[nodiscard]] static Task<Result<std::string>> make_thread(Self self, TurnRequest request);
    [[nodiscard]] Health health() const;
    [[nodiscard]] Capabilities capabilities() const { return proof_->capabilities(); }
    [[nodiscard]] std::vector<Reading> readings() const;
    void drop(); ///< the facade was destroyed: ends every child

private:
    [[nodiscard]] CodexOptions options_of(const std::string& folder) const;
    /// The owner's child, open. Code::unavailable when it does not start, or too many run.
    /// `tended`: unused threads are deleted as soon as it is open.
    [[nodiscard]] static Task<Result<Use>>
    child(Self self, std::string folder, bool tended = false);
    [[nodiscard]] static Task<Result<void>> make_room(Self self);
    [[nodiscard]] static Task<void> end_child(Self self, std::string folder, Millis grace);
    [[nodiscard]] static Task<void> end_idle(Self self);
    // codex_owner_retention.cpp
    [[nodiscard]] static Task<void> tend_owners(Self self);
    [[nodiscard]] static Task<void> tend_owner(Self self, std::string folder);
    [[nodiscard]] static Use use(const std::shared_ptr<Child>& child);

    asio::any_io_executor executor_;
    CodexOptions options_;
    CodexOwners owners_;
    std::unique_ptr<Authority> proof_; ///< temporary child without an owner that proves the sandbox
    std::map<std::string, std::shared_ptr<Child>> children_{}; ///< by folder
    std::map<std::string_view, double> ended_counts_{}; ///< of children that ended
    Signal changed_;
    bool closing_ = false;
};

} // namespace oa_stream::authority
