// verify: is the lane as it should be? The weekly job.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/playbook/target_run.hpp"
#include "oa_stream/report/textfile.hpp"

#include "core/commands.hpp"
#include "operate.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

using Ended = Result<run::RunResult>;

struct Options : TargetRunOptions, LiveOptions {
    std::optional<std::string> auth{};
    std::optional<std::string> textfile{};
};
constexpr auto k_textfile = option<&Options::textfile>(
    "--textfile", "FILE", "Also write the result for node_exporter's textfile collector."
);

report::RunMetrics metrics_of(const Ended& end, std::string name) {
    report::RunMetrics out;
    out.name = std::move(name);
    out.ended = std::chrono::system_clock::now();
    if (!end) { // it did not even begin: the file must not go on telling of last week
        out.exit_code = static_cast<int>(exit_code(end.error().code));
        return out;
    }
    out.verdict = end->end.verdict;
    out.exit_code = static_cast<int>(end->end.exit);
    out.checks = end->checks;
    return out;
}

Result<void> write_textfile(const std::string& file, const Ended& end, const std::string& name) {
    constexpr std::uint64_t k_most = 1U << 20U;
    report::RunMetrics metrics = metrics_of(end, name);
    if (const auto before = read_file(file, k_most)) {
        metrics.passed_before_s = report::last_pass_in(*before, name);
    }
    auto written = write_file_atomic(file, report::textfile(metrics));
    if (!written) {
        written.error().where = fmt::format("{} {}", k_textfile.name, printable(file));
    }
    return written;
}

Result<ExitCode> run(Options options, Context& context) {
    if (options.playbook.empty()) {
        options.playbook = "steady-state";
    }
    OA_TRY(auto input, target_run_input(options));
    const std::string name = input.playbook.name;
    if (options.auth) {
        input.playbook.target.auth = playbook::AuthRef{*options.auth, true};
    }
    // A timer's mail is for what is wrong.
    context.quiet = context.quiet || !context.tty;
    const Ended end = carry_out(
        context,
        Touches::nothing,
        [&](playbook::Operator by) {
            input.by = std::move(by);
            return playbook::verify_target(std::move(input));
        },
        options
    );
    Result<void> written;
    if (options.textfile) {
        written = write_textfile(*options.textfile, end, name);
    }
    if (!end) {
        return std::unexpected(end.error());
    }
    const ExitCode exit = show_run(*end, context, options);
    if (!written) { // the run keeps its verdict; a PASS that nobody hears of is none
        context.err(fmt::format("oa-stream: {}\n", written.error().text()));
        return exit == ExitCode::ok ? ExitCode::not_executed : exit;
    }
    return exit;
}

constexpr auto k_positionals = positionals<Options>(
    playbook_word("A playbook that only checks: a name or a file. Default: steady-state.")
        .optional()
);
constexpr auto k_options = options<Options>(
    k_set,
    k_stated_budget,
    k_no_probes,
    k_live,
    option<&Options::auth>(
        "--auth",
        "REF",
        "Give the user's token: env:NAME, file:PATH or fd:N. Without it the playbook names it, "
        "usually env:AUTH_TOKEN."
    ),
    k_textfile
);

} // namespace

const CommandSpec verify_command = command<run>({
    .path = "verify",
    .summary = "Verify a live target; quiet on PASS without a terminal.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream verify --set base_url=https://chat.example.org",
            "oa-stream verify --set base_url=https://chat.example.org --textfile "
            "/var/cache/oa-stream/v.prom",
            "oa-stream verify --set base_url=https://chat.example.org --auth "
            "file:/etc/oa-stream/token",
            "oa-stream verify smoke-stream --set base_url=http://127.0.0.1:8080 --json",
        },
    .leaves_run = true,
    .about =
        R"(Runs a playbook that only checks, `steady-state` unless another is named. It is made for timers: without
a terminal it prints nothing on PASS, so cron sends mail only when something is wrong. `--textfile`
also leaves the result where node_exporter collects it, so that an alert can notice a timer that stopped.)",
    .also = "weekly cron health",
});

} // namespace oa_stream::cli
