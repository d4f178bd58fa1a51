#include "round.hpp"

#include "slow_reader.hpp"
#include "watch.hpp"

#include <fmt/format.h>

namespace oa_stream::churn {

namespace {

constexpr std::size_t k_samples = 20;
constexpr Millis k_refused_pause{200};
constexpr Millis k_poll{20};
constexpr Millis k_last_sips{5000}; ///< the slow may go on for so long when the others are done

struct Answer {
    net::ClientResponse response;
    std::string bytes;
};

/// One transfer; ends it by itself once `most` bytes have come.
Task<Answer> transfer(
    net::HttpClient* http,
    net::ClientRequest request,
    std::shared_ptr<Watch> watch,
    std::size_t most
) {
    auto bytes = std::make_shared<std::string>();
    net::StreamHandlers handlers;
    handlers.on_head = [watch](const net::ClientResponse& head) {
        if (head.status == 200) {
            watch->judge().head({head.status, head.headers.all()});
        }
        return net::Flow::go_on;
    };
    handlers.on_bytes = [watch, bytes, most](std::string_view piece, Clock::time_point) {
        watch->feed(piece);
        bytes->append(most == std::string::npos ? std::string_view() : piece);
        return bytes->size() >= most ? net::Flow::stop : net::Flow::go_on;
    };
    const auto under_way = http->stream(std::move(request), std::move(handlers));
    auto response = co_await under_way->done();
    co_return Answer{std::move(response), std::move(*bytes)};
}

} // namespace

Round::Round(
    const asio::any_io_executor& executor,
    const Options& options,
    const std::vector<Recording>& recordings,
    const Recording& slow,
    std::uint64_t number
)
    : executor_(executor), options_(&options), recordings_(&recordings), slow_(&slow),
      http_(net::HttpClient::make(executor)), random_(options.seed + number), number_(number),
      until_(Clock::now() + options.round) {
}

Task<Counts> Round::run(std::shared_ptr<Round> self) {
    self->running_ = self->options_->streams;
    for (std::size_t slot = 0; slot < self->options_->streams; ++slot) {
        spawn(self->executor_, "churn client", client(self, slot));
    }
    while (self->running_ > 0) {
        co_await sleep_for(k_poll);
    }
    co_return self->counts_;
}

/// The same threads in every round: what a lane keeps of a thread it keeps once.
Round::Turn Round::next_turn(std::size_t slot, const Recording& recording) {
    const auto message = fmt::format("u-{}-{}", number_, ++messages_);
    return {
        fmt::format("/api/chats/churn-{}/stream", slot),
        fmt::format(
            R"({{"messages":[{{"id":"{}","role":"user","parts":[{{"type":"text","text":"replay:{}"}}]}}]}})",
            message,
            recording.name
        ),
        &recording
    };
}

Task<void> Round::client(std::shared_ptr<Round> self, std::size_t slot) {
    // Not all in the same millisecond.
    co_await sleep_for(Millis(self->random_() % 1000));
    while (Clock::now() < self->until_) {
        const auto role = self->random_() % 100;
        const auto& recording = (*self->recordings_)[self->random_() % self->recordings_->size()];
        const auto after = 1 + self->random_() % (recording.text.size() * 4 + 200);
        ++self->counts_.streams;
        self->counts_.most_at_once = std::max(self->counts_.most_at_once, ++self->open_);
        if (role < 80) {
            co_await read(self, self->next_turn(slot, recording));
        } else if (role < 90) {
            (void)co_await leave(self, self->next_turn(slot, recording), after);
        } else if (role < 95) {
            co_await resume(self, self->next_turn(slot, recording), after);
        } else {
            co_await dawdle(self, self->next_turn(slot, *self->slow_));
        }
        --self->open_;
    }
    --self->running_;
}

net::ClientRequest Round::request_of(const Turn& turn) const {
    net::ClientRequest request;
    request.method = "POST";
    request.url = options_->base + turn.path;
    request.headers.set("content-type", "application/json");
    request.body = turn.body;
    request.fresh_connection = true;
    return request;
}

void Round::complain(std::uint64_t& count, const Turn& turn, std::string what) {
    ++count;
    if (counts_.samples.size() < k_samples) {
        counts_.samples.push_back(fmt::format("{} ({}): {}", turn.path, turn.recording->name, what)
        );
    }
}

void Round::compare(const Turn& turn, std::string_view text) {
    const std::string_view recorded = turn.recording->text;
    if (text == recorded) {
        return;
    }
    auto& count = text.size() < recorded.size()   ? counts_.lost
                  : text.size() > recorded.size() ? counts_.doubled
                                                  : counts_.altered;
    complain(
        count, turn, fmt::format("{} bytes of text, recorded {}", text.size(), recorded.size())
    );
}

Task<void> Round::read(std::shared_ptr<Round> self, Turn turn) {
    auto watch = std::make_shared<Watch>();
    watch->judge().messages_known();
    const auto answer =
        co_await transfer(self->http_.get(), self->request_of(turn), watch, std::string::npos);
    if (answer.response.status != 200) {
        ++self->counts_.refused;
        co_await sleep_for(k_refused_pause);
        co_return;
    }
    const bool clean = answer.response.failure == net::TransferFailure::none;
    if (!clean) {
        self->complain(self->counts_.broken, turn, answer.response.failure_text);
    }
    for (const auto& found : watch->judge().finish(clean).violations) {
        self->complain(
            self->counts_.violations, turn, fmt::format("{}: {}", found.rule->id, found.message)
        );
    }
    if (watch->failed() || watch->aborted()) {
        self->complain(
            self->counts_.failed, turn, watch->failed() ? "ended by an error" : "stopped"
        );
    }
    self->compare(turn, watch->text());
    ++self->counts_.whole;
}

/// The bytes that came before; empty when the answer was whole by then, or refused.
Task<std::string> Round::leave(std::shared_ptr<Round> self, Turn turn, std::size_t after) {
    auto watch = std::make_shared<Watch>();
    auto answer = co_await transfer(self->http_.get(), self->request_of(turn), watch, after);
    if (answer.response.status != 200) {
        ++self->counts_.refused;
        co_await sleep_for(k_refused_pause);
        co_return std::string();
    }
    ++self->counts_.left;
    co_return watch->judge().done() ? std::string() : std::move(answer.bytes);
}

Task<void> Round::resume(std::shared_ptr<Round> self, Turn turn, std::size_t after) {
    const auto before = co_await leave(self, turn, after);
    if (before.empty()) {
        co_return;
    }
    auto request = self->request_of(turn);
    request.method = "GET";
    request.body.clear();
    auto watch = std::make_shared<Watch>();
    watch->judge().replays(before);
    const auto answer =
        co_await transfer(self->http_.get(), std::move(request), watch, std::string::npos);
    if (answer.response.status == 204) {
        ++self->counts_.resume_gone;
        co_return;
    }
    if (answer.response.status != 200) {
        self->complain(
            self->counts_.broken, turn, fmt::format("resume: {}", answer.response.status)
        );
        co_return;
    }
    const bool clean = answer.response.failure == net::TransferFailure::none;
    for (const auto& found : watch->judge().finish(clean).violations) {
        self->complain(
            self->counts_.violations,
            turn,
            fmt::format("resumed: {}: {}", found.rule->id, found.message)
        );
    }
    if (watch->aborted()) {
        ++self->counts_.resume_late;
        co_return;
    }
    self->compare(turn, watch->text());
    ++self->counts_.resumed;
}

Task<void> Round::dawdle(std::shared_ptr<Round> self, Turn turn) {
    const auto lane = net::parse_endpoint(self->options_->base.substr(7)); // behind "http://"
    const auto answer =
        co_await read_slowly(*lane, turn.path, turn.body, self->until_ + k_last_sips);
    if (answer.status != 200) {
        ++self->counts_.refused;
        co_await sleep_for(k_refused_pause);
        co_return;
    }
    ++(answer.whole ? self->counts_.slow_whole
       : answer.cut ? self->counts_.slow_cut
                    : self->counts_.slow_unfinished);
    // What a slow client did get is the beginning of what was said.
    if (!turn.recording->text.starts_with(answer.text)) {
        self->complain(self->counts_.altered, turn, "a slow client read something else");
    }
}

} // namespace oa_stream::churn
