#include "codex_owner_pool.hpp"

#include "pool_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr Millis k_end_grace{2'000};
/// Folder of the child that proves the sandbox: no owner's folder contains "=".
constexpr std::string_view k_nobody = "=check";

std::string work_of(std::string work_template, const std::string& folder) {
    for (auto at = work_template.find(k_owner_mark); at != std::string::npos;
         at = work_template.find(k_owner_mark, at + folder.size())) {
        work_template.replace(at, k_owner_mark.size(), folder);
    }
    return work_template;
}

/// A link could give two owners the same folder, or an owner the lane's folder.
Result<void> own_folder(const fs::path& work) {
    std::error_code failed;
    const fs::path plain = fs::absolute(work, failed).lexically_normal();
    if (fs::is_symlink(fs::symlink_status(plain, failed))) {
        return fail(Code::precondition, "the work folder of an owner is a link", plain);
    }
    return {};
}

Error unavailable(const Error& why) {
    return Error{.code = Code::unavailable, .message = why.text()};
}

} // namespace

std::string CodexOwnerPool::pinned(const std::string& folder, std::string_view id) {
    return fmt::format("{}:{}", folder, id);
}

OwnedThread CodexOwnerPool::pin_of(std::string_view thread) {
    const auto mark = thread.find(':');
    if (mark == std::string_view::npos) {
        return {{}, std::string(thread)};
    }
    return {std::string(thread.substr(0, mark)), std::string(thread.substr(mark + 1))};
}

CodexOwnerPool::CodexOwnerPool(
    const asio::any_io_executor& executor, CodexOptions options, CodexOwners owners
)
    : executor_(executor), options_(std::move(options)), owners_(std::move(owners)),
      changed_(executor) {
    options_.confined = true;
    if (options_.folder.empty()) {
        options_.folder = options_.state_dir / "codex" / "owners";
    }
    CodexOptions nobody = options_;
    nobody.folder = options_.folder / k_nobody;
    proof_ = make_codex_authority(executor_, std::move(nobody));
}

/// The existing folders of all other owners must be unreadable to this one.
CodexOptions CodexOwnerPool::options_of(const std::string& folder) const {
    CodexOptions options = options_;
    options.folder = options_.folder / folder;
    options.work_dir = work_of(owners_.work_template, folder);
    std::error_code failed;
    for (const auto& other : fs::directory_iterator(options_.folder, failed)) {
        const std::string name = other.path().filename();
        if (name != folder) {
            options.shut.push_back(other.path() / "home" / "config.toml");
            options.shut.emplace_back(work_of(owners_.work_template, name));
        }
    }
    if (options.log) {
        options.log = [log = options_.log, folder](LogLevel level, std::string_view line) {
            log(level, fmt::format("owner {}: {}", folder, line));
        };
    }
    options.forgotten = renaming(options_.forgotten, [folder](const std::string& id) {
        return pinned(folder, id);
    });
    return options;
}

Task<Result<void>> CodexOwnerPool::open(Self self) {
    OA_CO_CHECK(co_await self->proof_->open());
    if (!self->closing_) {
        co_await self->proof_->close(k_end_grace);
    }
    oa_stream::spawn(self->executor_, "codex owners", end_idle(self));
    if (self->options_.deadlines.keep_threads > Millis(0)) {
        oa_stream::spawn(self->executor_, "codex owners' threads", tend_owners(self));
    }
    co_return Result<void>{};
}

CodexOwnerPool::Use CodexOwnerPool::use(const std::shared_ptr<Child>& child) {
    ++child->load;
    return {child.get(), [child](Child*) {
                --child->load;
                child->used = Clock::now();
            }};
}

Task<Result<CodexOwnerPool::Use>>
CodexOwnerPool::child(Self self, std::string folder, bool tended) {
    while (!self->closing_) {
        const auto known = self->children_.find(folder);
        if (known == self->children_.end()) {
            if (self->children_.size() >= self->owners_.most) {
                OA_CO_CHECK(co_await make_room(self));
                continue; // another request may have started it
            }
            CodexOptions options = self->options_of(folder);
            options.deadlines.looks_at_once = tended;
            if (auto own = own_folder(options.work_dir); !own) {
                co_return std::unexpected(unavailable(own.error()));
            }
            const auto made =
                std::make_shared<Child>(make_codex_authority(self->executor_, options));
            self->children_.emplace(folder, made);
            Use used = use(made);
            auto opened = co_await made->codex->open();
            made->state = opened ? Child::State::open : Child::State::failed;
            if (!opened) {
                self->children_.erase(folder);
                self->changed_.notify();
                co_return std::unexpected(unavailable(opened.error()));
            }
            self->changed_.notify();
            co_return used;
        }
        if (known->second->state == Child::State::open) {
            co_return use(known->second);
        }
        co_await self->changed_.wait_until(Clock::time_point::max());
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
    co_return fail(Code::unavailable, "closed");
}

Task<Result<CodexOwnerPool::Use>> CodexOwnerPool::child_at(Self self, std::string folder) {
    std::error_code failed;
    if (folder.empty() || !fs::is_directory(self->options_.folder / folder, failed)) {
        co_return fail(Code::not_found, "this thread belongs to no owner's Codex");
    }
    co_return co_await child(self, std::move(folder));
}

/// Ends the child idle for longest, unless one is already closing; the caller checks again.
Task<Result<void>> CodexOwnerPool::make_room(Self self) {
    if (std::ranges::any_of(self->children_, [](const auto& entry) {
            return entry.second->state == Child::State::closing;
        })) {
        co_await self->changed_.wait_until(Clock::time_point::max());
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
        co_return Result<void>{};
    }
    auto oldest = self->children_.end();
    for (auto at = self->children_.begin(); at != self->children_.end(); ++at) {
        const Child& child = *at->second;
        if (child.state == Child::State::open && child.load == 0 &&
            (oldest == self->children_.end() || child.used < oldest->second->used)) {
            oldest = at;
        }
    }
    if (oldest == self->children_.end()) {
        co_return fail(
            Code::unavailable,
            fmt::format("Codex runs for {} owners already, and all are busy", self->owners_.most)
        );
    }
    co_await end_child(self, oldest->first, k_end_grace);
    co_return Result<void>{};
}

Task<void> CodexOwnerPool::end_child(Self self, std::string folder, Millis grace) {
    const auto child = self->children_.at(folder);
    child->state = Child::State::closing;
    co_await child->codex->close(grace);
    for (const Reading& reading : child->codex->readings()) {
        if (reading.name.ends_with("_total")) {
            self->ended_counts_[reading.name] += reading.value;
        }
    }
    self->children_.erase(folder);
    self->changed_.notify();
}

Task<void> CodexOwnerPool::end_idle(Self self) {
    const Millis pause = std::clamp(self->owners_.idle / 4, Millis(20), Millis(15'000));
    while (!self->closing_) {
        const auto at = Clock::now() + pause;
        while (!self->closing_ && Clock::now() < at) {
            co_await self->changed_.wait_until(at);
        }
        std::vector<std::string> idle;
        for (const auto& [folder, child] : self->children_) {
            if (child->state == Child::State::open && child->load == 0 &&
                Clock::now() - child->used >= self->owners_.idle) {
                idle.push_back(folder);
            }
        }
        for (const std::string& folder : idle) {
            const auto found = self->children_.find(folder);
            if (!self->closing_ && found != self->children_.end() && found->second->load == 0 &&
                found->second->state == Child::State::open) {
                co_await end_child(self, folder, k_end_grace);
            }
        }
    }
}

Task<Result<std::unique_ptr<Turn>>> CodexOwnerPool::start(Self self, TurnRequest request) {
    const std::string folder = owner_folder(request.owner);
    if (request.thread) {
        OwnedThread thread = pin_of(*request.thread);
        if (thread.child != folder) {
            co_return fail(Code::not_found, "this thread belongs to another owner");
        }
        request.thread = std::move(thread.id);
    }
    OA_CO_TRY(Use used, co_await child(self, folder));
    OA_CO_TRY(auto turn, co_await used->codex->start(std::move(request)));
    std::string id = pinned(folder, turn->thread_id());
    co_return rename_thread(std::move(used), std::move(turn), std::move(id));
}

Task<Result<std::vector<std::string>>>
CodexOwnerPool::find_threads(Self self, std::string owner, std::string words) {
    const std::string folder = owner_folder(owner);
    OA_CO_TRY(const Use used, co_await child(self, folder));
    OA_CO_TRY(auto ids, co_await used->codex->find_threads(std::move(owner), std::move(words)));
    for (std::string& id : ids) {
        id = pinned(folder, id);
    }
    co_return ids;
}

Task<Result<std::string>> CodexOwnerPool::make_thread(Self self, TurnRequest request) {
    const std::string folder = owner_folder(request.owner);
    OA_CO_TRY(const Use used, co_await child(self, folder));
    OA_CO_TRY(const std::string id, co_await used->codex->make_thread(std::move(request)));
    co_return pinned(folder, id);
}

Health CodexOwnerPool::health() const {
    std::string unready;
    bool ready = children_.empty();
    for (const auto& [folder, child] : children_) {
        const Health one = child->codex->health();
        const bool fine = one.ready || child->state != Child::State::open;
        ready = ready || fine;
        if (!fine) {
            unready +=
                fmt::format("{}owner {}: {}", unready.empty() ? "" : "; ", folder, one.reason);
        }
    }
    return {.ready = ready && !closing_, .reason = std::move(unready)};
}

std::vector<Reading> CodexOwnerPool::readings() const {
    std::vector<Reading> sum = proof_->readings();
    for (Reading& one : sum) {
        const auto ended = ended_counts_.find(one.name);
        one.value += ended == ended_counts_.end() ? 0 : ended->second;
        for (const auto& [folder, child] : children_) {
            for (const Reading& reading : child->codex->readings()) {
                one.value += reading.name == one.name ? reading.value : 0;
            }
        }
    }
    return sum;
}

Task<void> CodexOwnerPool::close(Self self, Millis grace) {
    self->closing_ = true;
    self->changed_.notify();
    std::vector<Task<void>> tasks;
    tasks.push_back(self->proof_->close(grace));
    const auto children = self->children_; // end_idle() may be ending one of them
    tasks.reserve(children.size() + 1);
    for (const auto& [folder, child] : children) {
        tasks.push_back(child->codex->close(grace));
    }
    co_await all_of(self->executor_, std::move(tasks));
}

void CodexOwnerPool::drop() {
    closing_ = true;
    children_.clear();
    proof_.reset();
    changed_.notify();
}

std::unique_ptr<Authority> make_codex_owner_pool(
    const asio::any_io_executor& executor, CodexOptions options, CodexOwners owners
) {
    return pool_authority(
        std::make_shared<CodexOwnerPool>(executor, std::move(options), std::move(owners))
    );
}

} // namespace oa_stream::authority
