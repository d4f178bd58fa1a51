#include "oa_stream/probe/shared_turns.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/wire/sse.hpp"

#include "stream/target_request.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr auto k_poll = Millis{5};
constexpr std::size_t k_most_named = 5; ///< threads named by the check
constexpr std::string_view k_frame_end = "\n\n";
constexpr std::string_view k_done = "data: [DONE]\n\n";

bool whole(std::string_view frames) {
    return frames.ends_with(k_done);
}

} // namespace

Shared judge_shared(const SharedTurn& turn) {
    if (!whole(turn.second)) {
        return Shared::lost;
    }
    if (whole(turn.first)) {
        return turn.first == turn.second ? Shared::same : Shared::differs;
    }
    // A dead lane's reader may have received more than the lane had written to the store, but never
    // different bytes. The first frame identifies the turn.
    const auto end = turn.first.find(k_frame_end);
    const auto first =
        end == std::string::npos ? turn.first : turn.first.substr(0, end + k_frame_end.size());
    return !first.empty() && turn.second.starts_with(first) ? Shared::carried : Shared::differs;
}

struct SharedTurns::State {
    net::HttpClient* client = nullptr;
    SharedTurnsOptions options{};
    bool over = false;
    bool running = false;
    std::size_t next = 0;
    std::map<Shared, std::uint64_t> counts{};
    std::vector<std::string> wrong{};
    std::string digests{}; ///< of all identical answers

    static Task<net::ClientResponse>
    fetch_turn(std::shared_ptr<State> self, Target lane, std::string thread);
    static Task<void> read_twice(std::shared_ptr<State> self);
    static Task<void> go_on(std::shared_ptr<State> self);
};

Task<net::ClientResponse>
SharedTurns::State::fetch_turn(std::shared_ptr<State> self, Target lane, std::string thread) {
    net::ClientRequest resume =
        target_request(lane, "GET", "/api/chat/" + thread + "/stream", self->options.limits);
    resume.fresh_connection = true;
    co_return co_await self->client->fetch(std::move(resume));
}

Task<void> SharedTurns::State::read_twice(std::shared_ptr<State> self) {
    const auto& lanes = self->options.lanes;
    const std::size_t at = self->next++ % lanes.size();
    const std::string thread = fresh_thread("oaprobe_shared");
    net::ClientRequest begin = target_request(lanes[at], "POST", "/api/chat", self->options.limits);
    begin.headers.set("content-type", "application/json");
    begin.body = chat_body(thread, self->options.prompt);
    begin.fresh_connection = true;
    const auto heard = std::make_shared<std::string>();
    net::StreamHandlers handlers;
    handlers.on_bytes = [heard](std::string_view bytes, Clock::time_point) {
        heard->append(bytes);
        return net::Flow::go_on;
    };
    const auto transfer = self->client->stream(std::move(begin), std::move(handlers));
    const auto deadline = Clock::now() + self->options.limits.first_byte;
    while (heard->empty() && Clock::now() < deadline && co_await sleep_for(k_poll)) {
    }
    SharedTurn turn;
    bool read = false;
    // If the lane that is read through dies, the next one is tried.
    for (std::size_t i = 0; i < lanes.size() && !whole(turn.second); ++i) {
        const auto second = co_await fetch_turn(self, lanes[(at + 1 + i) % lanes.size()], thread);
        if (second.status == 200) {
            turn.second = wire::without_sse_comments(second.body);
            read = true;
        } else if (second.status == 204) {
            read = false; // it has ended: its result is no longer needed
            break;
        }
    }
    const auto first = co_await transfer->done();
    turn.first = wire::without_sse_comments(*heard);
    if (first.status != 200 || (!read && whole(turn.first))) {
        // Refused answers are judged by the gates; an answer that had ended does not count as live.
        co_return;
    }
    const Shared how = judge_shared(turn);
    ++self->counts[how];
    if (how == Shared::same) {
        self->digests += sha256_hex(turn.first);
    } else if (how != Shared::carried && self->wrong.size() < k_most_named) {
        self->wrong.push_back(thread);
    }
}

Task<void> SharedTurns::State::go_on(std::shared_ptr<State> self) {
    while (!self->over) {
        co_await read_twice(self);
        if (self->over || !co_await sleep_for(self->options.pause)) {
            break;
        }
    }
    self->running = false;
}

SharedTurns::SharedTurns(net::HttpClient& client, SharedTurnsOptions options)
    : state_(std::make_shared<State>()) {
    state_->client = &client;
    state_->options = std::move(options);
}

void SharedTurns::start(const asio::any_io_executor& executor) {
    state_->running = true;
    spawn(executor, "shared turns", State::go_on(state_));
}

Task<Check> SharedTurns::finish(std::string id) {
    const auto state = state_;
    state->over = true;
    while (state->running && co_await sleep_for(k_poll)) {
    }
    auto& counts = state->counts;
    const auto same = counts[Shared::same];
    const auto carried = counts[Shared::carried];
    const auto lost = counts[Shared::lost];
    const auto differs = counts[Shared::differs];
    Check out;
    out.id = std::move(id);
    out.data = {
        {"lanes", state->options.lanes.size()},
        {"same", same},
        {"carried_on", carried},
        {"lost", lost},
        {"differ", differs},
        {"digest", sha256_hex(state->digests)},
        {"threads", state->wrong},
    };
    if (lost + differs > 0) {
        out.verdict = Verdict::fail;
        out.detail = fmt::format(
            "read through another lane, {} answers got no ending and {} had other bytes ({})",
            lost,
            differs,
            state->wrong.front()
        );
    } else if (same + carried == 0) {
        out.verdict = Verdict::inconclusive;
        out.detail = "no answer could be read through another lane while it ran";
    } else {
        out.verdict = Verdict::pass;
        out.detail = fmt::format(
            "{} read through another lane while running: same digest, none lost{}",
            counted(same, "answer"),
            carried == 0 ? ""
                         : fmt::format("; {} of a dead lane were ended by another one", carried)
        );
    }
    co_return out;
}

} // namespace oa_stream::probe
