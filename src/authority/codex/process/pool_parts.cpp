#include "pool_parts.hpp"

#include "signal.hpp"

#include <utility>

namespace oa_stream::authority {

namespace {

class PooledTurn final : public Turn {
public:
    PooledTurn(std::shared_ptr<void> use, std::unique_ptr<Turn> turn, std::string thread)
        : use_(std::move(use)), turn_(std::move(turn)), thread_(std::move(thread)) {}
    PooledTurn(const PooledTurn&) = delete;
    PooledTurn& operator=(const PooledTurn&) = delete;
    ~PooledTurn() override = default;

    [[nodiscard]] const std::string& thread_id() const noexcept override { return thread_; }
    [[nodiscard]] const std::string& turn_id() const noexcept override { return turn_->turn_id(); }
    [[nodiscard]] const std::string& model() const noexcept override { return turn_->model(); }
    [[nodiscard]] Result<bool> poll(EventBatch& out, TurnWaker& waker) override {
        auto polled = turn_->poll(out, waker);
        for (turn::Event& event : out) {
            if (auto* started = std::get_if<turn::TurnStarted>(&event)) {
                started->thread = thread_;
            }
        }
        return polled;
    }
    void interrupt() override { turn_->interrupt(); }
    void interrupt_as_failed(turn::FailureCode why) override { turn_->interrupt_as_failed(why); }
    [[nodiscard]] bool leave() override { return turn_->leave(); }
    [[nodiscard]] Result<void> answer_approval(std::string_view id, bool approved) override {
        return turn_->answer_approval(id, approved);
    }
    [[nodiscard]] Result<void> answer_call(const CallResult& result) override {
        return turn_->answer_call(result);
    }
    [[nodiscard]] WireFaults* wire_faults() noexcept override { return turn_->wire_faults(); }

private:
    std::shared_ptr<void> use_;
    std::unique_ptr<Turn> turn_;
    std::string thread_;
};

struct Gathering {
    explicit Gathering(const asio::any_io_executor& executor) : ended(executor) {}
    std::size_t left = 0;
    Signal ended;
};

Task<void> take_part(std::shared_ptr<Gathering> gathering, Task<void> task) {
    co_await std::move(task);
    --gathering->left;
    gathering->ended.notify();
}

} // namespace

std::unique_ptr<Turn>
rename_thread(std::shared_ptr<void> use, std::unique_ptr<Turn> turn, std::string thread) {
    return std::make_unique<PooledTurn>(std::move(use), std::move(turn), std::move(thread));
}

Task<void> all_of(asio::any_io_executor executor, std::vector<Task<void>> tasks) {
    const auto gathering = std::make_shared<Gathering>(executor);
    gathering->left = tasks.size();
    for (auto& task : tasks) {
        oa_stream::spawn(executor, "codex pool", take_part(gathering, std::move(task)));
    }
    while (gathering->left > 0) {
        co_await gathering->ended.wait_until(Clock::time_point::max());
    }
}

} // namespace oa_stream::authority
