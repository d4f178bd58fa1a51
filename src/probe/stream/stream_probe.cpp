#include "oa_stream/probe/stream_probe.hpp"

#include "answer_reader.hpp"
#include "body_tail.hpp"
#include "target_request.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>
#include <utility>

namespace oa_stream::probe {
namespace {

/// Holds each piece back for a while, to act as a slow reader.
struct Brake {
    Brake(const asio::any_io_executor& executor, Millis how_long)
        : timer(executor), pause(how_long) {}
    asio::steady_timer timer;
    Millis pause;
    bool released = false; ///< the held piece may be consumed now
    std::weak_ptr<net::Transfer> transfer{};
};

/// True when the piece may be consumed; false when it must be held back, and is delivered again.
bool may_take(const std::shared_ptr<Brake>& brake) {
    if (brake->pause.count() == 0 || std::exchange(brake->released, false)) {
        return true;
    }
    brake->timer.expires_after(brake->pause);
    brake->timer.async_wait([brake](const boost::system::error_code& error) {
        const auto transfer = brake->transfer.lock();
        if (!error && transfer) {
            brake->released = true;
            transfer->resume();
        }
    });
    return false;
}

} // namespace

Task<ProbeSample>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every probe
probe_stream(net::HttpClient& client, Target target, ProbeRequest request, ProbeLimits limits) {
    net::ClientRequest wire = target_request(target, request.method, request.path, limits);
    wire.headers.set("accept", "text/event-stream, application/json");
    if (!request.accept_encoding.empty()) {
        wire.headers.set("accept-encoding", request.accept_encoding);
    }
    if (!request.body.empty()) {
        wire.headers.set("content-type", "application/json");
        wire.body = std::move(request.body);
    }
    wire.fresh_connection = request.fresh_connection;

    const auto executor = co_await asio::this_coro::executor;
    const auto brake = std::make_shared<Brake>(executor, request.read_pause);
    const auto tail = std::make_shared<BodyTail>(executor);
    auto cancellable = std::exchange(request.on_cancellable, {});
    auto reader =
        std::make_shared<AnswerReader>(std::move(request), std::move(target.revision_header));
    net::StreamHandlers handlers{
        .on_head =
            [reader](const net::ClientResponse& head) {
                reader->head(head);
                return net::Flow::go_on;
            },
        .on_bytes =
            [reader, brake, tail](std::string_view bytes, Clock::time_point at) {
                if (!may_take(brake)) {
                    return net::Flow::pause;
                }
                const bool more = reader->bytes(bytes, at);
                tail->saw(reader->done(), at);
                return more ? net::Flow::go_on : net::Flow::stop;
            },
    };
    std::shared_ptr<net::Transfer> transfer = client.stream(std::move(wire), std::move(handlers));
    brake->transfer = transfer;
    if (cancellable) {
        cancellable([weak = std::weak_ptr(transfer)] {
            if (const auto alive = weak.lock()) {
                alive->cancel();
            }
        });
    }
    const net::ClientResponse response = co_await transfer->done();
    co_return reader->end(response, tail->seconds_to_end());
}

} // namespace oa_stream::probe
