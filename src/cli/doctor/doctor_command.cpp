// doctor: finds problems of this machine, with the exact command that fixes each.
#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/variables.hpp"
#include "oa_stream/net/reach_advice.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/playbook/outside.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "cutover/run_args.hpp"
#include "doctor.hpp"
#include "serve/codex_rows.hpp"
#include "serve/store_rows.hpp"
#include "serve/worker_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::cli {
namespace {

using playbook::Outside;
using playbook::Playbook;

Advice fix_of(const Check& check) {
    return advice_in(check.data, "mend");
}

/// The command that tests the target with this token and authority.
Suggestion smoke_of(const playbook::Target& target, std::string_view auth, std::string_view ca) {
    Suggestion out{"smoke stream", {names::base_url, target.base_url}};
    const std::array<std::pair<std::string_view, std::string_view>, 4> access{
        {{names::auth, auth}, {names::ca, ca}, {names::cert, target.cert}, {names::key, target.key}}
    };
    for (const auto& [option, value] : access) {
        if (!value.empty()) {
            out.arguments.emplace_back(option);
            out.arguments.emplace_back(value);
        }
    }
    return out;
}

Task<Check> look_at_target(const Outside* outside, const playbook::Target* target) {
    const auto answer = co_await probe::ask_version(outside->client.get(), outside->users);
    const std::string where = printable(target->base_url);
    const std::string auth = target->auth ? target->auth->reference : std::string();
    const bool sent = !outside->user_token.empty();
    if (answer.failure != net::TransferFailure::none) {
        const bool untrusted = net::tls_trouble(answer) == net::TlsTrouble::untrusted;
        co_return finding(
            "target",
            Verdict::fail,
            fmt::format(
                "{}: {} {}{}",
                where,
                to_string(answer.failure),
                answer.failure_text,
                net::reach_advice(answer)
            ),
            smoke_of(*target, sent ? auth : "", untrusted ? "FILE" : target->ca)
        );
    }
    if (refuses_credential(answer.status)) {
        co_return finding(
            "credentials.target",
            Verdict::fail,
            fmt::format(
                "{}/version answers {} {}",
                where,
                answer.status,
                sent ? fmt::format("to the token of {}", printable(auth)) : "without a token"
            ),
            smoke_of(*target, auth.empty() ? "env:NAME" : auth, target->ca)
        );
    }
    const auto version = parse_json(answer.body);
    const bool named = version && !authority::authority_name(*version).empty();
    if (answer.status != 200 || !named) { // a login page also answers 200
        co_return finding(
            "target",
            Verdict::inconclusive,
            fmt::format(
                "{}/version answers {}{}: perhaps no lane of ours",
                where,
                answer.status,
                answer.status == 200 ? " and names no authority" : ""
            ),
            smoke_of(*target, sent ? auth : "", target->ca)
        );
    }
    co_return finding("target", Verdict::pass, where + " answers as a lane", {});
}

Task<Result<std::vector<Check>>> look_outside(const Playbook* playbook) {
    const auto executor = co_await asio::this_coro::executor;
    std::vector<Check> out;
    const auto outside = open_outside(executor, *playbook);
    if (!outside) {
        out.push_back(finding(
            outside.error().code == Code::credentials ? "credentials" : "playbook.open",
            Verdict::fail,
            outside.error().message,
            outside.error().hint
        ));
        co_return out;
    }
    out.push_back(finding("credentials", Verdict::pass, "all that it names are there", {}));
    if (outside->driver) {
        const auto live = co_await outside->driver->read();
        if (!live) {
            out.push_back(finding("driver", Verdict::fail, live.error().text(), live.error().hint));
        } else {
            const std::string what = outside->driver->target();
            out.push_back(finding(
                "driver",
                Verdict::pass,
                fmt::format("{} serves {}", trim(what), live->serving.text()),
                {}
            ));
            const playbook::Traffic& traffic = playbook->traffic;
            for (std::string& caution : traffic.settings->cautions(traffic.arms(), *live)) {
                // A common condition; everything that the playbook needs is there.
                out.push_back(finding("driver.lasting", Verdict::skipped, std::move(caution), {}));
            }
        }
    }
    if (!playbook->target.base_url.empty()) {
        out.push_back(co_await look_at_target(&*outside, &playbook->target));
    }
    co_return out;
}

std::string row(const Check& check, std::size_t width) {
    std::string out = fmt::format(
        "  {:<12}  {:<{}}  {}\n", to_string(check.verdict), check.id, width, check.detail
    );
    if (const Advice fix = fix_of(check); !fix.empty()) {
        out += fmt::format("  {:<12}  {:<{}}  fix: {}\n", "", "", width, fix.text());
    }
    return out;
}

std::string doctor_text(const std::vector<Check>& checks, Verdict verdict) {
    std::size_t width = 0;
    for (const Check& check : checks) {
        width = std::max(width, check.id.size());
    }
    std::string out = fmt::format("{} {}\n", to_string(verdict), "this machine");
    for (const Check& check : checks) {
        out += row(check, width);
    }
    return out;
}

struct DoctorOptions : PlaybookChoice {
    store::StoreOptions store{};
    authority::WorkerOptions worker{};
    std::vector<authority::CodexServer> codex_servers{};
    std::string codex_token{}; ///< token of all servers
};

Result<ExitCode> run(DoctorOptions options, Context& context) {
    OA_CHECK(StoreRows<&DoctorOptions::store>::check_used(options.store));
    std::vector<Check> checks = judge_all(context);
    if (!options.playbook.empty()) {
        OA_TRY(auto more, judge_playbook(options, context));
        std::ranges::move(more, std::back_inserter(checks));
    }
    if (!options.store.url.empty()) {
        OA_TRY(auto more, judge_store(options.store, context));
        std::ranges::move(more, std::back_inserter(checks));
    }
    if (!options.codex_servers.empty()) {
        for (authority::CodexServer& server : options.codex_servers) {
            server.token = options.codex_token;
        }
        OA_TRY(auto more, judge_codex_servers(options.codex_servers, context));
        std::ranges::move(more, std::back_inserter(checks));
    }
    if (!options.worker.control_url.empty()) {
        OA_TRY(auto more, judge_worker(options.worker, context));
        std::ranges::move(more, std::back_inserter(checks));
    }
    const Verdict verdict = run_verdict(checks);
    if (context.json) {
        print_document("doctor", plain_answer(verdict, checks), context);
    } else if (!context.quiet || verdict != Verdict::pass) {
        show_text(doctor_text(checks, verdict), context);
    }
    const auto worst = std::ranges::find_if(checks, [&](const Check& check) {
        return check.verdict == verdict && !fix_of(check).empty();
    });
    if (!context.quiet || verdict != Verdict::pass) {
        const bool fixable = verdict != Verdict::pass && worst != checks.end();
        tell_parts(
            {fmt::format("{} {}", to_string(verdict), counted(checks.size(), "check")),
             fixable ? "next: " + fix_of(*worst) : Advice()},
            context
        );
    }
    return exit_code(verdict);
}

constexpr auto k_positionals = positionals<DoctorOptions>(
    playbook_word("Also check what this playbook needs: a name or a file.").optional()
);
using DoctorWorker = WorkerRows<&DoctorOptions::worker>;
constexpr auto k_options = options<DoctorOptions>(
    k_set,
    parsed<read_store, &DoctorOptions::store, &store::StoreOptions::url>(
        names::store, "URL", "Also check the store that lanes share."
    ),
    StoreRows<&DoctorOptions::store>::user,
    StoreRows<&DoctorOptions::store>::password,
    StoreRows<&DoctorOptions::store>::ca_file,
    StoreRows<&DoctorOptions::store>::prefix,
    k_codex_server<&DoctorOptions::codex_servers>.saying(
        "Also check the Codex server at this ws://, wss:// or unix:/PATH address; K as for serve."
    ),
    k_codex_token<&DoctorOptions::codex_token>,
    option<&DoctorOptions::worker, &authority::WorkerOptions::control_url>(
        names::worker_control, "URL", "Also check the Codex worker behind this control API."
    ),
    DoctorWorker::id,
    DoctorWorker::auth,
    DoctorWorker::client_build,
    DoctorWorker::khala_url,
    DoctorWorker::wire,
    DoctorWorker::topic,
    DoctorWorker::khala_auth
);

/// The variables without which the playbook cannot be checked, and the command that sets them.
Check unset_variables(
    const PlaybookChoice& choice, const playbook::Loaded& loaded, const Context& context
) {
    Suggestion next{std::string(context.command->path), {choice.playbook}};
    for (const auto& [name, value] : choice.set) {
        next.arguments.insert(
            next.arguments.end(), {names::set, fmt::format("{}={}", name, value)}
        );
    }
    for (const std::string& name : loaded.unset) {
        next.arguments.insert(next.arguments.end(), {names::set, fmt::format("{}=VALUE", name)});
    }
    return finding(
        "playbook",
        Verdict::fail,
        fmt::format("{} needs values for {}", loaded.file, fmt::join(loaded.unset, ", ")),
        next
    );
}

} // namespace

std::vector<Check> judge_all(const Context& context) {
    const std::filesystem::path& state_dir = context.state_dir;
    std::vector<Check> checks = judge_machine(this_machine(state_dir));
    checks.push_back(judge_state_dir(state_dir));
    std::ranges::move(judge_runs(state_dir), std::back_inserter(checks));
    std::ranges::move(judge_tools(), std::back_inserter(checks));
    for (Check& check : checks) {
        type_here(check.data, context);
    }
    return checks;
}

Result<std::vector<Check>> judge_playbook(const PlaybookChoice& choice, Context& context) {
    OA_TRY(const playbook::NamedText source, playbook::find_playbook(choice.playbook));
    const auto loaded =
        playbook::load_playbook(source.text, source.file, choice.set, playbook::Unset::keep);
    if (!loaded.unset.empty()) {
        return std::vector{unset_variables(choice, loaded, context)};
    }
    const auto valid = playbook::read_playbook(source.text, source.file, choice.set);
    if (!valid) {
        return std::vector{finding(
            "playbook",
            Verdict::fail,
            valid.error().text(),
            Suggestion{"playbook validate", {source.file}}
        )};
    }
    std::vector<Check> out{finding("playbook", Verdict::pass, source.file + " is valid", {})};
    Screen screen(context);
    OA_TRY(
        auto more,
        look_to_end<std::vector<Check>>(
            [&](const asio::any_io_executor&) { return look_outside(&*valid); }, screen
        )
    );
    std::ranges::move(more, std::back_inserter(out));
    return out;
}

const CommandSpec doctor_command = command<run>({
    .path = "doctor",
    .summary = "Check this machine, and show the command that fixes each problem.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream doctor",
            "oa-stream doctor cutover.yaml --set base_url=https://chat.example.org",
            "oa-stream doctor --store redis://127.0.0.1:6379",
            "oa-stream doctor --codex-server 0=unix:/run/codex/0.sock",
            "oa-stream doctor --worker-control https://control.example.org",
        },
    .reads_runs = true,
    .about =
        R"(Looks at what commands need on this machine: Codex, its home and credentials, the state directory, limits
of the system, tools, runs that left something undone. Each problem comes with the command that fixes it.
With a playbook it also checks the playbook's variables, tokens and target. With `--store` it checks the Redis
that lanes share: version, eviction policy, persistence, memory, copies, round trip, clock, and its lanes.
With `--codex-server` it connects to each Codex server, and checks address, token, answer and version.
With `--worker-control` it connects to a Codex worker as `serve --authority worker` does, and checks token,
worker, clock, sync token and Khala's topic. It sends no command.)",
    .also = "setup install init diagnose troubleshoot",
    .exits =
        {{ExitCode::breach, "Something has to be fixed."},
         {ExitCode::inconclusive, "Something could not be found out."}},
});

} // namespace oa_stream::cli
