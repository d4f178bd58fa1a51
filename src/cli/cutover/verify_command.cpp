// verify: is the lane as it should be? The weekly job.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/report/textfile.hpp"

#include "core/commands.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using Ended = Result<playbook::RunEnd>;

report::RunMetrics metrics_of(const Ended& end, std::string name) {
    report::RunMetrics out;
    out.name = std::move(name);
    out.ended = std::chrono::system_clock::now();
    if (!end) { // it did not even begin: the file must not go on telling of last week
        out.exit_code = static_cast<int>(exit_code(end.error().code));
        return out;
    }
    out.verdict = end->outcome.verdict;
    out.exit_code = static_cast<int>(end->outcome.exit);
    out.checks = end->outcome.checks;
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
        written.error().where = "--textfile " + printable(file);
    }
    return written;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto input, parse_target_run(args, context, "steady-state"));
    const std::string name = input.playbook.name;
    if (const auto reference = args.get("--auth")) {
        input.playbook.target.auth = playbook::AuthRef{*reference, true};
    }
    // A timer's mail is for what is wrong.
    context.quiet = context.quiet || !context.tty;
    static const SignalWords words{
        "ending the check under way; nothing is changed by this run",
        [] { return std::string("Nothing was changed."); },
    };
    const Ended end = carry_out_run(std::move(input), playbook::verify_target, words, context);
    Result<void> written;
    if (const auto file = args.get("--textfile")) {
        written = write_textfile(*file, end, name);
    }
    if (!end) {
        return std::unexpected(end.error());
    }
    const ExitCode exit = tell_run(*end, context);
    if (!written) { // the run keeps its verdict; a PASS that nobody hears of is none
        context.err(fmt::format("oa-stream: {}\n", written.error().text()));
        return exit == ExitCode::ok ? ExitCode::not_executed : exit;
    }
    return exit;
}

constexpr std::array k_positionals{
    PositionalSpec{"PLAYBOOK", "One that only checks: a name or a file; steady-state.", false},
};
constexpr std::array k_options{
    k_set_option,
    k_asserted_option,
    k_reason_option,
    k_no_probes_option,
    OptionSpec{
        "--auth",
        "REF",
        "The user's token: env:NAME, file:PATH or fd:N; else what the playbook says, "
        "env:AUTH_TOKEN."
    },
    OptionSpec{
        "--textfile", "FILE", "Write how it ended for node_exporter's textfile collector, too."
    },
};
constexpr std::array<std::string_view, 4> k_examples{
    "oa-stream verify --set base_url=https://chat.example.org",
    "oa-stream verify --set base_url=https://chat.example.org --textfile "
    "/var/cache/oa-stream/v.prom",
    "oa-stream verify --set base_url=https://chat.example.org --auth file:/etc/oa-stream/token",
    "oa-stream verify smoke-stream --set base_url=http://127.0.0.1:8080 --json",
};

} // namespace

const CommandSpec verify_command{
    .path = "verify",
    .summary = "Verify a live target; quiet on PASS without a terminal.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
