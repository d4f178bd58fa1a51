// The lane itself: requests in, one gate after the other, turns out. Runs on one executor's thread.
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

/// What the lane works with. Everything outlives it.
struct LaneParts {
    authority::Authority* authority = nullptr;
    IdMap* ids = nullptr;
    store::Store* store = nullptr; ///< what several lanes share; null: this one is alone
    LaneObserver* observer = nullptr; ///< may be null
    std::function<void(std::string_view line)> access_log{
    }; ///< one JSON line a request; may be empty
    Log* log = nullptr; ///< of anything else; may be null
    /// What GET /metrics says; it is given what /readyz says. Empty: 404.
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

    /// With a table every request but health and version needs one of its tokens; with nullopt
    /// nobody does. May be called again (reload).
    void set_tokens(std::optional<TokenTable> tokens);
    void set_window(CompatWindow window);
    void set_mode(LaneMode mode);
    [[nodiscard]] LaneMode mode() const noexcept;

    /// The authority deleted these threads by itself: their conversations go, titles and all.
    void forget(std::vector<std::string> threads);

    /// From now on: /readyz is 503, new turns are refused.
    void begin_drain();
    /// Waits up to `limit` for live turns; ends what is left with a proper error ending, in time
    /// for it to reach the readers. Returns how many turns were ended so.
    [[nodiscard]] Task<std::size_t> drain(Millis limit);
    /// Stops the lane's timer and cuts readers that are still there.
    void close();
    /// Once the server and the authority are closed, too: waits until the requests that they broke
    /// off are recorded, at most 100 ms.
    [[nodiscard]] Task<void> settle();
    [[nodiscard]] std::size_t busy() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::lane
