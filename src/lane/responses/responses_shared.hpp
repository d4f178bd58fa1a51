// Stored responses of lanes that share a store: every lane can continue from any lane's response.
#pragma once

#include "oa_stream/store/store.hpp"

#include "responses_store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::lane {

/// A new response, until its end is sent.
struct NewResponse {
    std::string owner;
    std::vector<StoredItemPtr> before{}; ///< the conversation before it
    std::optional<Json> response{}; ///< unset: it failed, or is not to be stored
};

/// Runs `job` on another thread, unless the client leaves before it begins. False: that thread has
/// too much to do. `bytes`: how many the job reads.
using Aside = std::function<Task<bool>(std::size_t bytes, std::function<void()> job)>;

/// Runs a job that reads so many bytes: on this thread when they are few. False: the job did not
/// finish, because the other thread has too much to do, the client left, or memory ran out.
[[nodiscard]] Task<bool> run_aside(Aside aside, std::size_t bytes, std::function<void()> job);

/// Loads the response `id`, unless that is empty, and the items with these ids, as far as they
/// exist.
[[nodiscard]] Task<Result<std::shared_ptr<ResponseStore>>> load_responses(
    store::Store* store,
    std::string owner,
    std::string id,
    std::vector<std::string> items,
    Aside aside
);

/// The response as GET returns it; nullopt: it does not exist.
[[nodiscard]] Task<Result<std::optional<Json>>>
read_response(store::Store* store, std::string owner, std::string id);

/// Does nothing without a response.
[[nodiscard]] Task<Result<void>>
save_response(store::Store* store, std::shared_ptr<NewResponse> unsaved);

} // namespace oa_stream::lane
