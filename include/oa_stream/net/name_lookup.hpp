// A host name lookup that can be abandoned at a deadline.
#pragma once

#include "oa_stream/base/task.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <string>
#include <utility>

namespace oa_stream::net {

/// One lookup. asio cannot interrupt a lookup that has begun: after abandon() it continues on
/// asio's own thread and its result is ignored. Later lookups wait for it, as does the end of the
/// io_context.
class NameLookup {
public:
    using Places = asio::ip::tcp::resolver::results_type;
    using Found = std::pair<boost::system::error_code, Places>;

    explicit NameLookup(const asio::any_io_executor& executor);

    [[nodiscard]] Task<Found> run(std::string host, std::string port);
    /// A waiting run() ends with asio::error::operation_aborted.
    void abandon() noexcept;

private:
    struct State;
    [[nodiscard]] static Task<Found>
    run_on(std::shared_ptr<State> state, std::string host, std::string port);

    std::shared_ptr<State> state_;
};

} // namespace oa_stream::net
