#include "thread_cleanup.hpp"

#include <deque>
#include <functional>
#include <utility>

namespace oa_stream::playbook {

namespace {

constexpr Millis k_whole_run = std::chrono::hours(24 * 365);
constexpr Millis k_tick{10};

} // namespace

struct ThreadCleanup::State {
    class Counted final : public net::HttpClient {
    public:
        explicit Counted(net::HttpClient& client) : client_(client) {}
        [[nodiscard]] Task<net::ClientResponse> fetch(net::ClientRequest request) override {
            ++requests.sent;
            auto answer = co_await client_.fetch(std::move(request));
            ++requests.over;
            co_return answer;
        }
        [[nodiscard]] std::shared_ptr<net::Transfer>
        stream(net::ClientRequest request, net::StreamHandlers handlers) override {
            return client_.stream(std::move(request), std::move(handlers));
        }
        [[nodiscard]] net::TlsTrouble tls_trouble() const noexcept override {
            return client_.tls_trouble();
        }

        OtherRequests requests{};

    private:
        net::HttpClient& client_;
    };

    State(net::HttpClient& http, probe::ProbeLimits limits)
        : client(http), remover(client, limits, {.longest = k_whole_run, .stop = [this] {
                                                     return gone || (stop && stop());
                                                 }}) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() = default;

    std::deque<probe::OpenedThreads> waiting{};
    std::function<bool()> stop{};
    bool working = false;
    bool gone = false;
    Counted client;
    probe::ThreadRemover remover;
};

ThreadCleanup::ThreadCleanup(
    asio::any_io_executor executor, net::HttpClient& client, probe::ProbeLimits limits
)
    : executor_(std::move(executor)), state_(std::make_shared<State>(client, limits)) {
}

ThreadCleanup::~ThreadCleanup() {
    state_->gone = true;
}

Task<void> ThreadCleanup::work(std::shared_ptr<State> state) {
    while (!state->waiting.empty() && !state->gone) {
        probe::OpenedThreads next = std::move(state->waiting.front());
        state->waiting.pop_front();
        co_await state->remover.remove(std::move(next));
    }
    state->working = false;
}

OtherRequests ThreadCleanup::requests() const {
    return state_->client.requests;
}

void ThreadCleanup::add(probe::OpenedThreads opened) {
    state_->waiting.push_back(std::move(opened));
    if (!std::exchange(state_->working, true)) {
        spawn(executor_, "thread cleanup", work(state_));
    }
}

Task<probe::Removal>
ThreadCleanup::finish(std::vector<probe::OpenedThreads> rest, probe::RemovePace pace) {
    const auto state = state_;
    state->remover.end_within(pace.longest);
    state->stop = std::move(pace.stop);
    for (probe::OpenedThreads& some : rest) {
        add(std::move(some));
    }
    while (state->working) {
        (void)co_await sleep_for(k_tick);
    }
    co_return co_await state->remover.finish();
}

} // namespace oa_stream::playbook
