// front: the local weighted front door.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/traffic/front.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace oa_stream::cli {

namespace {

using traffic::Front;
using traffic::FrontOptions;

constexpr auto k_shortest_interval = Millis{10};
constexpr auto k_shortest_timeout = Millis{1000}; // of a check

struct Options {
    FrontOptions front;
    std::string ready_file;
    Millis drain_timeout{10000};
};

Result<std::pair<std::string, std::string>>
pair_of(std::string_view option, std::string_view text) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no NAME=VALUE", printable(text)),
            std::string(option),
            fmt::format(
                "like {} stable={}", option, option == "--backend" ? "http://127.0.0.1:9001" : "100"
            )
        );
    }
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

Result<void> add_backend(FrontOptions& front, std::string_view text) {
    OA_TRY(auto pair, pair_of("--backend", text));
    auto& [name, url] = pair;
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no http URL", printable(url)),
            "--backend",
            name + "=http://127.0.0.1:9001"
        );
    }
    while (url.ends_with('/')) {
        url.pop_back();
    }
    front.backends.push_back({std::move(name), std::move(url)});
    return {};
}

Result<void> add_weights(FrontOptions& front, std::string_view text) {
    while (!text.empty()) {
        const auto comma = text.find(',');
        OA_TRY(auto pair, pair_of("--weights", text.substr(0, comma)));
        const auto weight = parse_count(pair.second, 0, 65535);
        if (!weight) {
            return std::unexpected(Error(weight.error()).prefixed("--weights " + pair.first));
        }
        front.weights[pair.first] = static_cast<std::uint32_t>(*weight);
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return {};
}

Result<void> add_health(FrontOptions& front, const Args& args) {
    front.health.path = args.get("--health").value_or("");
    if (!front.health.path.empty() && !front.health.path.starts_with('/')) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no path", printable(front.health.path)),
            "--health",
            "/readyz"
        );
    }
    OA_TRY(front.health.interval, parse_duration(args.get("--health-interval").value_or("2s")));
    if (front.health.interval < k_shortest_interval) {
        return fail(Code::usage, "checks may come every 10 ms at most", "--health-interval");
    }
    front.health.timeout = std::max(front.health.interval, k_shortest_timeout);
    return {};
}

Result<Options> parse(const Args& args) {
    Options out;
    const std::string listen = args.get("--listen").value_or("");
    const auto endpoint = net::parse_endpoint(listen);
    if (!endpoint) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no HOST:PORT", printable(listen)),
            "--listen",
            "--listen 127.0.0.1:8080"
        );
    }
    out.front.listen = *endpoint;
    for (const std::string& text : args.all("--backend")) {
        OA_CHECK(add_backend(out.front, text));
    }
    if (out.front.backends.empty()) {
        return fail(
            Code::usage,
            "at least one backend is needed",
            {},
            "--backend stable=http://127.0.0.1:9001"
        );
    }
    const auto weights = args.get("--weights");
    OA_CHECK(add_weights(
        out.front, weights ? *weights : fmt::format("{}=100", out.front.backends[0].name)
    ));
    out.front.admin_socket = args.get("--admin").value_or("");
    OA_CHECK(add_health(out.front, args));
    out.ready_file = args.get("--ready-file").value_or("");
    OA_TRY(out.drain_timeout, parse_duration(args.get("--drain-timeout").value_or("10s")));
    return out;
}

Result<void> tell_ready(const Options& options, const Front& front, Context& context) {
    const std::string address = front.endpoint().text();
    context.err(fmt::format("front door on http://{}\n", address));
    if (options.ready_file.empty()) {
        return {};
    }
    const Json ready = {
        {"listen", address}, {"admin", options.front.admin_socket}, {"pid", ::getpid()}
    };
    return write_file_atomic(options.ready_file, dump_json(titled("front-ready", ready)) + "\n");
}

Task<void> drain(Front* front, asio::io_context* io, Millis limit) {
    co_await front->drain(limit);
    front->close();
    io->stop();
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(Options options, parse(args));
    asio::io_context io(1);
    options.front.note = [&context](std::string_view line) {
        context.err(fmt::format("{}\n", line));
    };
    OA_TRY(const auto front, Front::start(io.get_executor(), options.front));
    asio::signal_set signals(io, SIGINT, SIGTERM); // whoever is told that we are ready may end us
    OA_CHECK(tell_ready(options, *front, context));
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (error) {
            return;
        }
        context.err(fmt::format(
            "draining {} streams, at most {}; a second signal cuts them\n",
            front->active(),
            format_duration(options.drain_timeout)
        ));
        spawn(io.get_executor(), "drain", drain(front.get(), &io, options.drain_timeout));
        signals.async_wait([&](const boost::system::error_code& again, int) {
            if (!again) {
                front->close();
                io.stop();
            }
        });
    });
    io.run();
    return ExitCode::ok;
}

constexpr std::array k_options{
    OptionSpec{
        "--listen", "HOST:PORT", "Where clients come in; port 0 picks one.", "127.0.0.1:8080"
    },
    OptionSpec{"--backend", "NAME=URL", "A revision and where it is; repeats.", {}, true},
    OptionSpec{
        "--weights",
        "NAME=N,…",
        "Share of new threads by revision; the first one gets all if not given."
    },
    OptionSpec{
        "--health",
        "PATH",
        "Ask every backend for this path; one that does not answer 2xx gets no share."
    },
    OptionSpec{"--health-interval", "D", "Time between two such questions.", "2s"},
    OptionSpec{"--admin", "PATH", "Unix socket for GET /state and PUT /weights."},
    OptionSpec{"--ready-file", "F", "Written as JSON once requests are accepted."},
    OptionSpec{"--drain-timeout", "D", "How long SIGTERM lets running streams go on.", "10s"},
};

constexpr std::array<std::string_view, 1> k_examples{
    "oa-stream front --listen 127.0.0.1:8080 --backend stable=http://127.0.0.1:9001 --backend "
    "canary=http://127.0.0.1:9002 --weights stable=95,canary=5 --health /readyz --admin "
    "/tmp/front.sock"
};

} // namespace

const CommandSpec front_command{
    .path = "front",
    .summary = "Run the local weighted front door.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
