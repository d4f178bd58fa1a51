#include "body_thread.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <utility>

namespace oa_stream::lane {

namespace {

/// Interval of the check whether a client has left while its body is read.
constexpr Millis k_look{50};
/// A larger body takes so long that smaller ones may overtake it.
constexpr std::size_t k_large = 1U << 20U;

/// One job and its caller's wait. Only the loop may use the timer.
struct Entry {
    Entry(const asio::any_io_executor& executor, BodyThread::Job what)
        : job(std::move(what)), timer(executor) {}

    BodyThread::Job job;
    std::stop_source stop{};
    asio::steady_timer timer;
    std::atomic<bool> done = false; ///< the job has returned, or will never run
};
using EntryPtr = std::shared_ptr<Entry>;

} // namespace

struct BodyThread::Impl {
    Impl(asio::any_io_executor on, std::size_t bytes) : executor(std::move(on)), capacity(bytes) {}

    asio::any_io_executor executor;
    std::size_t capacity;

    // Used only on the loop.
    std::size_t bytes = 0; ///< of all jobs that have not returned
    std::set<EntryPtr> open{};

    std::mutex mutex{};
    std::condition_variable filled{};
    std::array<std::deque<EntryPtr>, 2> waiting{}; ///< small, large
    bool ends = false;
    std::jthread thread{};

    /// Queues and counts the job. If memory runs out, it leaves nothing behind.
    void push(const EntryPtr& entry, std::size_t size) {
        if (!thread.joinable()) {
            thread = std::jthread([this] { work(); });
        }
        const auto place = open.insert(entry).first;
        try {
            const std::lock_guard lock(mutex);
            waiting[size > k_large ? 1 : 0].push_back(entry);
        } catch (const std::bad_alloc&) {
            open.erase(place);
            throw;
        }
        bytes += size;
        filled.notify_one();
    }

    /// Null when the thread has to end.
    EntryPtr pop() {
        std::unique_lock lock(mutex);
        filled.wait(lock, [this] { return ends || !waiting[0].empty() || !waiting[1].empty(); });
        if (ends) {
            return nullptr;
        }
        auto& queue = waiting[0].empty() ? waiting[1] : waiting[0];
        auto entry = std::move(queue.front());
        queue.pop_front();
        return entry;
    }

    void work() {
        while (auto entry = pop()) {
            entry->job(entry->stop.get_token());
            finish(*entry);
            // The entry is destroyed on the loop: this thread must not touch its timer and what its
            // job holds.
            try {
                asio::post(executor, [entry = std::move(entry)] { entry->timer.cancel(); });
            } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): its caller looks soon
            }
        }
    }

    static void finish(Entry& entry) {
        entry.done = true;
        entry.done.notify_one();
    }

    void end() {
        for (const auto& entry : open) {
            entry->stop.request_stop();
        }
        {
            const std::lock_guard lock(mutex);
            ends = true;
        }
        filled.notify_one();
        thread = {}; // joined
        waiting = {};
        for (const auto& entry : open) {
            finish(*entry);
        }
    }

    /// A queued job. Its caller may end without its return, because there was no memory to wait:
    /// the loop then stands until the job, which uses what the caller has, is over.
    class Stay {
    public:
        Stay(Impl& impl, EntryPtr entry, std::size_t size)
            : impl_(&impl), entry_(std::move(entry)), size_(size) {
            impl_->push(entry_, size_);
        }
        Stay(const Stay&) = delete;
        Stay& operator=(const Stay&) = delete;
        ~Stay() {
            if (!entry_->done) {
                entry_->stop.request_stop();
                entry_->done.wait(false);
            }
            impl_->open.erase(entry_);
            impl_->bytes -= size_;
        }

    private:
        Impl* impl_;
        EntryPtr entry_;
        std::size_t size_;
    };

    static Task<bool>
    run(std::shared_ptr<Impl> self, std::size_t bytes, Job job, std::function<bool()> gone) {
        if (self->bytes + bytes > self->capacity) {
            co_return false;
        }
        const auto entry = std::make_shared<Entry>(self->executor, std::move(job));
        const Stay stay(*self, entry, bytes);
        do {
            entry->timer.expires_after(k_look);
            (void)co_await entry->timer.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!entry->done && gone()) {
                entry->stop.request_stop();
            }
        } while (!entry->done);
        co_return true;
    }
};

BodyThread::BodyThread(asio::any_io_executor executor, std::size_t capacity)
    : impl_(std::make_shared<Impl>(std::move(executor), capacity)) {
}

BodyThread::~BodyThread() {
    impl_->end();
}

Task<bool> BodyThread::run(std::size_t bytes, Job job, std::function<bool()> gone) {
    return Impl::run(impl_, bytes, std::move(job), std::move(gone));
}

void BodyThread::stop() {
    for (const auto& entry : impl_->open) {
        entry->stop.request_stop();
    }
}

std::size_t BodyThread::jobs() const noexcept {
    return impl_->open.size();
}

} // namespace oa_stream::lane
