// What the pools of codex children have in common.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::authority {

/// Counts one more use in `member->load` until the last copy of the result is gone.
template <typename Member>
[[nodiscard]] std::shared_ptr<void> in_use(const std::shared_ptr<Member>& member) {
    ++member->load;
    return std::shared_ptr<void>(member.get(), [member](void*) { --member->load; });
}

/// A turn of one child, under the pool's name for its thread. Keeps `use` as long as it lives.
[[nodiscard]] std::unique_ptr<Turn>
rename_thread(std::shared_ptr<void> use, std::unique_ptr<Turn> turn, std::string thread);

/// Runs tasks side by side; returns when the last one has ended.
[[nodiscard]] Task<void> all_of(asio::any_io_executor executor, std::vector<Task<void>> tasks);

} // namespace oa_stream::authority
