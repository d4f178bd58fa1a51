#include "oa_stream/authority/authority.hpp"

#include "oa_stream/base/text.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>

namespace oa_stream::authority {

std::string text_in_input(const std::vector<InputPart>& parts, std::string_view between) {
    std::string out;
    for (const auto& part : parts) {
        if (const auto* text = std::get_if<InputText>(&part)) {
            out += out.empty() ? "" : between;
            out += text->text;
        }
    }
    return out;
}

namespace {

/// The number behind `mark` in Error::where, 1 to `most`.
std::optional<int> number_in(const Error& error, std::string_view mark, std::uint64_t most) {
    if (!error.where.starts_with(mark)) {
        return std::nullopt;
    }
    const auto number = parse_count(error.where.substr(mark.size()), 1, most);
    return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

} // namespace

std::optional<int> retry_after_of(const Error& error) {
    return number_in(error, "retry_after:", 3600);
}

std::optional<int> most_characters_of(const Error& error) {
    return number_in(error, "most_characters:", 100'000'000);
}

class Turn::Waiting final : public TurnWaker {
public:
    explicit Waiting(const asio::any_io_executor& executor) : timer_(executor) {}
    void turn_ready() override { timer_.cancel(); }
    [[nodiscard]] auto wait_until(Clock::time_point deadline) {
        timer_.expires_at(deadline);
        return timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }

private:
    asio::steady_timer timer_;
};

Turn::Turn() = default;
Turn::~Turn() = default;

Task<Result<EventBatch>> Turn::next(Clock::time_point deadline) {
    if (!waiting_) {
        waiting_ = std::make_unique<Waiting>(co_await asio::this_coro::executor);
    }
    while (true) {
        EventBatch batch;
        OA_CO_TRY(const bool some, poll(batch, *waiting_));
        if (some) {
            co_return batch;
        }
        if (Clock::now() >= deadline) {
            co_return fail(Code::timeout, "the turn told nothing in time");
        }
        (void)co_await waiting_->wait_until(deadline);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
}

turn::FailureCode failure_code_of(const Error& error) noexcept {
    switch (error.code) {
    case Code::unavailable:
        return turn::FailureCode::authority_lost;
    case Code::timeout:
        return turn::FailureCode::authority_timeout;
    case Code::too_large:
        return turn::FailureCode::overloaded;
    default:
        return turn::FailureCode::codex_error;
    }
}

Task<Result<std::unique_ptr<Turn>>>
Authority::join(std::string /*thread*/, bool /*ask_approvals*/) {
    co_return fail(Code::not_found, "this authority's turns end with their holder");
}

Task<Result<bool>> Authority::may_join(std::string /*thread*/) {
    co_return true;
}

Task<Result<void>> Authority::stop(std::string /*thread*/, std::string /*turn*/) {
    co_return fail(Code::not_found, "this authority's turns end with their holder");
}

Task<Result<EventBatch>> Authority::retell(std::string /*thread*/, std::string /*turn*/) {
    co_return fail(Code::not_found, "this authority's turns end with their holder");
}

/// The default for authorities that can list all turns cheaply.
Task<Result<TurnsPage>> Authority::turns_page(TurnsQuery query) {
    OA_CO_TRY(auto all, co_await turns(query.thread));
    if (query.newest_first) {
        std::ranges::reverse(all);
    }
    auto begin = all.begin();
    if (!query.from.empty()) {
        begin = std::ranges::find(all, query.from, &PastTurn::id);
        if (begin == all.end()) {
            co_return fail(Code::precondition, "this thread has no such turn");
        }
    }
    const auto left = static_cast<std::size_t>(all.end() - begin);
    const auto count = static_cast<std::ptrdiff_t>(std::min(left, query.limit));
    TurnsPage page{.turns = {}, .more = left > query.limit};
    page.turns.assign(std::make_move_iterator(begin), std::make_move_iterator(begin + count));
    co_return page;
}

Task<Result<std::vector<ThreadInfo>>> Authority::threads(std::vector<std::string> /*ids*/) {
    co_return fail(Code::precondition, "this authority lists no threads");
}

Task<Result<std::vector<std::string>>>
Authority::find_threads(std::string /*owner*/, std::string /*words*/) {
    co_return fail(Code::precondition, "this authority searches no threads");
}

Task<Result<std::string>> Authority::make_thread(TurnRequest /*request*/) {
    co_return fail(Code::precondition, "this authority makes no empty threads");
}

Task<Result<void>> Authority::name_thread(std::string /*thread*/, std::string /*title*/) {
    co_return fail(Code::precondition, "this authority names no threads");
}

Task<Result<void>> Authority::delete_thread(std::string /*thread*/) {
    co_return fail(Code::precondition, "this authority deletes no threads");
}

Task<Result<std::string>>
Authority::fork_thread(std::string /*thread*/, std::string /*last_turn*/) {
    co_return fail(Code::precondition, "this authority copies no threads");
}

Task<Result<std::string>> Authority::kept(std::string /*thread*/) {
    co_return std::string();
}

} // namespace oa_stream::authority
