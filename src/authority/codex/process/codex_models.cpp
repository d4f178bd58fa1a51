#include "codex_models.hpp"

#include "oa_stream/base/option_names.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <csignal>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_limit = 64U << 20U;

} // namespace

Task<Result<std::string>> read_builtin_models(
    std::filesystem::path program, std::map<std::string, std::string> env, Millis deadline
) {
    const auto executor = co_await asio::this_coro::executor;
    ChildOptions options;
    options.program = std::move(program);
    // Without it codex prints the catalogue named in config.toml, which the last start reduced.
    options.args = {"debug", "models", foreign_option("--bundled")};
    options.env = std::move(env);
    options.pipe_stderr = true;
    OA_CO_TRY(const std::shared_ptr<Child> child, Child::start(executor, std::move(options)));
    asio::steady_timer timer(executor, deadline);
    bool late = false;
    timer.async_wait([&late, child](const boost::system::error_code& error) {
        if (!error) {
            late = true;
            child->signal(SIGKILL);
        }
    });
    std::string text;
    while (text.size() <= k_limit) {
        OA_CO_TRY(const std::string bytes, co_await child->read_stdout());
        if (bytes.empty()) {
            break;
        }
        text += bytes;
    }
    if (text.size() > k_limit) {
        co_return fail(Code::too_large, "codex debug models never stops");
    }
    const ChildExit exit = co_await child->wait();
    timer.cancel();
    if (late) {
        co_return fail(Code::timeout, "codex debug models did not end in time");
    }
    if (!exit.clean()) {
        co_return fail(
            Code::unavailable, fmt::format("codex debug models failed: {}", exit.text())
        );
    }
    co_return text;
}

} // namespace oa_stream::authority
