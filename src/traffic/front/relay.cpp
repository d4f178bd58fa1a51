// Relays one request through the front door. Bytes are never collected, except for short answers of
// known length, which keep their content-length that way.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "front_core.hpp"
#include "wake.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <array>
#include <new>
#include <utility>
#include <vector>

namespace oa_stream::traffic {
namespace {

constexpr std::uint64_t k_short_answer = 256U << 10U;
constexpr int k_created = 201;
constexpr int k_refused = 400;
constexpr std::array k_may_run{409, 502, 504}; ///< a turn runs, or failed after it was sent on
constexpr auto k_peer_poll = Millis{50}; // how soon a client's leaving ends a slow start
/// A client that only closed its sending half looks like one that left, but still reads a complete
/// answer (`nc -N`). One that did leave keeps its backend busy this much longer.
constexpr auto k_half_closed = Millis{1000};
constexpr auto k_stream_wait = std::chrono::hours(24); // longer than any stream

struct Relay {
    Relay(const asio::any_io_executor& executor, Route to) : route(std::move(to)), wake(executor) {}
    Route route; ///< changes while lanes accept no connection
    std::shared_ptr<net::Exchange> exchange;
    std::shared_ptr<net::Transfer> transfer;
    MirrorCopyPtr copy; ///< null: not mirrored
    std::shared_ptr<net::BodyStream> body; ///< set once the head was forwarded
    std::optional<net::ClientResponse> head;
    std::optional<net::ClientResponse> result; ///< set when the transfer has ended
    std::string short_answer;
    bool is_short = false;
    bool paused = false;
    bool client_gone = false;
    std::optional<Clock::time_point> client_ended; ///< it closed at least its sending half
    Wake wake;

    net::Flow receive(std::string_view bytes) {
        if (is_short) {
            short_answer.append(bytes);
            mirror_bytes(bytes);
            return net::Flow::go_on;
        }
        if (!body || body->state() == net::BodyStream::State::blocked) {
            paused = true; // the piece is delivered again after resume()
            return net::Flow::pause;
        }
        mirror_bytes(bytes);
        const std::array slices{net::Slice{nullptr, bytes}};
        return body->send(slices) == net::BodyStream::State::gone ? net::Flow::stop
                                                                  : net::Flow::go_on;
    }
    void mirror_bytes(std::string_view bytes) const {
        if (copy) {
            copy->user_bytes(bytes);
        }
    }
    void resume() {
        if (paused && transfer) {
            paused = false;
            transfer->resume();
        }
    }
    /// Before there is a body stream, which reports this itself.
    void look_at_client() {
        if (client_gone || body || !exchange->peer_gone()) {
            return;
        }
        client_ended = client_ended.value_or(Clock::now());
        if (exchange->connection_lost() || Clock::now() - *client_ended >= k_half_closed) {
            leave();
        }
    }
    void leave() {
        client_gone = true;
        if (transfer) {
            transfer->cancel();
        }
        wake.notify();
    }
};
using RelayPtr = std::shared_ptr<Relay>;

bool asks_for_head(const net::Request& request) {
    return request.method == "HEAD";
}

bool known_short(const net::Request& request, const net::ClientResponse& head) {
    if (head.status == 204 || head.status == 304) {
        return true;
    }
    const auto length = head.headers.get("content-length");
    return length && (asks_for_head(request) || parse_count(*length, 0, k_short_answer));
}

using RequestBody = std::shared_ptr<const std::string>;

/// The request's body, without a copy: it counts towards the door's limit until it was sent.
RequestBody lend_body(const std::shared_ptr<net::Exchange>& exchange) {
    return {&exchange->request().body, [exchange](const std::string*) { exchange->drop_body(); }};
}

net::ClientRequest upstream_request(
    const FrontCore& core, const Arm& arm, const net::Request& from, RequestBody body
) {
    net::ClientRequest out;
    out.method = from.method;
    out.url = arm.backend.url + from.target;
    out.headers = end_to_end(from.headers);
    for (const std::string_view own :
         {k_pin_header, std::string_view("content-length"), std::string_view("expect")}) {
        out.headers.remove(own);
    }
    if (const auto colon = from.peer.rfind(':'); colon != std::string::npos) {
        out.headers.add("x-forwarded-for", from.peer.substr(0, colon));
    }
    out.relayed = true;
    out.shared_body = std::move(body);
    out.connect_timeout = core.options.connect_timeout;
    out.first_byte_timeout = core.options.first_byte_timeout;
    out.idle_timeout = core.options.idle_timeout;
    out.total_timeout = k_stream_wait; // only silence ends it
    return out;
}

net::Headers
downstream_headers(const Arm& arm, const net::Request& request, const net::Headers& from) {
    net::Headers out = end_to_end(from);
    if (!asks_for_head(request)) { // for HEAD it is the length of the answer to a GET
        out.remove("content-length");
    }
    if (!out.has(net::k_revision_header)) {
        out.add(net::k_revision_header, arm.backend.name);
    }
    return out;
}

Task<void> await_result(RelayPtr relay) {
    relay->result = co_await relay->transfer->done();
    relay->wake.notify();
}

Task<void> until(RelayPtr relay, bool (*ready)(const Relay&)) {
    while (!ready(*relay)) {
        // Once there is a body stream it reports itself that its reader left.
        co_await relay->wake.wait(relay->body ? k_stream_wait : k_peer_poll);
        relay->look_at_client();
    }
}

/// The transfer's result, once it has ended.
Task<net::ClientResponse> result_of(RelayPtr relay) {
    co_await until(relay, [](const Relay& r) { return r.result.has_value(); });
    co_return relay->result.value_or(net::ClientResponse{});
}

void open_transfer(const CorePtr& core, const Arm& arm, const RelayPtr& relay, RequestBody body) {
    net::StreamHandlers handlers;
    handlers.on_head = [relay](const net::ClientResponse& head) {
        relay->head = head;
        if (relay->copy) {
            relay->copy->user_head(head);
        }
        relay->is_short = known_short(relay->exchange->request(), head);
        relay->wake.notify();
        return net::Flow::go_on;
    };
    handlers.on_bytes = [relay](std::string_view bytes, Clock::time_point) {
        return relay->receive(bytes);
    };
    relay->transfer = core->client->stream(
        upstream_request(*core, arm, relay->exchange->request(), std::move(body)),
        std::move(handlers)
    );
    spawn(core->executor, "front transfer", await_result(relay));
}

enum class Ending { finished, unreachable, broken, client_gone };

/// Nothing was sent, so a retry cannot repeat anything.
bool took_no_connection(const Relay& relay) {
    using enum net::TransferFailure;
    return !relay.head && !relay.client_gone && relay.result &&
           (relay.result->failure == refused || relay.result->failure == connect_timeout);
}

/// Transfers to `route.arm` until an answer begins, or the transfer ends without one. If a lane
/// accepts no connection, another lane of its revision is tried.
Task<void> reach(CorePtr core, RelayPtr relay) {
    std::vector<std::size_t> asked;
    const RequestBody body = lend_body(relay->exchange);
    while (true) {
        asked.push_back(relay->route.arm);
        open_transfer(core, core->arms[asked.back()], relay, body);
        co_await until(relay, [](const Relay& r) { return r.head || r.result; });
        const auto other = took_no_connection(*relay) ? core->other_lane(asked) : std::nullopt;
        if (!other) {
            co_return;
        }
        core->pass_on(relay->route, *other);
        relay->result.reset();
    }
}

Task<Ending>
bad_gateway(CorePtr core, std::size_t arm, RelayPtr relay, net::ClientResponse result) {
    const std::string& name = core->arms[arm].backend.name;
    const std::string why = result.failure_text.empty()
                                ? std::string(net::to_string(result.failure))
                                : result.failure_text;
    net::Response response =
        json_error(502, "bad_gateway", fmt::format("revision {} did not answer: {}", name, why));
    response.headers.add(net::k_revision_header, name);
    (void)co_await relay->exchange->respond(std::move(response));
    co_return Ending::unreachable;
}

/// The answer of a lane whose turn ends with its client.
Task<Ending> give_up(RelayPtr relay) {
    (void)co_await relay->exchange->respond(
        json_error(499, "client_closed_request", "the client left before the answer")
    );
    co_return Ending::client_gone;
}

Task<Ending> pass_short(CorePtr core, std::size_t arm, RelayPtr relay, net::ClientResponse head) {
    net::ClientResponse result = co_await result_of(relay);
    if (relay->client_gone) {
        co_return co_await give_up(std::move(relay));
    }
    if (result.failure != net::TransferFailure::none) {
        co_return co_await bad_gateway(core, arm, relay, std::move(result));
    }
    net::Response response{
        head.status,
        downstream_headers(core->arms[arm], relay->exchange->request(), head.headers),
        std::move(relay->short_answer)
    };
    const auto sent = co_await relay->exchange->respond(std::move(response));
    co_return sent ? Ending::finished : Ending::client_gone;
}

Task<Ending> pass_stream(CorePtr core, std::size_t arm, RelayPtr relay, net::ClientResponse head) {
    auto body = co_await relay->exchange->start_stream(
        head.status, downstream_headers(core->arms[arm], relay->exchange->request(), head.headers)
    );
    if (!body) {
        relay->leave();
        (void)co_await result_of(relay);
        co_return Ending::client_gone;
    }
    relay->body = *body;
    const std::weak_ptr<Relay> weak = relay;
    relay->body->on_gone([weak] {
        if (const auto alive = weak.lock()) {
            alive->leave();
        }
    });
    relay->body->on_writable([weak] {
        if (const auto alive = weak.lock()) {
            alive->resume();
        }
    });
    relay->resume();
    const net::ClientResponse result = co_await result_of(relay);
    if (relay->client_gone || relay->body->state() == net::BodyStream::State::gone) {
        co_return Ending::client_gone;
    }
    if (result.failure != net::TransferFailure::none) {
        relay->body->cut(); // never a clean end that the backend did not give
        co_return Ending::broken;
    }
    relay->body->finish();
    // A slow reader still receives queued bytes: until then a drain must not close its connection.
    while (!relay->client_gone && relay->body->state() != net::BodyStream::State::gone) {
        co_await relay->wake.wait(k_peer_poll);
    }
    co_return relay->client_gone ? Ending::client_gone : Ending::finished;
}

Task<Ending> run(CorePtr core, RelayPtr relay) {
    co_await reach(core, relay);
    const Route& route = relay->route;
    const std::size_t arm = route.arm;
    if (!relay->head) {
        net::ClientResponse result = co_await result_of(relay);
        if (relay->client_gone) {
            co_return co_await give_up(std::move(relay)); // its turn may run: a stop comes next
        }
        if (took_no_connection(*relay)) {
            core->unsettle(route);
        } else { // the request may run there, and so may an earlier turn
            core->go_back(route);
        }
        co_return co_await bad_gateway(core, arm, relay, std::move(result));
    }
    net::ClientResponse head = *std::move(relay->head);
    if (head.status < 200) { // the client requested no other protocol
        relay->transfer->cancel();
        net::ClientResponse result = co_await result_of(relay);
        result.failure_text = fmt::format("its answer is {}", head.status);
        co_return co_await bad_gateway(core, arm, relay, std::move(result));
    }
    if (const auto learned = head.headers.get(net::k_thread_header)) {
        core->learn(std::string(*learned), route);
        if (core->mirror && route.ref.thread.empty()) {
            core->mirror->leave_out(std::string(*learned));
        }
    }
    if (head.status == k_created) { // a chat, perhaps with an id that the server chose
        const auto location = head.headers.get("location").value_or("");
        const std::string made = thread_of("GET", location, "", "").thread;
        if (!made.empty()) {
            core->sticky.remember(made, route.arm);
        }
        if (core->mirror && !route.ref.thread.empty() && made != route.ref.thread) {
            core->mirror->leave_out(made); // a copy with turns that the mirror does not have
        }
    }
    if (contains(k_may_run, head.status)) {
        core->go_back(route);
    } else if (head.status >= k_refused) {
        core->let_go(route);
    }
    core->arms[arm].counters.status_5xx += head.status >= 500 ? 1 : 0;
    if (relay->is_short) {
        co_return co_await pass_short(core, arm, relay, std::move(head));
    }
    co_return co_await pass_stream(core, arm, relay, std::move(head));
}

std::uint64_t& counter_of(ArmCounters& counters, Ending ending) {
    switch (ending) {
    case Ending::finished:
        return counters.finished;
    case Ending::unreachable:
        return counters.unreachable;
    case Ending::broken:
        return counters.broken;
    case Ending::client_gone:
        break;
    }
    return counters.client_gone;
}

/// If memory for a request is lacking, only this request ends.
Task<Ending> run_or_refuse(CorePtr core, RelayPtr relay) {
    try {
        core->settle(relay->route);
        if (core->mirror) {
            relay->copy = core->mirror->begin(relay->exchange->request(), relay->route.ref);
        }
        co_return co_await run(core, relay);
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): no waiting in here
    }
    if (relay->transfer) {
        relay->transfer->cancel();
    } else { // nothing was sent
        core->let_go(relay->route);
    }
    if (relay->body) {
        relay->body->cut();
        co_return Ending::broken;
    }
    (void)co_await relay->exchange->respond(
        unavailable("service_unavailable", "there is no memory for the request")
    );
    co_return Ending::unreachable;
}

} // namespace

Task<void> relay(CorePtr core, Route route, std::shared_ptr<net::Exchange> exchange) {
    auto state = std::make_shared<Relay>(core->executor, std::move(route));
    state->exchange = std::move(exchange);
    core->begin(state->route);
    Ending ending = Ending::broken;
    try {
        ending = co_await run_or_refuse(core, state);
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): not even for a refusal
    }
    ArmCounters& counters = core->arms[state->route.arm].counters;
    --counters.active;
    ++counter_of(counters, ending);
    if (state->copy) {
        state->copy->user_done(ending == Ending::finished);
    }
    state->transfer.reset(); // its handlers hold `state`
}

} // namespace oa_stream::traffic
