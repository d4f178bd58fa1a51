// Client thread id → authority thread id, per owner: the only thing the lane stores.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

struct ThreadRow {
    std::string owner; ///< empty without auth
    std::string id;    ///< the client's
    std::string thread; ///< the authority's
    std::size_t seeded = 0; ///< messages the thread began with
    /// Of the newest turn, in memory only: the user message it answers (a digest of id and text)
    /// and the authority's turn id. A request that repeats that message is a retry.
    std::string last_message{};
    std::string last_turn{};
    friend bool operator==(const ThreadRow&, const ThreadRow&) = default;
};

/// The file's form: {"version":1,"threads":[{"owner","id","thread","seeded"}…]}.
[[nodiscard]] std::string format_rows(const std::vector<ThreadRow>& rows);
/// Code::config when it is something else, so that a foreign file is never overwritten.
[[nodiscard]] Result<std::vector<ThreadRow>>
parse_rows(std::string_view text, std::string_view where);

/// Lookups and changes happen in memory. A change reaches the file within `delay`, written by a
/// thread of its own: whole, atomically, and merged under a lock with what another process wrote
/// meanwhile (old and new lane overlap during an upgrade).
class IdMap {
public:
    using Problem = std::function<void(const Error&)>;

    /// An empty path keeps everything in memory. `problem` hears of failed writes, on the executor.
    /// The map must end before its executor's context. Code::config when the file is none of ours.
    [[nodiscard]] static Result<std::unique_ptr<IdMap>> open(
        const asio::any_io_executor& executor,
        std::filesystem::path path,
        Millis delay,
        Problem problem
    );
    ~IdMap();
    IdMap(const IdMap&) = delete;
    IdMap& operator=(const IdMap&) = delete;

    [[nodiscard]] const ThreadRow* find(std::string_view owner, std::string_view id) const;
    /// Everything this owner has, in no order.
    [[nodiscard]] std::vector<ThreadRow> rows_of(std::string_view owner) const;
    void put(ThreadRow row);
    /// Notes the newest turn of a known thread; nothing reaches the file.
    void
    note_turn(std::string_view owner, std::string_view id, std::string message, std::string turn);
    [[nodiscard]] std::size_t size() const noexcept;
    /// Writes what is not yet on disk and waits for it.
    [[nodiscard]] Result<void> flush();

private:
    struct Impl;
    explicit IdMap(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace oa_stream::lane
