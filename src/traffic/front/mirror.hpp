// Copies of live requests. Private to the room.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/http_server.hpp"
#include "oa_stream/traffic/mirror.hpp"

#include "sticky.hpp"
#include "weighted_pick.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace oa_stream::traffic {

class Mirror;

/// One request that is sent to both lanes. The relay reports what the user receives; nothing here
/// ever makes the relay wait for the mirror. After the budget is used up all calls do nothing.
class MirrorCopy : public std::enable_shared_from_this<MirrorCopy> {
public:
    MirrorCopy(std::shared_ptr<Mirror> mirror, MirrorPair pair)
        : mirror_(std::move(mirror)), pair_(std::move(pair)) {}

    void user_head(const net::ClientResponse& head);
    void user_bytes(std::string_view bytes);
    /// Call once. `whole`: the answer was forwarded to its end.
    void user_done(bool whole);

private:
    friend class Mirror;
    std::shared_ptr<Mirror> mirror_; ///< null: the copy has ended
    MirrorPair pair_;
    std::shared_ptr<net::Transfer> transfer_{};
    std::size_t bytes_ = 0; ///< charged to the budget
    std::string turn_of_{}; ///< the thread; empty for a read and while the thread has no id yet
    bool user_ended_ = false;
    bool mirror_ended_ = false;
};
using MirrorCopyPtr = std::shared_ptr<MirrorCopy>;

class Mirror : public std::enable_shared_from_this<Mirror> {
public:
    Mirror(
        const asio::any_io_executor& executor,
        MirrorOptions options,
        std::function<void(std::string_view line)> note
    );
    ~Mirror();
    Mirror(const Mirror&) = delete;
    Mirror& operator=(const Mirror&) = delete;

    /// Queries periodically whether the target is dry, unless the operator stated it.
    void start();
    /// Null: this request is not copied.
    [[nodiscard]] MirrorCopyPtr begin(const net::Request& request, const ThreadRef& ref);
    /// The mirror lacks one of the thread's turns (as after a fork), or has it under another id, so
    /// later turns would be new to it. Does nothing for an empty id.
    void leave_out(const std::string& thread);
    /// Ends all copies; nothing is copied afterwards.
    void close();
    [[nodiscard]] Json state() const;
    /// Lines of Prometheus' text format.
    [[nodiscard]] std::string metrics() const;
    /// The results of the copies, one line for display.
    [[nodiscard]] std::string summary() const;

private:
    friend class MirrorCopy;
    static Task<void> watch(std::weak_ptr<Mirror> weak);
    static Task<void> send(std::shared_ptr<Mirror> self, MirrorCopyPtr copy, net::ClientRequest);
    static Task<void> hurry(std::weak_ptr<MirrorCopy> weak, Millis patience);
    [[nodiscard]] Task<bool> asked_dry();
    [[nodiscard]] bool in_sample(const ThreadRef& ref);
    /// From here on the user's conversation differs from the mirror's.
    void part(const std::string& thread);
    /// The request without its body.
    [[nodiscard]] net::ClientRequest head_of(const net::Request& from) const;
    void heard(const MirrorCopyPtr& copy, const net::ClientResponse& response);
    /// Appends to a body of the copy. False: beyond the budget or the memory, and the copy has
    /// ended.
    bool keep(MirrorCopy& copy, std::string_view bytes, std::string& body);
    void compare(const MirrorCopyPtr& copy);
    void judged(
        const MirrorCopyPtr& copy, const MirrorPair& pair, const std::vector<std::string>& found
    );
    void end(MirrorCopy& copy, std::uint64_t MirrorCounters::* counter);
    void note(std::string_view line);

    asio::any_io_executor executor_;
    MirrorOptions options_;
    std::function<void(std::string_view)> note_;
    std::unique_ptr<net::HttpClient> client_; ///< separate from the users' connections
    net::TokenSource token_{};
    MirrorCounters counters_{};
    WeightedPick pick_{2}; ///< for turns that name no thread
    WeightedPick pick_read_{2}; ///< for reads that name no thread
    StickyThreads picked_;
    std::set<MirrorCopyPtr> open_{};
    std::size_t bytes_ = 0;
    bool dry_ = false;
    bool answers_ = true;
    bool refused_ = false; ///< the token was refused
    Clock::time_point fresh_next_{}; ///< when another one may be requested
    bool closed_ = false;
    Clock::time_point lines_since_{};
    std::size_t lines_ = 0; ///< lines reported since then
    std::uint64_t left_out_ = 0;
    asio::thread_pool thread_{1};
};

} // namespace oa_stream::traffic
