// Stands in for the authority of a turn that another replica runs.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/lane/records.hpp"
#include "oa_stream/store/store.hpp"

namespace oa_stream::lane {

/// It has no events; it passes a stop on to the other replica.
class RelayTurn final : public authority::Turn {
public:
    RelayTurn(
        asio::any_io_executor executor,
        store::Store& store,
        store::ThreadKey key,
        std::string turn,
        std::string model
    )
        : executor_(std::move(executor)), store_(&store), key_(std::move(key)),
          turn_(std::move(turn)), model_(std::move(model)) {}

    [[nodiscard]] const std::string& thread_id() const noexcept override { return key_.id; }
    [[nodiscard]] const std::string& turn_id() const noexcept override { return turn_; }
    [[nodiscard]] const std::string& model() const noexcept override { return model_; }
    [[nodiscard]] Result<bool>
    poll(authority::EventBatch& /*out*/, authority::TurnWaker& /*waker*/) override {
        return false;
    }
    void interrupt() override {
        spawn(
            executor_,
            "stop elsewhere",
            [](store::Store* store, store::ThreadKey key, std::string turn) -> Task<void> {
                // The fence may have risen since. The wish is meant for the current holder of the
                // same turn, but not for a later turn, whose start may become known before this
                // turn's end.
                const auto state = co_await store->look(key);
                if (state && state->holding.turn == turn) {
                    (void)co_await store->want(
                        key, state->holding.fence, std::string(to_string(StopReason::stopped))
                    );
                }
            }(store_, key_, turn_)
        );
    }

private:
    asio::any_io_executor executor_;
    store::Store* store_;
    store::ThreadKey key_;
    std::string turn_;
    std::string model_;
};

} // namespace oa_stream::lane
