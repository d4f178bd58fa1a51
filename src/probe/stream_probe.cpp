#include "oa_stream/probe/stream_probe.hpp"

#include "answer_reader.hpp"
#include "target_request.hpp"

#include <memory>
#include <utility>

namespace oa_stream::probe {

Task<ProbeSample>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every probe
probe_stream(net::HttpClient& client, Target target, ProbeRequest request, ProbeLimits limits) {
    net::ClientRequest wire = target_request(target, request.method, request.path);
    wire.headers.set("accept", "text/event-stream, application/json");
    if (!request.body.empty()) {
        wire.headers.set("content-type", "application/json");
        wire.body = std::move(request.body);
    }
    wire.fresh_connection = request.fresh_connection;
    apply_limits(wire, limits);

    auto cancellable = std::exchange(request.on_cancellable, {});
    auto reader = std::make_shared<AnswerReader>(std::move(request));
    net::StreamHandlers handlers{
        .on_head =
            [reader](const net::ClientResponse& head) {
                reader->head(head);
                return net::Flow::go_on;
            },
        .on_bytes = [reader](
                        std::string_view bytes, Clock::time_point at
                    ) { return reader->bytes(bytes, at) ? net::Flow::go_on : net::Flow::stop; },
    };
    std::shared_ptr<net::Transfer> transfer = client.stream(std::move(wire), std::move(handlers));
    if (cancellable) {
        cancellable([weak = std::weak_ptr(transfer)] {
            if (const auto alive = weak.lock()) {
                alive->cancel();
            }
        });
    }
    const net::ClientResponse response = co_await transfer->done();
    co_return reader->end(response);
}

} // namespace oa_stream::probe
