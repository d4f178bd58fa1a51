// Invariants: a user never waits for the mirror, and the mirror's answers are never sent to anyone.
// Therefore a separate client sends copies, a copy keeps no more than its budget, and answers are
// compared on a separate thread.
#include "mirror.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <array>
#include <new>
#include <utility>
#include <vector>

namespace oa_stream::traffic {
namespace {

constexpr std::size_t k_threads = 10000; ///< remembered: copied, or the mirror lacks a turn
constexpr std::size_t k_copied = 0; ///< index of the copied entry in both picks
constexpr std::size_t k_not_copied = 1;
constexpr auto k_asks_dry = std::chrono::seconds(5);
constexpr auto k_dry_limit = Millis{3000};
constexpr auto k_asks_token = std::chrono::seconds(20); ///< a program may have to make a token

constexpr auto k_connect = Millis{3000};
constexpr std::string_view k_probe_word = "mirror"; ///< the target counts copies as probes
using telemetry::k_probe_header;

/// Only headers that are known not to identify the user: a list of exclusions would miss the header
/// of the next gateway.
constexpr std::array<std::string_view, 8> k_passed_on{
    "accept",
    "accept-language",
    "content-type",
    "last-event-id",
    "x-oa-accept",
    net::k_build_header,
    net::k_protocol_header,
    net::k_schema_header,
};
constexpr std::array<std::string_view, 3> k_tokens{"authorization", "api-key", "cookie"};

bool is_read(const net::Request& request) {
    return request.method == "GET" || request.method == "HEAD";
}

/// A stop, a decision or a deletion: never part of a mirrored conversation.
bool acts(const net::Request& request, const ThreadRef& ref) {
    return request.method == "DELETE" || (ref.live_turn && !is_read(request));
}

/// Users take precedence: without memory for a copy, the copy ends.
bool append_if_room(std::string& body, std::string_view bytes) {
    try {
        body += bytes;
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

} // namespace

// One copy ----------------------------------------------------------------------------------------

void MirrorCopy::user_head(const net::ClientResponse& head) {
    if (mirror_) {
        pair_.user.status = head.status;
        pair_.user.headers = head.headers;
        if (turn_of_.empty() && pair_.request.starts_with("POST")) {
            turn_of_ = head.headers.get(net::k_thread_header).value_or("");
        }
    }
}

void MirrorCopy::user_bytes(std::string_view bytes) {
    if (mirror_) {
        (void)mirror_->keep(*this, bytes, pair_.user.body);
    }
}

void MirrorCopy::user_done(bool whole) {
    if (!mirror_) {
        return;
    }
    user_ended_ = true;
    const auto mirror = mirror_; // end() releases it
    if (!whole) {
        mirror->end(*this, &MirrorCounters::abandoned);
    } else if (mirror_ended_) {
        mirror->compare(shared_from_this());
    } else {
        auto patience = Mirror::hurry(weak_from_this(), mirror->options_.patience);
        spawn(mirror->executor_, "mirror patience", std::move(patience));
    }
}

// The mirror --------------------------------------------------------------------------------------

Mirror::Mirror(
    const asio::any_io_executor& executor,
    MirrorOptions options,
    std::function<void(std::string_view line)> note
)
    : executor_(executor), options_(std::move(options)), note_(std::move(note)),
      client_(net::HttpClient::make(executor)), picked_(k_threads), dry_(options_.dry) {
    for (WeightedPick* pick : {&pick_, &pick_read_}) {
        pick->set({options_.share, k_whole_share - options_.share});
    }
    if (!options_.bearer.empty()) {
        token_ = net::token_source(executor, *client_, options_.bearer, options_.first_bearer);
    }
}

Mirror::~Mirror() {
    close();
}

void Mirror::start() {
    if (!options_.dry && options_.says_dry) {
        spawn(executor_, "mirror", watch(weak_from_this()));
    }
}

Task<void> Mirror::watch(std::weak_ptr<Mirror> weak) {
    while (true) {
        {
            const auto self = weak.lock();
            if (!self || self->closed_) {
                co_return;
            }
            const bool dry = co_await self->asked_dry();
            if (dry != std::exchange(self->dry_, dry)) {
                self->note(fmt::format(
                    "mirror {} {}",
                    self->options_.name,
                    dry ? "reports that it is dry: turns are copied"
                        : "no longer reports that it is dry: turns are not copied"
                ));
            }
        }
        if (!co_await sleep_for(k_asks_dry)) {
            co_return;
        }
    }
}

Task<bool> Mirror::asked_dry() {
    net::ClientRequest request;
    request.url = options_.url + "/version";
    request.headers.set(std::string(k_probe_header), std::string(k_probe_word));
    request.fresh_connection = true;
    request.connect_timeout = k_dry_limit;
    request.total_timeout = k_dry_limit;
    request.max_body = 1U << 20U;
    const auto response = co_await client_->fetch(std::move(request));
    if (response.failure != net::TransferFailure::none || response.status != 200) {
        co_return false;
    }
    const auto version = parse_json(response.body);
    co_return (version && options_.says_dry(*version));
}

/// A conversation is copied whole or not at all: a later turn is meaningless without the first. So
/// its id decides, which also holds when it was forgotten here, or by a front door before this one.
bool Mirror::in_sample(const ThreadRef& ref) {
    if (ref.thread.empty()) {
        return (ref.new_turn ? pick_ : pick_read_).next() == k_copied;
    }
    const auto before = picked_.find(ref.thread);
    if (before || !ref.new_turn) {
        return before == k_copied;
    }
    const bool copied = std::hash<std::string>()(ref.thread) % k_whole_share < options_.share;
    if (copied) {
        picked_.remember(ref.thread, k_copied);
    }
    return copied;
}

void Mirror::leave_out(const std::string& thread) {
    if (!thread.empty()) {
        picked_.remember(thread, k_not_copied);
    }
}

void Mirror::part(const std::string& thread) {
    leave_out(thread);
    for (const MirrorCopyPtr& copy : std::vector(open_.begin(), open_.end())) {
        if (!thread.empty() && copy->turn_of_ == thread && !copy->user_ended_) {
            end(*copy, &MirrorCounters::abandoned);
        }
    }
}

MirrorCopyPtr Mirror::begin(const net::Request& request, const ThreadRef& ref) {
    if (acts(request, ref)) {
        part(ref.thread);
    }
    const bool comparable = ref.new_turn || (is_read(request) && !ref.live_turn);
    // A probe is not a user's request, and a copy that returns here must not be copied again.
    if (closed_ || !comparable || request.headers.has(k_probe_header) || !in_sample(ref)) {
        return nullptr;
    }
    ++counters_.sampled;
    net::ClientRequest like = head_of(request);
    const auto obstacle = [&]() -> std::uint64_t MirrorCounters::* {
        if (ref.new_turn && !dry_) {
            return &MirrorCounters::refused;
        }
        if (open_.size() >= options_.most_open) {
            return &MirrorCounters::busy;
        }
        const bool fits = bytes_ + request.body.size() <= options_.most_bytes &&
                          append_if_room(like.body, request.body);
        return fits ? nullptr : &MirrorCounters::too_large;
    }();
    const std::string turn_of = ref.new_turn ? ref.thread : std::string();
    if (obstacle != nullptr) {
        ++(counters_.*obstacle);
        leave_out(turn_of);
        return nullptr;
    }
    ++counters_.copied;
    auto copy = std::make_shared<MirrorCopy>(
        shared_from_this(), MirrorPair{.request = request.method + ' ' + request.path}
    );
    copy->turn_of_ = turn_of;
    copy->bytes_ = request.body.size();
    bytes_ += copy->bytes_;
    open_.insert(copy);
    spawn(executor_, "mirror copy", send(shared_from_this(), copy, std::move(like)));
    return copy;
}

net::ClientRequest Mirror::head_of(const net::Request& from) const {
    net::ClientRequest out;
    out.method = from.method;
    out.url = options_.url + from.target;
    for (const std::string_view name : k_passed_on) {
        if (const auto value = from.headers.get(name)) {
            out.headers.set(std::string(name), std::string(*value));
        }
    }
    for (const std::string_view name : k_tokens) {
        if (const auto value = from.headers.get(name); value && options_.tokens) {
            out.headers.set(std::string(name), std::string(*value));
        }
    }
    out.headers.set(std::string(k_probe_header), std::string(k_probe_word));
    out.connect_timeout = k_connect;
    out.first_byte_timeout = options_.first_byte_timeout;
    out.idle_timeout = options_.idle_timeout;
    out.total_timeout = std::chrono::hours(24); // the patience ends it
    return out;
}

Task<void>
Mirror::send(std::shared_ptr<Mirror> self, MirrorCopyPtr copy, net::ClientRequest request) {
    if (self->token_) {
        const bool fresh = self->refused_ && Clock::now() >= self->fresh_next_;
        if (fresh) {
            self->refused_ = false;
            self->fresh_next_ = Clock::now() + k_asks_token;
        }
        auto token = co_await self->token_(fresh);
        if (!token && fresh) { // the same token as before, which may be accepted again
            token = co_await self->token_(false);
        }
        if (token) {
            request.bearer = *std::move(token);
        }
    }
    if (!copy->mirror_) {
        co_return;
    }
    net::StreamHandlers handlers;
    const std::weak_ptr<MirrorCopy> weak = copy; // it owns the transfer, which owns these handlers
    handlers.on_head = [weak](const net::ClientResponse& head) {
        const auto alive = weak.lock();
        if (!alive || !alive->mirror_) {
            return net::Flow::stop;
        }
        alive->pair_.mirror.status = head.status;
        alive->pair_.mirror.headers = head.headers;
        return net::Flow::go_on;
    };
    handlers.on_bytes = [weak](std::string_view bytes, Clock::time_point) {
        const auto alive = weak.lock();
        const bool goes_on = alive && alive->mirror_ &&
                             alive->mirror_->keep(*alive, bytes, alive->pair_.mirror.body);
        return goes_on ? net::Flow::go_on : net::Flow::stop;
    };
    copy->transfer_ = self->client_->stream(std::move(request), std::move(handlers));
    const auto transfer = copy->transfer_;
    const auto response = co_await transfer->done();
    self->heard(copy, response);
}

void Mirror::heard(const MirrorCopyPtr& copy, const net::ClientResponse& response) {
    if (!copy->mirror_) {
        return; // the copy ended meanwhile
    }
    // The mirror's own token, which may be outdated.
    const bool refused = token_ && response.status == 401;
    refused_ = refused_ || refused;
    const bool answered = response.status != 0 && !refused;
    if (answered != std::exchange(answers_, answered)) {
        note(
            answered  ? fmt::format("mirror {} answers again", options_.name)
            : refused ? fmt::format("mirror {} refuses its token (401)", options_.name)
                      : fmt::format(
                            "mirror {} does not answer ({})",
                            options_.name,
                            net::to_string(response.failure)
                        )
        );
    }
    if (!answered) {
        end(*copy, &MirrorCounters::unanswered);
        return;
    }
    if (response.failure != net::TransferFailure::none) {
        copy->pair_.mirror.cut = net::to_string(response.failure);
    }
    copy->mirror_ended_ = true;
    if (copy->user_ended_) {
        compare(copy);
    }
}

Task<void> Mirror::hurry(std::weak_ptr<MirrorCopy> weak, Millis patience) {
    if (!co_await sleep_for(patience)) {
        co_return;
    }
    if (const auto copy = weak.lock(); copy && copy->mirror_ && !copy->mirror_ended_) {
        const auto mirror = copy->mirror_;
        mirror->end(*copy, &MirrorCounters::late);
    }
}

bool Mirror::keep(MirrorCopy& copy, std::string_view bytes, std::string& body) {
    if (bytes_ + bytes.size() <= options_.most_bytes && append_if_room(body, bytes)) {
        bytes_ += bytes.size();
        copy.bytes_ += bytes.size();
        return true;
    }
    end(copy, &MirrorCounters::too_large);
    return false;
}

void Mirror::end(MirrorCopy& copy, std::uint64_t MirrorCounters::* counter) {
    const auto self = std::exchange(copy.mirror_, nullptr);
    ++(counters_.*counter);
    if (counter != &MirrorCounters::same && counter != &MirrorCounters::different) {
        leave_out(copy.turn_of_); // it ends there when it has no reader
    }
    bytes_ -= std::exchange(copy.bytes_, 0);
    copy.pair_ = {};
    if (const auto transfer = std::exchange(copy.transfer_, nullptr)) {
        transfer->cancel();
    }
    std::erase_if(open_, [&](const MirrorCopyPtr& open) { return open.get() == &copy; });
}

void Mirror::close() {
    closed_ = true;
    while (!open_.empty()) {
        const MirrorCopyPtr copy = *open_.begin();
        end(*copy, &MirrorCounters::abandoned);
    }
    thread_.stop();
    thread_.join(); // waits for at most one comparison
}

} // namespace oa_stream::traffic
