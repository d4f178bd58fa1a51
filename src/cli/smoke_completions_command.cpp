// smoke completions: does /v1/chat/completions keep its promises, at its origin and behind an edge?
#include "oa_stream/cli/commands.hpp"
#include "oa_stream/cli/version.hpp"
#include "oa_stream/evidence/run_folder.hpp"
#include "oa_stream/probe/completions_smoke.hpp"

#include "smoke_args.hpp"
#include "smoke_record.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <array>
#include <csignal>
#include <exception>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_command = "smoke completions";

Result<probe::CompletionsSmokeOptions> parse(const Args& args) {
    probe::CompletionsSmokeOptions options;
    const auto url = args.get("--base-url");
    if (!url) {
        return fail(
            Code::usage,
            "which lane? --base-url is missing",
            {},
            "oa-stream smoke completions --base-url http://127.0.0.1:8080"
        );
    }
    OA_TRY(options.target.base_url, parse_base_url(*url, "--base-url"));
    if (const auto reference = args.get("--auth")) {
        OA_TRY(options.target.bearer, read_secret(*reference));
    }
    OA_TRY(options.limits.connect, positive_duration(args, "--connect-timeout"));
    OA_TRY(options.limits.first_byte, positive_duration(args, "--first-byte"));
    OA_TRY(options.limits.stall, positive_duration(args, "--stall"));
    OA_TRY(options.limits.total, positive_duration(args, "--timeout"));
    if (const auto origin = args.get("--direct")) {
        options.direct = options.target;
        OA_TRY(options.direct->base_url, parse_base_url(*origin, "--direct"));
    }
    options.model = args.get("--model").value_or("");
    options.prompt = args.get("--prompt").value_or("");
    return options;
}

Result<evidence::RunFolder>
open_folder(const probe::CompletionsSmokeOptions& options, const Context& context) {
    Redactor redactor;
    redactor.add_known(options.target.bearer);
    evidence::RunInfo info;
    info.kind = "smoke-completions";
    info.name = k_command;
    info.target["base_url"] = options.target.base_url;
    if (options.direct) {
        info.target["direct"] = options.direct->base_url;
    }
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return evidence::RunFolder::create(context.state_dir, std::move(info), std::move(redactor));
}

/// Runs the checks until they are done or a signal comes; the number of that signal, else 0.
int probe_until_done(
    probe::CompletionsSmokeOptions options, evidence::RunFolder& folder, std::vector<Check>& checks
) {
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    int ended_by = 0;
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (!error) {
            ended_by = number;
            io.stop();
        }
    });
    options.keep = [&folder](const std::string& name, std::string_view bytes) {
        auto path = "streams/" + name;
        folder.write(path, bytes);
        return path;
    };
    options.on_check = [&](const Check& check) {
        folder.note(
            "check",
            {{"id", check.id}, {"verdict", to_string(check.verdict)}, {"detail", check.detail}}
        );
        checks.push_back(check);
    };
    const auto client = net::HttpClient::make(io.get_executor());
    asio::co_spawn(
        io,
        probe::smoke_completions(*client, std::move(options)),
        [&](const std::exception_ptr& thrown, const std::vector<Check>& /*all*/) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            io.stop();
        }
    );
    io.run();
    return ended_by;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto options, parse(args));
    OA_TRY(auto folder, open_folder(options, context));
    auto result = begin_result(folder, k_command, options.target.base_url);
    const int ended_by = probe_until_done(std::move(options), folder, result.checks);
    OA_CHECK(seal(result, folder, ended_by));
    show(result, folder.redactor(), context);
    return result.exit;
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane, without /v1: http or https, no credentials."},
    OptionSpec{"--auth", "REF", "The key: env:NAME, file:PATH or fd:N."},
    OptionSpec{
        "--direct", "URL", "The origin behind it: answers are compared in shape and timings."
    },
    OptionSpec{"--model", "NAME", "The model to ask; the first one listed if not given."},
    OptionSpec{"--prompt", "TEXT", "What to ask, instead of something that suits the target."},
    OptionSpec{"--connect-timeout", "D", "Limit on connecting.", "5s"},
    OptionSpec{"--first-byte", "D", "Limit on the head of a stream.", "15s"},
    OptionSpec{"--stall", "D", "Limit on silence within a stream.", "20s"},
    OptionSpec{"--timeout", "D", "Limit on a whole answer.", "3m"},
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream smoke completions --base-url http://127.0.0.1:8080",
    "oa-stream smoke completions --base-url https://edge.example.org --auth env:KEY --json",
    "oa-stream smoke completions --base-url https://edge.example.org --direct http://10.0.0.5:8080",
};

} // namespace

const CommandSpec smoke_completions_command{
    .path = "smoke completions",
    .summary = "Verify /v1/chat/completions of a live lane, and its edge against its origin.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
