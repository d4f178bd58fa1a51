// shadow: sends the same prompts to a lane and to a reference, and compares answers and speed.
#include "oa_stream/config/units.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "core/commands.hpp"
#include "pair_charts.hpp"
#include "serve/codex_rows.hpp"
#include "shadow_args.hpp"
#include "smoke/smoke_run.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr Millis k_close{2000};

std::vector<Check> no_reference(const std::string& prefix, const Error& error) {
    return {make_check(
        prefix + ".reference", Verdict::error, "the authority cannot be asked: " + error.text()
    )};
}

/// Adds the prompts of the recordings. Returns the check that names those which cannot be asked.
std::optional<Check> add_recorded(ShadowAsked& asked, bool replay) {
    std::vector<std::string> left_out;
    for (const auto& capture : asked.captures) {
        auto prompt = probe::prompt_of(capture, replay);
        const auto why = replay ? std::string_view() : probe::why_not_again(prompt);
        if (why.empty()) {
            asked.options.prompts.push_back(std::move(prompt));
        } else {
            left_out.push_back(fmt::format("{} ({})", capture->name, why));
        }
    }
    if (left_out.empty()) {
        return std::nullopt;
    }
    const bool none = asked.options.prompts.empty();
    Check check = make_check(
        asked.options.id_prefix + ".recordings",
        Verdict::inconclusive,
        fmt::format("cannot be asked again: {}", fmt::join(left_out, ", "))
    );
    if (!none) {
        check.leave_out();
    }
    return check;
}

Task<std::vector<Check>> compare(net::HttpClient* client, ShadowAsked* asked) {
    probe::ShadowOptions& options = asked->options;
    std::optional<Check> left_out;
    if (!asked->own_prompts) {
        const bool replay = co_await probe::is_replay(*client, options.lane, options.limits);
        left_out = add_recorded(*asked, replay);
        if (asked->captures.empty()) {
            options.prompts = probe::default_prompts(replay);
        } else if (options.prompts.empty()) {
            co_return std::vector{*left_out};
        }
    }
    if (!asked->codex) {
        auto checks = co_await probe::shadow(*client, std::move(options));
        if (left_out) {
            checks.push_back(*std::move(left_out));
        }
        co_return checks;
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

/// "12 of 60 pairs, about 24s left", estimated from the pairs so far.
std::string pairs_line(std::size_t done, std::size_t of, Clock::duration taken) {
    std::string line = fmt::format("{} of {} pairs", done, of);
    if (done == 0) {
        return line;
    }
    const double each_s = seconds(taken) / static_cast<double>(done);
    return fmt::format("{}, about {:.0f}s left", line, each_s * static_cast<double>(of - done));
}

Result<ExitCode> run(ShadowGiven given, Context& context) {
    OA_TRY(ShadowAsked asked, complete_shadow(std::move(given), context));
    NewRun order{run::RunKind::shadow, "shadow"};
    order.target["base_url"] = asked.options.lane.base_url;
    order.target["reference"] = asked.reference;
    hide_secrets(order.redactor, asked.options.lane);
    if (asked.options.reference) {
        order.redactor.add_known(asked.options.reference->bearer);
    }
    Screen screen(context);
    OA_TRY(auto session, begin_run(std::move(order), context, screen));
    probe::record_into(session, asked.options);
    PairCharts charts;
    asked.options.on_pair = [&, keep = std::move(asked.options.on_pair)](const Json& pair) {
        keep(pair);
        charts.add(session.folder().seconds_since_start(), pair);
    };
    asked.options.on_progress = [&screen, began = Clock::now()](std::size_t done, std::size_t of) {
        screen.progress(done == of ? "" : pairs_line(done, of, Clock::now() - began));
    };
    SmokeCommand command{"shadow", asked.options.lane.base_url + " against " + asked.reference};
    command.prefix = asked.options.id_prefix;
    command.schema = "shadow";
    command.typed = {context.command, context.given};
    command.retry = command.typed.suggestion();
    command.longer = command.typed.without(names::runs); // as many pairs as a p95 needs
    const auto& judged = asked.options.latency;
    const auto allowed = judged.judged ? std::optional(judged.slower_at_most) : std::nullopt;
    command.series = [&charts, allowed] { return charts.series(allowed); };
    return run_smoke(
        session,
        command,
        [&asked](net::HttpClient& client) { return compare(&client, &asked); },
        context
    );
}

using authority::CodexOptions;
using probe::ShadowLatency;
using probe::ShadowOptions;
using ShadowCodex = CodexRows<&ShadowGiven::codex>;

constexpr auto k_options = options<ShadowGiven>(
    k_base_url.saying("Judge this lane: http or https, without credentials."),
    parsed<http_url, &ShadowGiven::against>(names::against, "URL", "Compare it with this lane."),
    option<&ShadowGiven::natives>(
        names::native,
        "WHAT",
        "Compare it with the authority: codex (one is started), a recording, or a folder of them."
    )
        .offering(Offer::files),
    option<&ShadowGiven::prompts>(names::prompt, "TEXT", "Ask this on both sides."),
    option<&ShadowGiven::prompts_file>(
        names::prompts,
        "FILE",
        R"(Ask the prompts of this file: one a line, or JSON lines {"prompt","expect"}.)"
    ),
    option<&ShadowGiven::asked, &ShadowAsked::options, &ShadowOptions::runs>(
        names::runs, "N", "Ask each prompt N times. Without it: often enough for a p95."
    )
        .range(1, probe::k_most_pairs),
    option<&ShadowGiven::asked, &ShadowAsked::options, &ShadowOptions::compare>(
        "--compare",
        probe::k_compare_words,
        "Compare whole answers (text), or only what two answers of a model have in common "
        "(structure)."
    )
        .or_else("text"),
    option<&ShadowGiven::ignored>(
        "--ignore", "KEY", "Do not compare this member of tool inputs and outputs."
    ),
    parsed<
        config::read_percent,
        &ShadowGiven::asked,
        &ShadowAsked::options,
        &ShadowOptions::latency,
        &ShadowLatency::slower_at_most>(
        "--slower-at-most", "PERCENT", "Limit the median slowdown over pairs of turns."
    )
        .or_else("20%"),
    parsed<
        read_seconds,
        &ShadowGiven::asked,
        &ShadowAsked::options,
        &ShadowOptions::latency,
        &ShadowLatency::p95_delta_at_most_s>(
        names::p95_delta_at_most, "D", "Limit how much later the p95 is."
    )
        .or_else("250ms"),
    parsed<
        read_seconds,
        &ShadowGiven::asked,
        &ShadowAsked::options,
        &ShadowOptions::latency,
        &ShadowLatency::unnoticed_s>("--unnoticed", "D", "Ignore a median difference up to this.")
        .or_else("10ms"),
    off_flag<
        &ShadowGiven::asked,
        &ShadowAsked::options,
        &ShadowOptions::latency,
        &ShadowLatency::judged>("--no-latency", "Report the times, but do not judge them."),
    option<&ShadowGiven::asked, &ShadowAsked::options, &ShadowOptions::seed>(
        "--seed", "N", "Choose by this seed the order in which prompts are asked."
    )
        .range(0, 1'000'000'000'000)
        .or_else("1"),
    k_auth.saying(
        "Authenticate on both sides with this token: env:NAME, file:PATH, fd:N or command:PROGRAM."
    ),
    parsed<net::read_token, &ShadowGiven::against_auth>(
        "--against-auth", "REF", "Authenticate at the reference with another token."
    ),
    k_compat_options,
    k_access,
    k_connect_to,
    parsed<read_connect_to, &ShadowGiven::against_connect_to>(
        "--against-connect-to", "HOST:PORT", "Connect to this address for the reference."
    ),
    ShadowCodex::program.saying("Start this Codex executable. With --native codex."),
    ShadowCodex::profile,
    ShadowCodex::config_file,
    option<&ShadowGiven::codex, &CodexOptions::model>(
        "--model", "NAME", "Let Codex use this model."
    ),
    ShadowCodex::provider_url.saying("Send Codex to this model provider."),
    ShadowCodex::provider_key.saying("Read the provider's key from this environment variable."),
    k_waits,
    k_id_prefix<&ShadowGiven::asked, &ShadowAsked::options, &ShadowOptions::id_prefix>.or_else(
        "shadow"
    )
);

} // namespace

const CommandSpec shadow_command = command<run>({
    .path = "shadow",
    .summary = "Compare the answers of a lane and a reference, and their speed.",
    .options = k_options,
    .examples =
        {
            "oa-stream shadow --base-url http://127.0.0.1:8081 --against http://127.0.0.1:8080",
            "oa-stream shadow --base-url https://canary.example.org --against "
            "https://chat.example.org --auth env:AUTH_TOKEN --compare structure",
            "oa-stream shadow --base-url http://127.0.0.1:8080 --native captures",
            "oa-stream shadow --base-url http://127.0.0.1:8080 --native codex --prompts "
            "prompts.jsonl",
        },
    .leaves_run = true,
    .about =
        R"(Sends the same prompts to a lane and to a reference and compares the content of the turns: text, tools,
order, notes, ending, usage. Ids and times never count. The reference is another lane, Codex itself, or
recordings. It also judges whether the lane is slower, over pairs of turns.

A real model never gives the same text twice: compare its answers with `--compare structure`.)",
    .also = "compare diff parity",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
