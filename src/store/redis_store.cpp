#include "redis_store.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace oa_stream::store {

namespace {

constexpr Millis k_copy{200}; ///< how long to wait until a copy has a decision

/// A name for operators who read keys and client lists; its random end makes it unique.
std::string session_name(const StoreOptions& options) {
    boost::system::error_code ignored;
    const auto host = options.replica.empty() ? asio::ip::host_name(ignored) : options.replica;
    return fmt::format("{}.{}.{}", percent_encode(host), ::getpid(), random_hex(6));
}

/// Whether a deciding script changed anything: its first word shows when it did not.
bool wrote(const Reply& reply) {
    constexpr std::array<std::string_view, 9> k_refusals{
        "0", "busy", "orphan", "full", "owner", "awaited", "dead", "fenced", "hole"
    };
    const auto word = reply.kind == Reply::Kind::list ? reply.at(0) : reply.str();
    return !reply.failed() && std::ranges::find(k_refusals, word) == k_refusals.end();
}

} // namespace

void HeldTurns::remove(const ThreadKey& thread, std::uint64_t fence) {
    const auto found = rows_.find(row_name(thread));
    if (found != rows_.end() && found->second.fence == fence) {
        rows_.erase(found);
    }
}

void HeldTurns::remove_place(const std::string& owner) {
    const auto found = places_.find(owner);
    if (found != places_.end() && --found->second == 0) {
        places_.erase(found);
    }
}

std::size_t HeldTurns::count() const {
    auto count = rows_.size();
    for (const auto& [owner, own] : places_) {
        count += own;
    }
    return count;
}

Command HeldTurns::counts() const {
    auto owners = places_;
    for (const auto& [name, row] : rows_) {
        ++owners[row.owner];
    }
    Command out{"n", std::to_string(count())};
    for (const auto& [owner, own] : owners) {
        out.push_back("o:" + percent_encode(owner));
        out.push_back(std::to_string(own));
    }
    return out;
}

std::string row_name(const ThreadKey& thread) {
    return percent_encode(thread.owner) + "/" + percent_encode(thread.id);
}

ThreadKey thread_of(std::string_view row_name) {
    const auto owner = cut_until(row_name, '/');
    return {percent_decode(owner).value_or(""), percent_decode(row_name).value_or("")};
}

std::unexpected<Error> taken_since() {
    return fail(Code::conflict, "another replica has this conversation now");
}

std::unexpected<Error> strange_answer(const RedisLink::Self& link) {
    Error error{Code::protocol, "the store answers something else than it was asked"};
    link->leave(error);
    return std::unexpected(std::move(error));
}

RedisStore::RedisStore(
    const asio::any_io_executor& executor, StoreOptions options, RedisAddress address
)
    : executor_(executor), options_(std::move(options)), session_(session_name(options_)),
      beat_(executor), copied_(executor), found_(executor, Clock::time_point::max()) {
    const RedisLink::Options link{
        std::move(address), options_.user, options_.password, "oa-stream-" + session_, options_.wait
    };
    link_ = std::make_shared<RedisLink>(executor, link);
    std::ranges::generate(news_, [&] { return std::make_shared<RedisLink>(executor, link); });
    inbox_at_.fill("0-0");
}

// NOLINTNEXTLINE(bugprone-exception-escape): at most want of memory, which ends the program
RedisStore::~RedisStore() {
    *alive_ = false;
    link_->close();
    std::ranges::for_each(news_, &RedisLink::close);
}

void RedisStore::write_key(std::string& out, std::string_view kind, std::string_view name) const {
    out.assign(options_.prefix).append(":").append(kind).append(":").append(name);
}

std::string RedisStore::key(std::string_view kind, std::string_view name) const {
    std::string out;
    write_key(out, kind, name);
    return out;
}

std::string RedisStore::row(const ThreadKey& thread) const {
    return key("t", row_name(thread));
}

Task<Result<Reply>> RedisStore::ask(Command command) {
    return noted(RedisLink::call(link_, std::move(command), options_.wait));
}

Task<Result<Reply>> RedisStore::ask_list(Command command) {
    const auto link = link_;
    OA_CO_TRY(auto reply, unless_failed(co_await ask(std::move(command))));
    if (reply.kind != Reply::Kind::list) {
        co_return strange_answer(link);
    }
    co_return reply;
}

Task<Result<Reply>> RedisStore::noted(Task<Result<Reply>> asked) {
    const auto alive = alive_;
    const auto began = Clock::now();
    auto reply = co_await std::move(asked);
    if (*alive) {
        count_answer(reply, began);
    }
    co_return reply;
}

void RedisStore::count_answer(const Result<Reply>& reply, Clock::time_point began) {
    if (!reply) {
        auto& errors = numbers_.errors;
        ++(reply.error().code == Code::timeout ? errors.late : errors.down);
        return;
    }
    numbers_.round_trips.observe(oa_stream::seconds(Clock::now() - began));
    note(*reply);
}

void RedisStore::note(const Reply& reply) {
    auto& errors = numbers_.errors;
    if (refuses_command(reply)) {
        ++errors.refused;
        refused_ = error_of(reply).message;
    } else if (reply.failed()) {
        if (is_foreign(reply.text)) {
            foreign_ = error_of(reply).text();
            foreign_at_ = Clock::now();
        }
        ++(reply.text.starts_with("OOM") ? errors.full : errors.other);
    }
}

Task<Result<Reply>> RedisStore::ask_copied(Command command) {
    const auto alive = alive_;
    auto reply = co_await ask(std::move(command));
    if (*alive && reply && wrote(*reply)) {
        co_await wait_for_copy();
    }
    co_return reply;
}

/// Waits until a copy of the server has all decisions so far. One WAIT at a time, because the
/// server answers nothing else on the connection meanwhile.
Task<void> RedisStore::wait_for_copy() {
    const auto alive = alive_;
    const auto mine = copy_rounds_ + (copying_ ? 2 : 1);
    while (*alive && copies_ > 0 && copy_rounds_ < mine) {
        if (copying_) {
            (void)co_await copied_.async_wait(asio::as_tuple(asio::use_awaitable));
            continue;
        }
        copying_ = true;
        copied_.expires_at(Clock::time_point::max());
        // Commands behind it have deadlines; 0 would wait forever.
        const auto within = std::max(Millis(1), std::min(k_copy, options_.wait / 4));
        const auto reply = co_await ask({"WAIT", "1", std::to_string(within.count())});
        if (!*alive) {
            co_return;
        }
        // A failover may lose the decision; then the fences decide
        if (!reply || reply->count() == 0) {
            ++numbers_.short_waits;
            copies_ = 0; // until another copy is seen
        }
        copying_ = false;
        ++copy_rounds_;
        copied_.cancel();
    }
}

Task<Result<std::string>> RedisStore::load(Script script) {
    OA_CO_TRY(
        const auto loaded, unless_failed(co_await ask({"SCRIPT", "LOAD", std::string(script.text)}))
    );
    if (loaded.text.empty()) {
        co_return strange_answer(link_);
    }
    co_return digests_[script.name] = loaded.text;
}

Task<Result<Reply>> RedisStore::run(Script script, Command keys, Command args) {
    return run_by(&RedisStore::ask, script, std::move(keys), std::move(args));
}

Task<Result<Reply>> RedisStore::decide(Script script, Command keys, Command args) {
    return run_by(&RedisStore::ask_copied, script, std::move(keys), std::move(args));
}

Task<Result<Reply>> RedisStore::run_by(Ask way, Script script, Command keys, Command args) {
    const auto known = digests_.find(script.name);
    auto digest = known == digests_.end() ? std::string() : known->second;
    if (digest.empty()) {
        OA_CO_TRY(digest, co_await load(script));
    }
    Command command{"EVALSHA", std::move(digest), std::to_string(keys.size())};
    command.insert(command.end(), keys.begin(), keys.end());
    command.push_back(options_.prefix);
    command.push_back(session_);
    command.insert(command.end(), args.begin(), args.end());
    OA_CO_TRY(auto reply, co_await (this->*way)(command));
    // The server was restarted and lost its scripts
    if (reply.failed() && reply.text.starts_with("NOSCRIPT")) {
        OA_CO_TRY(command[1], co_await load(script));
        OA_CO_TRY(reply, co_await (this->*way)(std::move(command)));
    }
    if (reply.failed()) {
        co_return std::unexpected(error_of(reply));
    }
    if (reply.kind != script.answer.kind || reply.items.size() < script.answer.least) {
        co_return strange_answer(link_);
    }
    co_return reply;
}

Task<Result<void>> RedisStore::done(Task<Result<Reply>> asked) {
    OA_CO_CHECK(co_await std::move(asked));
    co_return Result<void>{};
}

Task<Result<std::uint64_t>> RedisStore::version(Task<Result<Reply>> asked) {
    OA_CO_TRY(const auto reply, co_await std::move(asked));
    co_return reply.count();
}

Task<Result<std::uint64_t>> RedisStore::held_version(Task<Result<Reply>> asked) {
    OA_CO_TRY(const auto changed, co_await version(std::move(asked)));
    if (changed == 0) {
        co_return taken_since();
    }
    co_return changed;
}

Task<Result<bool>> RedisStore::yes(Task<Result<Reply>> asked) {
    OA_CO_TRY(const auto reply, co_await std::move(asked));
    co_return reply.number == 1;
}

void RedisStore::send_unread(const Command& command, RedisLink::OnReply on_reply) {
    const std::vector<std::string_view> words(command.begin(), command.end());
    RedisLink::call_soon(
        link_, words, RedisLink::Haste::now, options_.wait, nullptr, std::move(on_reply)
    );
}

std::unique_ptr<Store>
make_redis_store(const asio::any_io_executor& executor, StoreOptions options) {
    // check_store() has accepted the options.
    auto address = read_redis_address(options);
    return std::make_unique<RedisStore>(
        executor, std::move(options), address ? *std::move(address) : RedisAddress{}
    );
}

} // namespace oa_stream::store
