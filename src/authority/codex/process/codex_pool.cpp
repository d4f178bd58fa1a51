#include "codex_pool.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/health/clock_watch.hpp"
#include "codex/health/codex_rollouts.hpp"
#include "pool_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_pin_digits = 3;
constexpr std::uint64_t k_most_children = 999;
constexpr Millis k_former_pause{60 * 60'000}; ///< between two checks of former children
constexpr std::string_view k_up = "1 while that Codex server is connected and ready.";

Task<void> into(Task<Result<void>> task, std::shared_ptr<Result<void>> outcome) {
    *outcome = co_await std::move(task);
}

/// Keeps the member alive until its child has ended.
Task<void> close_member(std::shared_ptr<PoolMember> member, Millis grace) {
    co_await member->codex->close(grace);
}

} // namespace

ThreadPin CodexPool::pin_of(std::string_view thread) {
    const auto mark = thread.find('_');
    if (mark != std::string_view::npos && mark <= k_pin_digits) {
        if (const auto child = parse_count(thread.substr(0, mark), 1, k_most_children)) {
            return {static_cast<std::size_t>(*child), std::string(thread.substr(mark + 1))};
        }
    }
    return {0, std::string(thread)};
}

std::string CodexPool::pinned(std::size_t child, std::string id) {
    return child == 0 ? std::move(id) : fmt::format("{}_{}", child, id);
}

CodexPool::CodexPool(
    const asio::any_io_executor& executor, CodexOptions options, std::size_t children
)
    : executor_(executor), options_(std::move(options)), children_(children), changed_(executor) {
    for (std::size_t child = 0; child < children_; ++child) {
        members_.push_back(make_member(child));
    }
}

CodexPool::CodexPool(
    const asio::any_io_executor& executor, CodexOptions options, std::vector<CodexServer> servers
)
    : executor_(executor), options_(std::move(options)), children_(servers.size()), servers_(true),
      changed_(executor) {
    for (CodexServer& server : servers) {
        const std::size_t number = server.number;
        members_.push_back(make_member(number, std::move(server)));
    }
}

std::filesystem::path CodexPool::folder_of(std::size_t child) const {
    const auto base = options_.folder.empty() ? options_.state_dir / "codex" : options_.folder;
    return child == 0 ? base : base / std::to_string(child);
}

std::string CodexPool::name_of(std::size_t member) const {
    return fmt::format("{} {}", servers_ ? "server" : "child", member);
}

CodexPool::Member CodexPool::make_member(std::size_t child, CodexServer server) {
    CodexOptions options = options_;
    if (!servers_ && child > 0) {
        options.folder = folder_of(child);
    }
    options.server = std::move(server);
    if (options.log && (servers_ || children_ > 1 || child > 0)) {
        options.log = [log = options_.log,
                       name = name_of(child)](LogLevel level, std::string_view line) {
            log(level, fmt::format("{}: {}", name, line));
        };
    }
    options.forgotten =
        renaming(options_.forgotten, [child](const std::string& id) { return pinned(child, id); });
    auto made =
        std::make_shared<PoolMember>(child, make_codex_authority(executor_, std::move(options)));
    if (servers_) {
        made->up = fmt::format("codex_server_up{{server={}}}", child);
    }
    return made;
}

Task<Result<void>> CodexPool::open(Self self) {
    std::vector<std::shared_ptr<Result<void>>> outcomes;
    std::vector<Task<void>> tasks;
    for (const Member& member : self->members_) {
        outcomes.push_back(std::make_shared<Result<void>>());
        tasks.push_back(into(open_member(self, member), outcomes.back()));
    }
    co_await all_of(self->executor_, std::move(tasks));
    for (std::size_t child = 0; child < outcomes.size(); ++child) {
        if (!*outcomes[child]) {
            Error error = std::move(*outcomes[child]).error();
            const std::size_t number = self->members_[child]->number;
            co_return std::unexpected(
                self->children_ == 1 ? std::move(error)
                                     : std::move(error).prefixed(self->name_of(number))
            );
        }
    }
    if (!self->servers_ && self->options_.deadlines.keep_threads > Millis(0)) {
        oa_stream::spawn(self->executor_, "codex former children", tend_former(self));
    }
    co_return Result<void>{};
}

std::vector<std::size_t> CodexPool::former_children() const {
    std::vector<std::size_t> found;
    std::error_code failed;
    if (servers_) {
        return found;
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(0), failed)) {
        const std::string name = entry.path().filename().string();
        const auto child = parse_count(name, children_, k_most_children);
        if (child && std::filesystem::is_directory(entry.path() / "home" / "sessions", failed)) {
            found.push_back(static_cast<std::size_t>(*child));
        }
    }
    return found;
}

/// A running child deletes its threads itself; otherwise it is started only if there is something
/// to delete.
Task<void> CodexPool::tend_former(Self self) {
    const Millis keep = self->options_.deadlines.keep_threads;
    ClockWatch clock;
    while (!self->closing_) {
        const auto at = Clock::now() + std::min(keep / 4, k_former_pause);
        while (!self->closing_ && Clock::now() < at) {
            co_await self->changed_.wait_until(at);
        }
        if (clock.was_set()) { // each child logs the warning
            continue;
        }
        const auto before = FileTime::clock::now() - keep;
        for (const std::size_t child : self->former_children()) {
            const auto home = self->folder_of(child) / "home";
            if (!co_await has_unused(home, before) || self->closing_) {
                continue;
            }
            const auto opened = co_await child_at(self, child);
            if (!opened && !self->closing_ && self->options_.log) {
                self->options_.log(
                    LogLevel::warn, self->name_of(child) + ": " + opened.error().text()
                );
            }
        }
    }
}

Task<Result<void>> CodexPool::open_member(Self self, Member member) {
    while (member->state == PoolMember::State::opening) {
        co_await self->changed_.wait_until(Clock::time_point::max());
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
    if (self->closing_) {
        co_return fail(Code::unavailable, "closed");
    }
    if (member->state == PoolMember::State::open) {
        co_return Result<void>{};
    }
    member->state = PoolMember::State::opening;
    auto opened = co_await member->codex->open();
    member->state = opened ? PoolMember::State::open : PoolMember::State::closed;
    self->changed_.notify();
    co_return opened;
}

Task<Result<CodexPool::Member>> CodexPool::child_at(Self self, std::size_t child) {
    if (const auto* found = find_or_null(self->members_, child, &PoolMember::number)) {
        co_return *found;
    }
    if (self->servers_) {
        co_return fail(
            Code::unavailable, fmt::format("this lane has no address for {}", self->name_of(child))
        );
    }
    std::error_code none;
    Member& former = self->former_members_[child];
    if (!former && !std::filesystem::is_directory(self->folder_of(child), none)) {
        self->former_members_.erase(child);
        co_return fail(Code::not_found, fmt::format("there is no codex child {} here", child));
    }
    if (!former) {
        former = self->make_member(child);
    }
    const Member found = former;
    OA_CO_CHECK(co_await open_member(self, found));
    co_return found;
}

Task<Result<void>> CodexPool::check_place(Self self, std::size_t child, std::string id) {
    const std::vector<Member> members = self->members_;
    Member away;
    for (const Member& other : members) {
        if (other->number == child) {
            continue;
        }
        if (!other->codex->health().ready) {
            // children have fixed folders, servers may have been renumbered
            away = self->servers_ ? other : away;
            continue;
        }
        OA_CO_TRY(const auto found, co_await other->codex->threads({id}));
        if (!found.empty()) {
            co_return fail(
                Code::unavailable,
                fmt::format(
                    "{} has a conversation of {}: are they in each other's place?",
                    self->name_of(other->number),
                    self->name_of(child)
                )
            );
        }
    }
    if (away) {
        co_return fail(
            Code::unavailable,
            fmt::format(
                "{} does not know a conversation, and {} is away: it may be there",
                self->name_of(child),
                self->name_of(away->number)
            )
        );
    }
    co_return Result<void>{};
}

CodexPool::Member CodexPool::least_loaded() const {
    return *std::ranges::min_element(members_, {}, [](const Member& member) {
        return std::tuple(!member->codex->health().ready, member->load, member->given);
    });
}

Task<Result<std::unique_ptr<Turn>>> CodexPool::start(Self self, TurnRequest request) {
    Member chosen;
    std::string known;
    if (request.thread) {
        ThreadPin pin = pin_of(*request.thread);
        OA_CO_TRY(chosen, co_await child_at(self, pin.child));
        known = pin.id;
        request.thread = std::move(pin.id);
    } else {
        chosen = self->least_loaded();
        ++chosen->given;
    }
    auto load = in_use(chosen);
    auto started = co_await chosen->codex->start(std::move(request));
    if (!started && started.error().code == Code::not_found && !known.empty()) {
        OA_CO_CHECK(co_await check_place(self, chosen->number, std::move(known)));
    }
    OA_CO_TRY(auto turn, std::move(started));
    std::string thread = pinned(chosen->number, turn->thread_id());
    co_return rename_thread(std::move(load), std::move(turn), std::move(thread));
}

Task<Result<std::unique_ptr<Turn>>>
CodexPool::join(Self self, std::string thread, bool ask_approvals) {
    ThreadPin pin = pin_of(thread);
    OA_CO_TRY(const Member found, co_await child_at(self, pin.child));
    auto load = in_use(found);
    OA_CO_TRY(auto turn, co_await found->codex->join(std::move(pin.id), ask_approvals));
    co_return rename_thread(std::move(load), std::move(turn), std::move(thread));
}

Task<Result<std::vector<std::string>>>
CodexPool::find_threads(Self self, std::string owner, std::string words) {
    std::vector<std::string> all;
    std::vector<Member> members = self->members_;
    for (const std::size_t child : self->former_children()) {
        OA_CO_TRY(members.emplace_back(), co_await child_at(self, child));
    }
    for (const Member& one : members) {
        OA_CO_TRY(auto ids, co_await one->codex->find_threads(owner, words));
        for (std::string& id : ids) {
            all.push_back(pinned(one->number, std::move(id)));
        }
    }
    co_return all;
}

Task<Result<std::string>> CodexPool::make_thread(Self self, TurnRequest request) {
    const Member chosen = self->least_loaded();
    ++chosen->given;
    OA_CO_TRY(std::string id, co_await chosen->codex->make_thread(std::move(request)));
    co_return pinned(chosen->number, std::move(id));
}

Health CodexPool::health() const {
    if (members_.size() == 1) {
        return members_.front()->codex->health();
    }
    Health all;
    std::string unready;
    std::string remark;
    for (const Member& member : members_) {
        const Health one = member->codex->health();
        all.ready |= one.ready;
        if (!one.ready) {
            unready += fmt::format(
                "{}{}: {}", unready.empty() ? "" : "; ", name_of(member->number), one.reason
            );
        } else {
            remark = one.reason;
        }
    }
    all.reason = unready.empty() ? std::move(remark) : std::move(unready);
    return all;
}

Capabilities CodexPool::capabilities() const {
    const auto ready = std::ranges::find_if(members_, [](const Member& member) {
        return member->codex->health().ready;
    });
    return (ready == members_.end() ? members_.front() : *ready)->codex->capabilities();
}

std::vector<Reading> CodexPool::readings() const {
    std::vector<Reading> sum = members_.front()->codex->readings();
    const auto add = [&sum](const Member& member) {
        for (const Reading& one : member->codex->readings()) {
            if (auto* same = find_or_null(sum, one.name, &Reading::name)) {
                same->value += one.value;
            }
        }
    };
    std::ranges::for_each(members_.begin() + 1, members_.end(), add);
    for (const auto& [child, member] : former_members_) {
        add(member);
    }
    for (const Member& member : members_) {
        if (!member->up.empty()) {
            sum.push_back({member->up, k_up, member->codex->health().ready ? 1.0 : 0.0});
        }
    }
    return sum;
}

Task<void> CodexPool::close(Self self, Millis grace) {
    self->closing_ = true;
    self->changed_.notify();
    auto tasks =
        mapped(self->members_, [&](const Member& member) { return close_member(member, grace); });
    for (const auto& [child, member] : self->former_members_) {
        tasks.push_back(close_member(member, grace));
    }
    co_await all_of(self->executor_, std::move(tasks));
}

void CodexPool::drop() {
    closing_ = true;
    members_.clear();
    former_members_.clear();
    changed_.notify();
}

std::unique_ptr<Authority> make_codex_servers(
    const asio::any_io_executor& executor, CodexOptions options, std::vector<CodexServer> servers
) {
    return pool_authority(
        std::make_shared<CodexPool>(executor, std::move(options), std::move(servers))
    );
}

std::unique_ptr<Authority>
make_codex_pool(const asio::any_io_executor& executor, CodexOptions options, std::size_t children) {
    return pool_authority(std::make_shared<CodexPool>(
        executor, std::move(options), std::max<std::size_t>(children, 1)
    ));
}

} // namespace oa_stream::authority
