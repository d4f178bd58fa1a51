// The rows of conversations that several lanes share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::store {

/// A client's thread. The owner has to be authenticated before the key is used.
struct ThreadKey {
    std::string owner{}; ///< empty without auth
    std::string id{};
    friend bool operator==(const ThreadKey&, const ThreadKey&) = default;
};

/// The fields of a conversation in a lane's map of threads.
struct ThreadFields {
    std::string thread{}; ///< the authority's thread id
    std::size_t seeded = 0; ///< messages that the thread began with
    std::string title{}; ///< the authority's last title; empty when there is none yet
    std::int64_t created_at = 0; ///< Unix seconds, 0 when unknown
    std::int64_t updated_at = 0; ///< likewise
    bool archived = false; ///< not in the usual list; no other effect
    /// For the newest turn: the user message that it answers (a digest of id and text) and the
    /// authority's turn id. A request that repeats this message is a retry.
    std::string last_message{};
    std::string last_turn{};
    /// Of two copies of a row, the one with the higher version is newer. The store gives each
    /// change a version; 0: the row was never in a store with versions.
    std::uint64_t version = 0;

    friend bool operator==(const ThreadFields&, const ThreadFields&) = default;
};

/// Which rows of an owner have changed since an earlier request.
struct RowChanges {
    std::string at{}; ///< pass it to the next request
    bool all = false; ///< unknown: any row may have changed
    std::vector<std::string> ids{};
};

/// The fields of a row that a client may change.
struct RowChange {
    std::optional<std::string> title{};
    std::optional<bool> archived{};
};

/// A row in a process's map.
struct OfferedRow {
    ThreadKey key;
    ThreadFields fields; ///< without a thread: the row was deleted
};

} // namespace oa_stream::store
