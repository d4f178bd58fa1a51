#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/control_smoke.hpp"
#include "oa_stream/report/report.hpp"
#include "oa_stream/run/files.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {

namespace {

// The most important verdicts first.
constexpr std::array k_order{
    Verdict::fail, Verdict::error, Verdict::inconclusive, Verdict::pass, Verdict::skipped
};

// A stored stream of the check.
const std::string* stream_of(const Check& check) {
    return find_if_or_null(check.evidence, [](const std::string& path) {
        return path.ends_with(".sse");
    });
}

std::vector<std::pair<std::string, std::string>>
lines_of(const std::vector<Check>& checks, Verdict verdict) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const auto& row : report::rows_of_checks(checks)) {
        const Check& check = *row.front();
        if (check.verdict == verdict) {
            lines.emplace_back(
                row.size() > 1 ? counted(row.size(), "check") : check.id, check.detail
            );
        }
    }
    return lines;
}

/// Passed checks are cut to one line of a terminal. Other lines are never cut: the reason for a
/// skip often ends with the missing option.
std::string rows_of(const std::vector<Check>& checks, Verdict verdict, std::optional<int> width) {
    std::size_t verdicts = 0;
    std::size_t ids = 0;
    for (const Check& check : checks) {
        verdicts = std::max(verdicts, to_string(check.verdict).size());
        ids = std::max(ids, check.id.size());
    }
    std::string out;
    for (const auto& [id, detail] : lines_of(checks, verdict)) {
        const std::string line =
            fmt::format("  {:<{}}  {:<{}}  {}", to_string(verdict), verdicts, id, ids, detail);
        out += verdict == Verdict::pass && width ? cut_to(line, static_cast<std::size_t>(*width))
                                                 : line;
        out += '\n';
    }
    return out;
}

/// `oa-stream check` for the first stream that a FAIL left; nullopt: there is none.
std::optional<Suggestion> check_command(
    const SmokeCommand& command,
    const std::vector<Check>& checks,
    const std::filesystem::path& folder
) {
    for (const Check& check : checks) {
        const std::string* stream = check.verdict == Verdict::fail ? stream_of(check) : nullptr;
        if (stream != nullptr) {
            std::filesystem::path head = folder / *stream;
            Suggestion out{"check"};
            if (!command.profile.empty()) {
                out.arguments = {names::profile, std::string(command.profile)};
            }
            out.arguments.emplace_back(names::headers);
            out.arguments.push_back(head.replace_extension(".head").string());
            out.arguments.push_back((folder / *stream).string());
            return out;
        }
    }
    return std::nullopt;
}

/// Nothing answered at the address.
bool unreached(const std::vector<Check>& checks) {
    using enum net::TransferFailure;
    return std::ranges::any_of(checks, [](const Check& check) {
        const auto outcome = string_member(check.data, "outcome").value_or("");
        return check.verdict == Verdict::error &&
               (outcome == to_string(refused) || outcome == to_string(dns) ||
                outcome == to_string(tls));
    });
}

/// More of the same would decide the check.
bool undecided_for_few(const std::vector<Check>& checks) {
    return std::ranges::any_of(checks, [](const Check& check) {
        return check.verdict == Verdict::inconclusive && check.data.contains("needs_n");
    });
}

bool lacks_token(const std::vector<Check>& checks) {
    return std::ranges::any_of(checks, [](const Check& check) {
        return check.verdict == Verdict::skipped && check.required &&
               string_member(check.data, "outcome") == probe::k_no_token;
    });
}

} // namespace

Advice next_command(
    const SmokeCommand& command,
    const run::Conclusion& end,
    const std::vector<Check>& checks,
    const std::filesystem::path& folder,
    net::TlsTrouble trouble
) {
    if (end.verdict == Verdict::pass) {
        return {};
    }
    if (end.verdict == Verdict::error) {
        if (Advice trusted = trusting(command.typed, checks, trouble); !trusted.empty()) {
            return trusted;
        }
    }
    const Suggestion report = less(folder / run::k_report_file);
    if (command.retry) {
        const bool longer = command.longer && undecided_for_few(checks);
        return end.verdict == Verdict::fail ? report : longer ? *command.longer : *command.retry;
    }
    if (end.exit == ExitCode::credentials) { // keep the reference of the token that was refused
        return command.typed.args.has(names::auth) ? command.typed.suggestion()
                                                   : command.typed.with(names::auth, "env:NAME");
    }
    if (auto check = check_command(command, checks, folder)) {
        return *std::move(check);
    }
    if (end.verdict == Verdict::fail) {
        return report;
    }
    if (lacks_token(checks)) {
        return command.typed.with(names::auth, "env:NAME");
    }
    if (unreached(checks)) { // the address is wrong or nothing listens: fewer requests show no more
        return command.typed.suggestion();
    }
    // Repeating without probes would not show more about checks that were skipped on purpose.
    return end.verdict == Verdict::error && command.lighter
               ? command.typed.with(names::no_probes)
               : command.typed.without(names::no_probes);
}

std::string
smoke_text(const SmokeCommand& command, const run::RunResult& result, std::optional<int> width) {
    const std::string head = fmt::format(
        "{}  {}  {}  in {:.1f}s: {}\n", // fixed width, so that the line breaks at the same place
        to_string(result.end.verdict),
        command.name,
        command.target,
        result.duration_s,
        run::count_text(result.checks)
    );
    std::string rows;
    for (const Verdict verdict : k_order) {
        // On a screen the worst comes last, next to the verdict.
        rows.insert(width ? 0 : rows.size(), rows_of(result.checks, verdict, width));
    }
    return width ? rows + head : head + rows;
}

} // namespace oa_stream::cli
