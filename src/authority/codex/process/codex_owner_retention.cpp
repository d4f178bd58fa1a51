// Deletes the unused threads of absent owners: no Codex runs for them that would do it.
#include "codex/health/clock_watch.hpp"
#include "codex/health/codex_rollouts.hpp"
#include "codex_owner_pool.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr Millis k_owners_pause{60 * 60'000}; ///< between two checks of all owners
constexpr Millis k_at_once{5}; ///< then the loop runs other work
constexpr Millis k_tended_look{50};
constexpr Millis k_tended_patience{10'000}; ///< for one owner's deletions; the next check continues
constexpr Millis k_tended_grace{2'000};

std::vector<std::string> folders_in(const fs::path& place) {
    std::vector<std::string> out;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(place, failed)) {
        const std::string name = entry.path().filename().string();
        if (!name.contains('=')) { // such a folder is the sandbox check's
            out.push_back(name);
        }
    }
    return out;
}

} // namespace

Task<void> CodexOwnerPool::tend_owners(Self self) {
    const Millis pause = std::min(self->options_.deadlines.keep_threads / 4, k_owners_pause);
    ClockWatch clock;
    while (!self->closing_) {
        const auto at = Clock::now() + pause;
        while (!self->closing_ && Clock::now() < at) {
            co_await self->changed_.wait_until(at);
        }
        auto began = Clock::now();
        for (const std::string& folder : folders_in(self->options_.folder)) {
            if (self->closing_) {
                break;
            }
            if (clock.was_set()) { // checking others takes a while, so look again
                if (self->options_.log) {
                    self->options_.log(LogLevel::warn, ClockWatch::k_warning);
                }
                break;
            }
            co_await tend_owner(self, folder);
            if (Clock::now() - began >= k_at_once) {
                co_await sleep_for(Millis(1));
                began = Clock::now();
            }
        }
    }
}

/// A running child deletes its threads itself; otherwise a child is started only if there is
/// something to delete.
Task<void> CodexOwnerPool::tend_owner(Self self, std::string folder) {
    const fs::path home = self->options_.folder / folder / "home";
    const auto old = [self, home] {
        return has_unused(home, FileTime::clock::now() - self->options_.deadlines.keep_threads);
    };
    if (self->children_.contains(folder) || !co_await old()) {
        co_return;
    }
    const auto until = Clock::now() + k_tended_patience;
    auto used = co_await child(self, folder, true);
    while (used && !self->closing_ && Clock::now() < until && co_await old()) {
        co_await sleep_for(k_tended_look);
    }
    used = fail(Code::cancelled, "done");
    const auto done = self->children_.find(folder);
    if (!self->closing_ && done != self->children_.end() && done->second->load == 0 &&
        done->second->state == Child::State::open) {
        co_await end_child(self, folder, k_tended_grace);
    }
}

} // namespace oa_stream::authority
