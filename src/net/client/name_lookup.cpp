#include "oa_stream/net/name_lookup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>

namespace oa_stream::net {

struct NameLookup::State {
    explicit State(const asio::any_io_executor& executor)
        : resolver(executor), over(executor, Clock::time_point::max()) {}

    void resolved(const boost::system::error_code& error, Places places) {
        found = {error, std::move(places)};
        over.cancel();
    }

    asio::ip::tcp::resolver resolver;
    asio::steady_timer over; ///< wakes run()
    Found found{asio::error::operation_aborted, {}};
};

NameLookup::NameLookup(const asio::any_io_executor& executor)
    : state_(std::make_shared<State>(executor)) {
}

Task<NameLookup::Found> NameLookup::run(std::string host, std::string port) {
    return run_on(state_, std::move(host), std::move(port));
}

Task<NameLookup::Found>
NameLookup::run_on(std::shared_ptr<State> state, std::string host, std::string port) {
    state->resolver.async_resolve(host, port, std::bind_front(&State::resolved, state));
    (void)co_await state->over.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return state->found;
}

void NameLookup::abandon() noexcept {
    state_->resolver.cancel(); // cancels a lookup that has not begun
    state_->over.cancel();
}

} // namespace oa_stream::net
