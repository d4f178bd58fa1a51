// Registers this process in the store, keeps it alive there, and removes it at the end.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "redis_store.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace oa_stream::store {

namespace {

constexpr int k_beats = 4; ///< renewals per lease
constexpr Millis k_foreign_kept{60'000};
constexpr std::uint64_t k_close = 2; ///< how many seconds a copy may be behind

std::string millis(Millis value) {
    return std::to_string(value.count());
}

/// Counts lines "slave0:ip=…,port=…,state=online,offset=…,lag=0" with a small lag.
std::size_t close_copies(std::string_view info) {
    constexpr std::string_view k_lag = ",lag=";
    std::size_t count = 0;
    for (std::size_t number = 0;; ++number) {
        const auto line = info_field(info, fmt::format("slave{}", number));
        if (line.empty()) {
            return count;
        }
        const auto at = line.find(k_lag);
        auto lag = at == std::string_view::npos ? line : line.substr(at + k_lag.size());
        lag = lag.substr(0, lag.find(',')); // later servers may add fields
        const bool close = parse_count(lag, 0, k_close).has_value();
        count += close && line.contains("state=online") ? 1 : 0;
    }
}

} // namespace

Task<Result<void>> RedisStore::open() {
    std::vector<RedisLink::Self> all{link_};
    all.insert(all.end(), news_.begin(), news_.end());
    for (const auto& one : all) {
        OA_CO_CHECK(co_await RedisLink::open(one, [this](RedisLink::Self link) {
            return greet(std::move(link));
        }));
    }
    OA_CO_CHECK(co_await check_form(link_, options_));
    // Load it before: its arguments must not become outdated meanwhile
    OA_CO_CHECK(co_await load(scripts::count));
    OA_CO_CHECK(co_await register_session(scripts::sign_on));
    numbers_.sessions = 1;
    co_await look_at_server();
    link_->on_up = [this] { look_soon(); };
    spawn(executor_, "store lease", beat(this, alive_));
    co_return Result<void>{};
}

/// Checked for each connection: another server may use the address now.
Task<Result<void>> RedisStore::greet(RedisLink::Self link) {
    return check_server(std::move(link), options_.prefix, options_.wait);
}

Task<Result<void>> RedisStore::register_session(Script script) {
    const auto began = Clock::now();
    Command args{
        millis(options_.lease),
        fmt::format("{} {}", options_.revision, random_hex(4)),
        std::string(k_form),
        random_hex(8),
        known_store(),
        options_.authority
    };
    for (auto& part : held_.counts()) {
        args.push_back(std::move(part));
    }
    if (offers_) {
        args.insert(args.end(), {std::string(k_offers), "1"});
    }
    OA_CO_TRY(const auto reply, co_await run(script, {options_.prefix + ":ss"}, std::move(args)));
    if (script.name == scripts::sign_on.name) {
        leased_until_ = began + options_.lease;
        born_ = reply.at(0);
        offers_ = offers_ || reply.at(1) == "1";
        rows_lost = reply.at(2) == "1";
    }
    co_return Result<void>{};
}

/// The name for sign_on. A process that offers no rows does not notice their loss.
std::string RedisStore::known_store() const {
    if (born_.empty()) {
        return options_.has_rows ? "-" : "";
    }
    return on_lost ? born_ : "";
}

bool RedisStore::steady() const noexcept {
    return leased() && Clock::now() >= leased_since_ + 2 * (options_.lease / k_beats);
}

Task<Result<void>> RedisStore::sign_on_again() {
    ++sign_ons;
    leased_since_ = Clock::now();
    // A new inbox may get ids below the last one read, because of a clock that is behind
    inbox_at_.fill("0-0");
    const auto before = born_;
    signing_on_ = true;
    OA_CO_CHECK(co_await register_session(scripts::sign_on));
    signing_on_ = false;
    if (on_unsure) {
        on_unsure();
    }
    if (before != born_ && on_lost) {
        on_lost();
    }
    co_return Result<void>{};
}

Task<void> RedisStore::look_at_server() {
    const auto info = co_await ask({"INFO", "memory", "replication"});
    if (!info || info->failed()) {
        co_return;
    }
    const auto used = static_cast<double>(info_number(info->text, "used_memory"));
    const auto most = static_cast<double>(info_number(info->text, "maxmemory"));
    numbers_.memory = most > 0 ? used / most : 0;
    copies_ = close_copies(info->text);
    policy_ = info_field(info->text, "maxmemory_policy");
}

/// Called when the server was reached again or lacks a log of this process: it may be another
/// server, or may have lost its last writes.
void RedisStore::look_soon() {
    unsure_ = true;
    look_now_ = true;
    beat_.cancel();
}

/// Renews the lease; an expired lease is taken again, and the fences show what others decided
/// meanwhile. A renewal waits only for the answer to the previous one, so that the lease survives a
/// slow store.
Task<void> RedisStore::beat(RedisStore* self, std::shared_ptr<bool> alive) {
    auto began = Clock::now();
    while (*alive) {
        if (!std::exchange(self->look_now_, false)) {
            self->beat_.expires_at(began + self->options_.lease / k_beats);
            (void)co_await self->beat_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!*alive) { // closing the store has cancelled the wait
                co_return;
            }
            self->look_now_ = false;
        }
        began = Clock::now();
        const bool renewed = co_await self->renew();
        if (*alive && !std::exchange(self->looking_, true)) {
            spawn(self->executor_, "store look", look_around(self, alive, renewed));
        }
    }
}

/// The other checks of a beat.
Task<void> RedisStore::look_around(RedisStore* self, std::shared_ptr<bool> alive, bool renewed) {
    // With no counting command on its way, the counts kept here are right: write them again, in
    // case an answer was lost.
    if (*alive && renewed && self->counting_ == 0) {
        (void)co_await self->register_session(scripts::count);
    }
    if (*alive) {
        self->gather_followers();
        co_await self->look_at_server();
    }
    if (*alive && !self->refused_.empty()) {
        co_await self->look_at_rights();
    }
    if (*alive) {
        self->looking_ = false;
    }
}

Task<bool> RedisStore::renew() {
    const auto alive = alive_;
    const auto began = Clock::now();
    const auto kept = co_await ask({"PEXPIRE", key("s", session_), millis(options_.lease)});
    if (!*alive || !kept) {
        co_return false;
    }
    unwilling_ = kept->failed() ? error_of(*kept).text() : std::string();
    still_reads_ = refuses_writes_alone(*kept);
    if (kept->failed()) {
        co_return false;
    }
    const bool unsure = std::exchange(unsure_, false);
    for (const auto& [turn, count] : std::exchange(uncounted_, {})) {
        tell_readers(turn, count);
    }
    if (kept->count() == 0 || signing_on_) {
        (void)co_await sign_on_again();
        co_return false;
    }
    if (began > leased_until_) {
        leased_since_ = Clock::now();
    }
    leased_until_ = began + options_.lease;
    // Entries of the inbox are named by the server's clock. As long as the inbox exists, its ids
    // never fall below the last one read, so it is kept alive.
    send_unread({"PEXPIRE", key("in", session_), inbox_time()});
    if (unsure && on_unsure) {
        on_unsure();
    }
    co_return true;
}

/// Moves followers to the current primary: an old one that still runs serves reads but has no news.
void RedisStore::gather_followers() {
    for (const auto& one : news_) {
        if (link_->up() && one->up() && !one->same_server(*link_)) {
            one->leave({Code::unavailable, "another server is the primary now"});
        }
    }
}

/// The user's rights may be restored while the connection stands.
Task<void> RedisStore::look_at_rights() {
    const auto alive = alive_;
    const auto allowed = co_await check_commands(link_, options_.prefix, options_.wait);
    if (*alive && (allowed || allowed.error().code == Code::credentials)) {
        refused_ = allowed ? std::string() : allowed.error().text();
    }
}

Task<void> RedisStore::close() {
    if (link_->up()) {
        (void)co_await ask({"UNLINK", key("s", session_), key("in", session_)});
    }
    *alive_ = false;
    beat_.cancel();
    link_->close();
    std::ranges::for_each(news_, &RedisLink::close);
}

std::string RedisStore::trouble() const {
    if (!link_->up()) {
        return "the store is away: " + link_->trouble().message;
    }
    return !refused_.empty() || still_reads_ ? refused_ : unwilling_;
}

/// The connection for news that has been lost for too long; without it other replicas' messages and
/// frames do not arrive here.
const RedisLink* RedisStore::lost_news() const {
    const auto span = options_.news_away.value_or(options_.wait + k_longest_pause);
    const auto* lost =
        find_if_or_null(news_, [span](const auto& one) { return one->down_for(span); });
    return lost != nullptr ? lost->get() : nullptr;
}

std::string RedisStore::caution() const {
    if (still_reads_) {
        return unwilling_;
    }
    if (const auto* lost = lost_news()) {
        return "a connection to the store is away: " + lost->trouble().message;
    }
    if (!policy_.empty() && policy_ != k_policy) {
        return policy_refusal(policy_).text();
    }
    return Clock::now() - foreign_at_ < k_foreign_kept ? foreign_ : std::string();
}

StoreNumbers RedisStore::numbers() const {
    auto out = numbers_;
    out.up = trouble().empty() && unwilling_.empty() && lost_news() == nullptr;
    out.held = held_.count();
    return out;
}

} // namespace oa_stream::store
