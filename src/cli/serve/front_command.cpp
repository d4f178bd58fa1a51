// front: the local weighted front door.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/output.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/run/signal_echo.hpp"
#include "oa_stream/traffic/front.hpp"

#include "core/commands.hpp"
#include "front_mirror.hpp"
#include "serve_listeners.hpp"
#include "serve_options.hpp"
#include "service_manager.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <set>

namespace oa_stream::cli {

namespace {

using traffic::Front;
using traffic::FrontOptions;

constexpr auto k_shortest_timeout = Millis{1000}; // for a health check
constexpr std::array<std::string_view, 2> k_balances{"weights", "least-conn"};

struct Options {
    FrontOptions front;
    std::optional<MirrorGiven> mirror{};
    std::string mirror_auth{};
    std::size_t mirror_open = 16;
    std::size_t mirror_bytes = 64U << 20U;
    Millis mirror_patience{30000};
    std::string ready_file;
    Millis drain_timeout{10000};
};

Result<std::pair<std::string, std::string>>
read_pair(std::string_view text, std::string_view like) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not NAME=VALUE", printable(text)),
            {},
            std::string(like)
        );
    }
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<traffic::Backend> read_backend(std::string_view text) {
    OA_TRY(auto pair, read_pair(text, "like stable=http://127.0.0.1:9001"));
    OA_CHECK(check_revision(pair.first, names::backend));
    OA_TRY(auto url, http_url(pair.second));
    return traffic::Backend{std::move(pair.first), std::move(url)};
}

Result<std::map<std::string, std::uint32_t, std::less<>>> read_weights(std::string_view text) {
    std::map<std::string, std::uint32_t, std::less<>> out;
    while (!text.empty()) {
        OA_TRY(auto pair, read_pair(cut_until(text, ','), "like stable=95,canary=5"));
        const auto weight = parse_count(pair.second, 0, 65535);
        if (!weight) {
            return std::unexpected(Error(weight.error()).prefixed(pair.first));
        }
        if (!out.emplace(pair.first, static_cast<std::uint32_t>(*weight)).second) {
            return fail(Code::usage, fmt::format("{} has two weights", printable(pair.first, 40)));
        }
    }
    return out;
}

Result<std::string> read_path(std::string_view text) {
    if (!text.starts_with('/')) {
        return fail(
            Code::usage, fmt::format("'{}' is not a path", printable(text)), {}, "like /readyz"
        );
    }
    return std::string(text);
}

Result<void> complete(FrontOptions& front) {
    if (front.backends.empty()) {
        return fail(
            Code::usage,
            "at least one backend is needed",
            {},
            "like --backend stable=http://127.0.0.1:9001"
        );
    }
    std::set<std::string_view> revisions;
    for (const auto& backend : front.backends) {
        revisions.insert(backend.name);
    }
    if (revisions.size() < front.backends.size()) {
        front.sticky_threads = 0; // with a shared store any lane can continue any thread
    }
    if (front.weights.empty()) {
        front.weights[front.backends.front().name] = 100;
    }
    front.health.timeout = std::max(front.health.interval, k_shortest_timeout);
    return {};
}

Result<void> complete_mirror(Options& options) {
    if (!options.mirror) {
        return {};
    }
    for (const traffic::Backend& backend : options.front.backends) {
        // A thread has one turn at a time.
        if (same_place(backend.url, options.mirror->options.url)) {
            return fail(
                Code::usage,
                fmt::format(
                    "the mirror {} is backend {}: copies would take the threads of its users",
                    options.mirror->options.name,
                    backend.name
                ),
                {},
                "start another lane for the copies, with a store of its own"
            );
        }
    }
    MirrorGiven given = *options.mirror;
    given.options.bearer = options.mirror_auth;
    given.options.most_open = options.mirror_open;
    given.options.most_bytes = options.mirror_bytes;
    given.options.patience = options.mirror_patience;
    OA_TRY(options.front.mirror, complete_mirror(std::move(given)));
    return {};
}

/// A client that waits outside is better off than one that is accepted without a free connection to
/// a backend.
void fit_connections(FrontOptions& front, const Context& context) {
    raise_descriptor_limit();
    const auto copies = front.mirror.name.empty() ? 0 : front.mirror.most_open + 1;
    const auto fitting = fitting_clients(front.connections, front.backends.size() + copies);
    if (fitting < front.connections) {
        context.err(
            fmt::format("the descriptor limit leaves room for {}\n", counted(fitting, "connection"))
        );
        front.connections = fitting;
    }
}

Result<void>
tell_ready(const ReadyFile& file, const Options& options, const Front& front, Context& context) {
    const std::string address = front.endpoint().text();
    context.err(fmt::format("front door on http://{}\n", address));
    return file.write("front-ready", {{"listen", address}, {"admin", options.front.admin_socket}});
}

/// Streams notice the cut within a few turns of the loop.
Task<void> cut(Front* front, asio::io_context* io) {
    front->close();
    co_await front->drain(Millis(200));
    io->stop();
}

Task<void> drain(Front* front, asio::io_context* io, Millis limit) {
    co_await front->drain(limit);
    co_await cut(front, io);
}

Result<ExitCode> run(Options options, Context& context) {
    OA_CHECK(complete(options.front));
    OA_CHECK(complete_mirror(options));
    fit_connections(options.front, context);
    never_wait_for_stderr();
    asio::io_context io(1);
    options.front.note = [&context](std::string_view line) {
        context.err(fmt::format("{}\n", line));
    };
    const ReadyFile ready(options.ready_file);
    OA_TRY(const auto front, Front::start(io.get_executor(), options.front));
    // Before the ready file: a process that sees it may send us a signal.
    asio::signal_set signals(io, SIGINT, SIGTERM, SIGHUP);
    OA_CHECK(tell_ready(ready, options, *front, context));
    bool draining = false;
    run::SignalEcho echo;
    std::function<void()> obey = [&] {
        signals.async_wait([&](const boost::system::error_code& error, int number) {
            if (error) {
                return;
            }
            if (number == SIGHUP) { // tells a lane to read its files again
                context.err("SIGHUP: the front door has no files to reread\n");
            } else if (!echo.repeats(number)) {
                if (draining) {
                    spawn(io.get_executor(), "cut", cut(front.get(), &io));
                    return;
                }
                draining = true;
                ready.remove();
                context.err(fmt::format(
                    "draining {}, at most {}; a second signal cuts them\n",
                    counted(front->active(), "stream"),
                    format_duration(options.drain_timeout)
                ));
                spawn(io.get_executor(), "drain", drain(front.get(), &io, options.drain_timeout));
            }
            obey();
        });
    };
    obey();
    io.run();
    if (const std::string copies = front->mirror_summary(); !copies.empty()) {
        context.err(fmt::format("{}\n", copies));
    }
    return ExitCode::ok;
}

using traffic::HealthOptions;
constexpr std::string_view k_mirror_auth_help =
    "Send this bearer token to the mirror: env:NAME, file:PATH, fd:N, command:PROGRAM, or "
    "metadata: for the machine's service account.";
constexpr auto k_options = options<Options>(
    parsed<read_endpoint, &Options::front, &FrontOptions::listen>(
        names::listen, "HOST:PORT", "Accept clients at this address. Port 0 picks a free one."
    )
        .or_else("127.0.0.1:8080"),
    parsed<read_backend, &Options::front, &FrontOptions::backends>(
        names::backend,
        "NAME=URL",
        "Send traffic to this revision at this URL. A repeated name adds a lane to that revision; "
        "they share a store."
    ),
    parsed<read_weights, &Options::front, &FrontOptions::weights>(
        names::weights,
        "NAME=N,…",
        "Share new threads among revisions by these weights. Without it the first one gets all."
    ),
    option<&Options::front, &FrontOptions::balance>(
        "--balance",
        k_balances,
        "weights: share new threads exactly by weight. least-conn: give each to the revision with "
        "the fewest active requests for its weight."
    )
        .or_else("weights"),
    parsed<read_path, &Options::front, &FrontOptions::health, &HealthOptions::path>(
        "--health",
        "PATH",
        "Request this path from every backend. A backend that does not answer 2xx gets no traffic."
    ),
    option<&Options::front, &FrontOptions::health, &HealthOptions::interval>(
        "--health-interval", "D", "Check the backends at this interval, 10ms or more."
    )
        .range(10, k_longest_ms)
        .or_else("2s"),
    option<&Options::front, &FrontOptions::admin_socket>(
        names::admin, "PATH", "Offer GET /state and PUT /weights on this unix socket."
    )
        .offering(Offer::files),
    parsed<read_mirror, &Options::mirror>(
        "--mirror",
        "NAME=URL@N%[,WORD…]",
        "Also copy this share of conversations to this lane, and compare the answers. Users do not "
        "see them. Words: dry (turns may run there), tokens (send the users' tokens), "
        "structure (compare only what two answers of a model have in common)."
    ),
    option<&Options::mirror_auth>("--mirror-auth", "REF", k_mirror_auth_help),
    option<&Options::mirror_open>(
        "--mirror-open", "N", "Send at most N copies at a time; drop the others."
    )
        .range(1, 10000)
        .or_else("16"),
    parsed<read_size, &Options::mirror_bytes>(
        "--mirror-bytes",
        "SIZE",
        "Keep at most this much of requests and answers for the mirror: 64m, 1GB."
    )
        .or_else("64m"),
    option<&Options::mirror_patience>(
        "--mirror-patience",
        "D",
        "Cancel a copy without an answer this long after the user's answer ended."
    )
        .or_else("30s"),
    option<&Options::ready_file>(
        names::ready_file,
        "FILE",
        "Write this file, as JSON, once requests are accepted. It is removed at the end."
    ),
    option<&Options::drain_timeout>(
        "--drain-timeout", "D", "Give running streams this long to end after SIGTERM."
    )
        .or_else("10s")
);

} // namespace

const CommandSpec front_command = command<run>({
    .path = "front",
    .summary = "Run the local weighted front door.",
    .options = k_options,
    .examples =
        {
            "oa-stream front --listen 127.0.0.1:8080 --backend stable=http://127.0.0.1:9001"
            " --backend canary=http://127.0.0.1:9002 --weights stable=95,canary=5 --health /readyz"
            " --admin /tmp/front.sock",
            "oa-stream front --backend stable=http://127.0.0.1:9001 --mirror "
            "next=http://127.0.0.1:9003@10% --admin /tmp/front.sock",
        },
    .serves = true,
    .about =
        R"(Runs a small front door that shares new threads among revisions by weight, for rehearsals and for
machines without their own balancer. A thread stays with its first revision as long as that revision is
healthy. A revision may have several lanes that share a store; each request then goes to any of them.
Playbooks of the driver `local`, or `PUT /weights` on the socket of `--admin`, change the split.

With `--mirror` a second lane gets copies of a share of the live requests. The front door compares its
answers as `shadow` does; users never get them. Each difference is a line on stderr, without the texts.
Copied requests run turns only on a target that is marked `dry`.

Streams pass through unbuffered. On SIGTERM running streams may end within `--drain-timeout`.)",
    .also = "proxy balancer gateway mirror copy traffic",
    .exits = exits::k_serves,
});

} // namespace oa_stream::cli
