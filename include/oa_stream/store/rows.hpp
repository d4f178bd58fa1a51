// The rows of conversations that several lanes share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::store {

/// A client's thread. Its owner is checked before anything is asked by it.
struct ThreadKey {
    std::string owner{}; ///< empty without auth
    std::string id{};
    friend bool operator==(const ThreadKey&, const ThreadKey&) = default;
};

/// What a lane has of it in its map of threads.
struct ThreadFields {
    std::string thread{}; ///< the authority's
    std::size_t seeded = 0; ///< messages the thread began with
    std::string title{}; ///< the authority's last title; empty when there is none yet
    std::int64_t created_at = 0; ///< Unix seconds, 0 when unknown
    std::int64_t updated_at = 0; ///< likewise
    bool archived = false; ///< out of the usual list, nothing more
    /// Of the newest turn: the user message it answers (a digest of id and text) and the
    /// authority's turn id. A request that repeats that message is a retry.
    std::string last_message{};
    std::string last_turn{};
    /// Of two copies of a row the one with the higher version is newer. The store gives each change
    /// one; 0: it was never in a store that does.
    std::uint64_t version = 0;

    friend bool operator==(const ThreadFields&, const ThreadFields&) = default;
};

/// What became of an owner's rows since they were asked for last.
struct RowChanges {
    std::string at{}; ///< for the next time
    bool all = false; ///< unknown: any row may have changed
    std::vector<std::string> ids{};
};

/// What a client may change of a row.
struct RowChange {
    std::optional<std::string> title{};
    std::optional<bool> archived{};
};

/// A row as a process has it.
struct OfferedRow {
    ThreadKey key;
    ThreadFields fields; ///< without a thread: it was deleted
};

} // namespace oa_stream::store
