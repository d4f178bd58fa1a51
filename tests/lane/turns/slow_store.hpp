// A store of which a turn's journal is all that is asked for.
#pragma once

#include "oa_stream/store/store.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace oa_stream::test {

/// Takes everything, and answers when it is told to.
class SlowStore : public store::Store {
public:
    explicit SlowStore(const asio::any_io_executor& executor) : gate(executor) {
        gate.expires_at(Clock::time_point::max());
    }
    template <class T> [[nodiscard]] Task<Result<T>> later(T value) {
        (void)co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return value;
    }
    [[nodiscard]] static std::unexpected<Error> none() {
        return fail(Code::internal, "not asked for here");
    }

    void append(const store::Piece& piece, Sent, Answered done) override {
        const auto end = piece.end;
        const auto size = piece.bytes.size();
        asio::post(gate.get_executor(), [done = std::move(done), end, size]() mutable {
            done(store::Written::stored, end, size);
        });
    }
    Task<Result<store::Written>> end(store::EndRequest) override {
        if (away) {
            co_return fail(Code::unavailable, "the connection is lost");
        }
        co_return co_await later(store::Written::stored);
    }
    bool away = false; ///< an end is answered at once
    Task<Result<void>> drop_log(std::string) override { co_return Result<void>{}; }

    // Nothing else is asked for.
    Task<Result<void>> open() override { co_return none(); }
    Task<void> close() override { co_return; }
    std::string trouble() const override { return ""; }
    const std::string& session() const noexcept override { return session_; }
    const store::StoreOptions& options() const noexcept override { return options_; }
    store::StoreNumbers numbers() const override { return {}; }
    bool leased() const noexcept override { return true; }
    bool steady() const noexcept override { return true; }
    Task<Result<std::uint64_t>> change(store::ThreadKey, store::RowChange) override {
        co_return none();
    }
    Task<Result<void>> touch(store::ThreadKey, std::int64_t) override { co_return none(); }
    Task<Result<std::vector<store::ThreadKey>>> held() override { co_return none(); }
    Task<Result<store::ThreadState>> look(store::ThreadKey) override { co_return none(); }
    Task<Result<std::vector<std::string>>> ids_of(std::string) override { co_return none(); }
    Task<Result<store::RowChanges>> changes_of(std::string, std::string) override {
        co_return none();
    }
    Task<Result<std::vector<std::optional<store::ThreadFields>>>>
    rows_of(std::string, std::vector<std::string>) override {
        co_return none();
    }
    Task<Result<std::uint64_t>> put(store::ThreadKey, store::ThreadFields, std::uint64_t) override {
        co_return none();
    }
    Task<Result<std::uint64_t>> erase(store::ThreadKey, std::uint64_t, std::string) override {
        co_return none();
    }
    Task<Result<void>> tell_deleted(std::vector<std::string>) override { co_return none(); }
    Task<Result<void>> offer(std::vector<store::OfferedRow>) override { co_return none(); }
    void offered() override {}
    Task<Result<void>> note_left(store::ThreadKey, std::string) override {
        co_return Result<void>{};
    }
    Task<Result<void>> note_read(store::ThreadKey, std::string, std::vector<std::string>) override {
        co_return none();
    }
    Task<Result<store::Acquired>> acquire(store::AcquireRequest) override { co_return none(); }
    Task<Result<store::Committed>> commit(store::CommitRequest) override { co_return none(); }
    Task<Result<void>> forget(store::ThreadKey, std::uint64_t) override { co_return none(); }
    Task<Result<bool>>
    hold_again(store::ThreadKey, std::uint64_t, std::string, store::KeyRequest) override {
        co_return none();
    }
    Task<Result<store::Acquired::Kind>> take_place(store::AcquireRequest) override {
        co_return none();
    }
    void give_place(const std::string&) override {}
    Task<Result<bool>> want(store::ThreadKey, std::uint64_t, std::string) override {
        co_return none();
    }
    Task<Result<void>> stop_done(store::ThreadKey, std::uint64_t) override { co_return none(); }
    Task<Result<bool>> pass(store::ThreadKey, store::Wanted) override { co_return none(); }
    void answer(const store::Wanted&, std::string) override {}
    Task<Result<void>> release(store::ThreadKey, std::uint64_t) override {
        ++released;
        if (holds_release) {
            (void)co_await gate.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        co_return Result<void>{};
    }
    Task<Result<std::vector<store::ThreadKey>>> orphans() override { co_return none(); }
    Task<Result<bool>> reap(store::TakeRequest, std::string, std::string) override {
        co_return none();
    }
    Task<Result<std::optional<std::uint64_t>>> adopt(store::TakeRequest) override {
        co_return none();
    }
    Task<Result<store::Log>> read(std::string) override { co_return none(); }
    Task<Result<std::vector<store::TailNews>>>
    follow(std::vector<store::Tail>, std::size_t) override {
        co_return none();
    }
    void wake() override {}
    void tell_readers(const std::string&, std::size_t) override {}
    Task<Result<std::size_t>> readers(std::string) override { co_return none(); }
    Task<Result<store::KeyUse>> use_key(store::KeyRequest) override { co_return none(); }
    Task<Result<void>> forget_key(store::KeyRequest) override { co_return none(); }
    Task<Result<void>> answer_key(store::KeyRequest, std::string) override { co_return none(); }
    Task<Result<std::vector<std::string>>> keep_response(store::ResponseRecord) override {
        co_return none();
    }
    Task<Result<std::optional<std::string>>> read_response(store::ResponseKey) override {
        co_return none();
    }
    Task<Result<store::FoundResponses>>
    find_response(store::ResponseKey, std::vector<std::string>) override {
        co_return none();
    }
    Task<Result<bool>> drop_response(store::ResponseKey) override { co_return none(); }

    asio::steady_timer gate;
    int released = 0;
    bool holds_release = false; ///< until the gate opens

private:
    std::string session_ = "s";
    store::StoreOptions options_{};
};

} // namespace oa_stream::test
