#include "read_queue.hpp"

#include <utility>

namespace oa_stream::authority {

ReadQueue::ReadQueue(const asio::any_io_executor& executor)
    : executor_(executor), all_(executor, {.most = 2}) {
}

Task<ReadQueue::Pass>
ReadQueue::enter(ReadQueue* self, std::string owner, Clock::time_point deadline) {
    std::erase_if(self->queues_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<Turnstile>& known = self->queues_[owner];
    Pass pass{known.lock(), {}, {}};
    if (!pass.queue) {
        pass.queue = std::make_shared<Turnstile>(self->executor_, Turnstile::Limits{.most = 1});
        known = pass.queue;
    }
    pass.own = co_await pass.queue->enter(deadline);
    if (pass.own) {
        pass.all = co_await self->all_.enter(deadline);
    }
    co_return pass;
}

} // namespace oa_stream::authority
