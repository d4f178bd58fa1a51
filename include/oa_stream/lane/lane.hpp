// The lane itself: requests pass one gate after the other and become turns. Runs on one executor's
// thread.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/lane/auth.hpp"
#include "oa_stream/lane/config.hpp"
#include "oa_stream/net/http_server.hpp"
#include "oa_stream/store/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

class IdMap;
class LaneObserver;

/// What the lane works with. All of it must outlive the lane.
struct LaneParts {
    authority::Authority* authority = nullptr;
    IdMap* ids = nullptr;
    store::Store* store = nullptr; ///< shared by several lanes; null: this lane is alone
    LaneObserver* observer = nullptr; ///< may be null
    std::function<void(std::string_view line)> access_log{
    }; ///< receives one line per request; may be empty
    Log* log = nullptr; ///< for all other events; may be null
    /// Returns the text of GET /metrics; `ready` is the state that /readyz reports. Empty: 404.
    std::function<std::string(bool ready)> metrics{};
};

class Lane {
public:
    Lane(const asio::any_io_executor& executor, LaneConfig config, LaneParts parts);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// For HttpServer::listen. The lane must outlive the server and the executor's last run.
    [[nodiscard]] net::Handler handler();
    [[nodiscard]] net::ErrorPage error_page();

    /// With a table, every request but health and version needs one of its tokens; with nullopt, no
    /// request needs one. May be called again (reload).
    void set_tokens(std::optional<TokenTable> tokens);
    void set_window(CompatWindow window);
    void set_mode(LaneMode mode);
    [[nodiscard]] LaneMode mode() const noexcept;

    /// The authority deleted these threads on its own initiative: forgets their conversations,
    /// titles included.
    void forget(std::vector<std::string> threads);

    /// From now on /readyz answers 503 and new turns are refused.
    void begin_drain();
    /// Waits up to `limit` for live turns. Ends the remaining turns with an error ending, early
    /// enough for it to reach the readers. Returns how many turns were ended in this way.
    [[nodiscard]] Task<std::size_t> drain(Millis limit);
    /// Stops the lane's timer and cuts the remaining readers.
    void close();
    /// Call it after the server and the authority are closed: waits, at most 100 ms, until the
    /// requests that were broken off by this are recorded.
    [[nodiscard]] Task<void> settle();
    [[nodiscard]] std::size_t busy() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::lane
