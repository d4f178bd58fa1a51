// Compresses the rollouts of unused threads, with a separate codex process that does nothing else.
#include "oa_stream/base/option_names.hpp"

#include "codex/codex_core.hpp"
#include "codex_rollouts.hpp"

#include <fmt/format.h>

#include <sys/resource.h>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_most = 500; ///< rollouts per run; keeps the loop's pause short
constexpr Millis k_look{50};
constexpr Millis k_patience{10'000}; ///< how long to wait for the next compressed one
constexpr Millis k_grace{2'000};
constexpr int k_nice = 10;

Result<std::unique_ptr<Child>> start_compressor(
    const asio::any_io_executor& executor,
    const std::filesystem::path& program,
    const CodexHome& home
) {
    ChildOptions options;
    options.program = program;
    // The operator's own config.toml may not enable the feature.
    options.args = {"app-server", foreign_option("--enable"), "local_thread_store_compression"};
    options.env = home.env;
    options.env["RUST_LOG"] = "off"; // its log is not read
    options.cwd = home.work;
    options.pipe_stdin = true; // it exits at the end of its input
    auto child = Child::start(executor, std::move(options));
    if (child) {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>((*child)->pid()), k_nice);
    }
    return child;
}

} // namespace

/// True when more rollouts are left.
Task<bool> CodexCore::compress_resting(Self self) {
    if (!self->link_ || !self->full_.empty() || !self->unsaved_.empty()) {
        co_return false;
    }
    const auto home = self->home_.home;
    const auto resting = co_await find_resting(
        home,
        FileTime::clock::now() - self->options_.deadlines.compress_after,
        k_most,
        [self](std::string_view id) {
            const auto known = self->threads_.find(id);
            return known && (known->loaded || known->busy);
        }
    );
    if (resting.empty() || self->closing_) {
        co_return false;
    }
    self->compressing_ = true;
    const std::size_t compressed = co_await compress(self, resting);
    restore_ages(home);
    self->compressing_ = false;
    self->changed_.notify();
    self->counts_.compressed += compressed;
    co_return (resting.size() == k_most) && compressed > 0;
}

Task<std::size_t> CodexCore::compress(Self self, std::vector<RestingRollout> rollouts) {
    const auto home = self->home_.home;
    const auto aged = age_rollouts(home, rollouts);
    auto child = aged ? start_compressor(self->executor_, self->options_.program, self->home_)
                      : std::unexpected(aged.error());
    if (!child) {
        self->log(
            LogLevel::warn,
            fmt::format("rollouts of codex stay uncompressed: {}", child.error().text())
        );
        co_return 0;
    }
    std::size_t plain = rollouts.size();
    auto until = Clock::now() + k_patience;
    while (plain > 0 && !self->closing_ && Clock::now() < until && !(*child)->exited()) {
        co_await idle_for(self, k_look);
        if (const std::size_t now = count_plain(home, rollouts); now < plain) {
            plain = now;
            until = Clock::now() + k_patience;
        }
    }
    (*child)->close_stdin();
    co_await (*child)->stop(k_grace);
    const std::size_t compressed = rollouts.size() - count_plain(home, rollouts);
    self->log(LogLevel::debug, fmt::format("codex compressed {} rollouts at rest", compressed));
    co_return compressed;
}

} // namespace oa_stream::authority
