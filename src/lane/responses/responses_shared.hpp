// Stored responses of lanes that share a store: any of them goes on from what another one answered.
#pragma once

#include "oa_stream/store/store.hpp"

#include "responses_store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::lane {

/// A response that nobody has been told the end of yet.
struct NewResponse {
    std::string owner;
    std::vector<StoredItemPtr> before{}; ///< its conversation
    std::optional<Json> response{}; ///< none: it is not to be kept, or failed
};

/// Has `job` run by another thread, unless nobody waits for it by then; false: that has too much to
/// do. The bytes are those it reads.
using Aside = std::function<Task<bool>(std::size_t bytes, std::function<void()> job)>;

/// Runs what reads so many bytes: here when they are few. False: not to its end, because the other
/// thread has too much to do, nobody waits for it, or the memory does not suffice.
[[nodiscard]] Task<bool> run_aside(Aside aside, std::size_t bytes, std::function<void()> job);

/// The response named by `id`, unless that is empty, and items by their ids, as far as they are
/// there.
[[nodiscard]] Task<Result<std::shared_ptr<ResponseStore>>> load_responses(
    store::Store* store,
    std::string owner,
    std::string id,
    std::vector<std::string> items,
    Aside aside
);

/// As GET tells it; nullopt: it is not there.
[[nodiscard]] Task<Result<std::optional<Json>>>
read_response(store::Store* store, std::string owner, std::string id);

/// Nothing happens without a response.
[[nodiscard]] Task<Result<void>>
save_response(store::Store* store, std::shared_ptr<NewResponse> unsaved);

} // namespace oa_stream::lane
