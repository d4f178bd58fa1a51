// shadow: the same prompts to a lane and to a reference. What does the lane say differently, and is
// it slower?
#include "oa_stream/probe/smoke.hpp"

#include "core/commands.hpp"
#include "shadow_args.hpp"
#include "smoke/smoke_args.hpp"
#include "smoke/smoke_run.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <array>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr Millis k_close{2000};

std::vector<Check> no_reference(const std::string& prefix, const Error& error) {
    Check check;
    check.id = prefix + ".reference";
    check.verdict = Verdict::error;
    check.detail = "the authority cannot be asked: " + error.text();
    return {check};
}

Task<std::vector<Check>> compare(net::HttpClient* client, ShadowAsked* asked) {
    probe::ShadowOptions& options = asked->options;
    if (!asked->own_prompts) {
        const bool replay = co_await probe::is_replay(*client, options.lane, options.limits);
        for (const auto& capture : asked->captures) {
            options.prompts.push_back(probe::prompt_of(capture, replay));
        }
        if (options.prompts.empty()) {
            options.prompts = probe::default_prompts(replay);
        }
    }
    if (!asked->captures.empty() && options.runs == 0) {
        options.runs = 1; // recordings are not timed
    }
    if (!asked->codex) {
        co_return co_await probe::shadow(*client, std::move(options));
    }
    const auto codex = authority::make_codex_authority(
        co_await asio::this_coro::executor, std::move(*asked->codex)
    );
    if (const auto opened = co_await codex->open(); !opened) {
        co_return no_reference(options.id_prefix, opened.error());
    }
    options.native = codex.get();
    auto checks = co_await probe::shadow(*client, std::move(options));
    co_await codex->close(k_close);
    co_return checks;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(ShadowAsked asked, parse_shadow(args, context));
    NewRun order{run::RunKind::shadow, "shadow"};
    order.target["base_url"] = asked.options.lane.base_url;
    order.target["reference"] = asked.reference;
    order.redactor.add_known(asked.options.lane.bearer);
    if (asked.options.reference) {
        order.redactor.add_known(asked.options.reference->bearer);
    }
    Screen screen(context);
    OA_TRY(auto session, begin_run(std::move(order), context, screen));
    probe::record_into(session, asked.options);
    asked.options.on_progress = [&screen](std::size_t done, std::size_t of) {
        screen.progress(done == of ? "" : fmt::format("{} of {} pairs", done, of));
    };
    SmokeCommand command{"shadow", asked.options.lane.base_url + " against " + asked.reference};
    command.prefix = asked.options.id_prefix;
    command.schema = "shadow";
    command.again = asked.again;
    return run_smoke(
        session,
        command,
        [&asked](net::HttpClient& client) { return compare(&client, &asked); },
        context
    );
}

constexpr std::array k_options{
    OptionSpec{"--base-url", "URL", "The lane that is judged: http or https, no credentials."},
    OptionSpec{"--against", "URL", "The reference is this lane."},
    OptionSpec{
        "--native",
        "WHAT",
        "The reference is the authority: codex (one is started), or a recording, or a folder.",
        {},
        true
    },
    OptionSpec{"--prompt", "TEXT", "Asked on both sides; repeats.", {}, true},
    OptionSpec{"--prompts", "FILE", R"(A prompt a line, or JSON lines {"prompt","expect"}.)"},
    OptionSpec{"--runs", "N", "How often each prompt is asked; default: enough for a p95."},
    OptionSpec{
        "--compare",
        "WHAT",
        "text: everything that is said; structure: what two answers of a real model share.",
        "text"
    },
    OptionSpec{
        "--ignore", "KEY", "A member of inputs and outputs not compared; repeats.", {}, true
    },
    OptionSpec{
        "--slower-at-most", "PERCENT", "Limit on the median slowdown over pairs of turns.", "20%"
    },
    OptionSpec{"--p95-delta-at-most", "D", "Limit on how much later the p95 is.", "250ms"},
    OptionSpec{"--unnoticed", "D", "A median difference up to this is no slowdown.", "10ms"},
    OptionSpec{"--no-latency", "", "Tell the times, judge none."},
    OptionSpec{"--seed", "N", "Of the order in which everything is asked.", "1"},
    OptionSpec{"--auth", "REF", "The bearer token of both: env:NAME, file:PATH or fd:N."},
    OptionSpec{"--against-auth", "REF", "Another token for the reference."},
    k_target_build,
    k_target_protocol,
    k_target_schema,
    k_target_no_compat,
    k_target_connect_to,
    OptionSpec{"--against-connect-to", "HOST:PORT", "The same for the reference."},
    OptionSpec{"--codex-bin", "PATH", "With --native codex: the executable.", "codex"},
    OptionSpec{"--codex-profile", "NAME", "With --native codex: chat or agent.", "chat"},
    OptionSpec{
        "--codex-config", "FILE", "With --native codex: replaces the profile's config.toml."
    },
    OptionSpec{"--model", "NAME", "With --native codex: the model."},
    OptionSpec{"--provider-url", "URL", "With --native codex: the model provider's base URL."},
    OptionSpec{"--provider-key-env", "NAME", "With --native codex: variable with its key."},
    k_limit_connect,
    k_limit_first_byte,
    k_limit_stall,
    k_limit_total,
    OptionSpec{"--id-prefix", "WORD", "What check ids begin with.", "shadow"},
};

constexpr std::array<std::string_view, 4> k_examples{
    "oa-stream shadow --base-url http://127.0.0.1:8081 --against http://127.0.0.1:8080",
    "oa-stream shadow --base-url https://canary.example.org --against https://chat.example.org "
    "--auth env:AUTH_TOKEN --compare structure",
    "oa-stream shadow --base-url http://127.0.0.1:8080 --native captures",
    "oa-stream shadow --base-url http://127.0.0.1:8080 --native codex --prompts prompts.jsonl",
};

} // namespace

const CommandSpec shadow_command{
    .path = "shadow",
    .summary = "Ask a lane and a reference the same, say what differs and whether it is slower.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
