#include "smoke_view.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>

namespace oa_stream::cli {

namespace {

// What needs a reader first.
constexpr std::array k_order{
    Verdict::fail, Verdict::error, Verdict::inconclusive, Verdict::pass, Verdict::skipped
};

bool refused(const Check& check) {
    return check.verdict == Verdict::error &&
           string_member(check.data, "outcome") == "unauthorised";
}

const Check* first_of(const SmokeResult& result, Verdict verdict) {
    const auto it = std::ranges::find(result.checks, verdict, &Check::verdict);
    return it == result.checks.end() ? nullptr : &*it;
}

const Check* first_trouble(const SmokeResult& result) {
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        if (const Check* check = first_of(result, verdict)) {
            return check;
        }
    }
    const auto skipped = std::ranges::find_if(result.checks, [](const Check& check) {
        return check.verdict == Verdict::skipped && check.required;
    });
    return skipped == result.checks.end() ? nullptr : &*skipped;
}

std::string counts(const SmokeResult& result) {
    std::map<Verdict, int> by;
    for (const Check& check : result.checks) {
        ++by[check.verdict];
    }
    return fmt::format(
        "{} passed, {} failed, {} could not be measured, {} skipped",
        by[Verdict::pass],
        by[Verdict::fail],
        by[Verdict::error] + by[Verdict::inconclusive],
        by[Verdict::skipped]
    );
}

// A stored stream that belongs to the check.
const std::string* stream_of(const Check& check) {
    const auto it = std::ranges::find_if(check.evidence, [](const std::string& path) {
        return path.ends_with(".sse");
    });
    return it == check.evidence.end() ? nullptr : &*it;
}

// Skips of one reason share a line: a target that is not there makes dozens of them.
std::vector<std::pair<std::string, std::string>>
lines_of(const SmokeResult& result, Verdict verdict) {
    std::vector<std::pair<std::string, std::string>> lines;
    std::map<std::string, int> alike;
    for (const Check& check : result.checks) {
        if (check.verdict == verdict && verdict == Verdict::skipped && ++alike[check.detail] > 1) {
            continue;
        }
        if (check.verdict == verdict) {
            lines.emplace_back(check.id, check.detail);
        }
    }
    for (auto& [id, detail] : lines) {
        if (const int count = alike[detail]; count > 1) {
            id = fmt::format("{} checks", count);
        }
    }
    return lines;
}

/// Wide enough for the widest that there is.
struct Columns {
    std::size_t verdict = 0;
    std::size_t id = 0;
};

Columns columns_for(const SmokeResult& result) {
    Columns out;
    for (const Check& check : result.checks) {
        out.verdict = std::max(out.verdict, to_string(check.verdict).size());
        out.id = std::max(out.id, check.id.size());
    }
    return out;
}

/// What went wrong is never cut; the rest keeps to one line of a terminal.
std::string
rows_of(const SmokeResult& result, Verdict verdict, Columns columns, std::optional<int> width) {
    const bool calm = verdict == Verdict::pass || verdict == Verdict::skipped;
    std::string out;
    for (const auto& [id, detail] : lines_of(result, verdict)) {
        const std::string line = fmt::format(
            "  {:<{}}  {:<{}}  {}", to_string(verdict), columns.verdict, id, columns.id, detail
        );
        out += calm && width ? cut_to(line, static_cast<std::size_t>(*width)) : line;
        out += '\n';
    }
    return out;
}

/// The command once more, with one option besides.
std::string again(const SmokeResult& result, std::string_view option, std::string_view value = {}) {
    if (result.typed.command != nullptr) { // of what was skipped on purpose nobody learns more
        return option.empty() ? result.typed.without("--no-probes")
                              : result.typed.with(option, value);
    }
    return fmt::format(
        "oa-stream {} --base-url {}{}{}{}{}",
        result.command,
        shell_word(result.target),
        option.empty() ? "" : " ",
        option,
        value.empty() ? "" : " ",
        value
    );
}

} // namespace

void conclude(SmokeResult& result, int signal) {
    result.verdict = run_verdict(result.checks);
    if (signal != 0) {
        result.exit = signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
        result.verdict = result.verdict == Verdict::pass ? Verdict::inconclusive : result.verdict;
    } else if (result.verdict == Verdict::error && std::ranges::any_of(result.checks, refused)) {
        result.exit = ExitCode::credentials;
    } else {
        result.exit = exit_code(result.verdict);
    }
}

std::string headline(const SmokeResult& result) {
    const Check* trouble = result.verdict == Verdict::pass ? nullptr : first_trouble(result);
    return trouble == nullptr ? counts(result)
                              : fmt::format("{}: {}", trouble->id, trouble->detail);
}

std::string next_command(const SmokeResult& result) {
    if (result.verdict == Verdict::pass) {
        return {};
    }
    if (!result.again.empty()) {
        return result.verdict == Verdict::fail ? less_command(result.evidence / "report.md")
                                               : result.again;
    }
    const bool streams = result.command == "smoke stream"; // the only one with every option
    if (result.exit == ExitCode::credentials) {
        return again(result, "--auth", "env:NAME");
    }
    for (const Check& check : result.checks) {
        const std::string* stream = check.verdict == Verdict::fail ? stream_of(check) : nullptr;
        if (stream != nullptr) {
            const std::string stem = (result.evidence / *stream).string();
            return fmt::format(
                "oa-stream check{} --headers {} {}",
                streams ? "" : " --profile chat-completions",
                shell_word(stem.substr(0, stem.size() - 4) + ".head"),
                shell_word(stem)
            );
        }
    }
    if (result.verdict == Verdict::fail) {
        return less_command(result.evidence / "report.md");
    }
    const bool no_token = std::ranges::any_of(result.checks, [](const Check& check) {
        return check.verdict == Verdict::skipped && check.required &&
               check.detail.starts_with("no token was given");
    });
    if (no_token) {
        return again(result, "--auth", "env:NAME");
    }
    return again(result, result.verdict == Verdict::error && streams ? "--no-probes" : "");
}

std::string smoke_text(const SmokeResult& result, std::optional<int> width) {
    const std::string head = fmt::format(
        "{}  {}  {}  in {:.1f} s: {}\n",
        to_string(result.verdict),
        result.command,
        result.target,
        result.duration_s,
        counts(result)
    );
    const Columns columns = columns_for(result);
    std::string rows;
    for (const Verdict verdict : k_order) {
        // For a person what is worst comes last, beside the verdict.
        rows.insert(width ? 0 : rows.size(), rows_of(result, verdict, columns, width));
    }
    return width ? rows + head : head + rows;
}

Json smoke_document(const SmokeResult& result) {
    Json document = Json::object();
    document["schema"] = result.schema;
    document["run"] = result.run;
    document["evidence"] = result.evidence.string();
    document["target"]["base_url"] = result.target;
    document["started_at"] = result.started_at;
    document["duration_s"] = result.duration_s;
    document.update(smoke_outcome(result));
    return document;
}

Json smoke_outcome(const SmokeResult& result) {
    Json document = Json::object();
    document["verdict"] = to_string(result.verdict);
    document["exit_code"] = static_cast<int>(result.exit);
    document["headline"] = headline(result);
    document["next"] = next_command(result);
    document["checks"] = Json::array();
    for (const Check& check : result.checks) {
        document["checks"].push_back(to_json(check));
    }
    return document;
}

report::Report smoke_report(const SmokeResult& result) {
    report::Report report;
    report.id = result.run;
    report.title = result.command + " " + result.target;
    report.verdict = result.verdict;
    report.exit_code = static_cast<int>(result.exit);
    report.headline = headline(result);
    report.started_at = result.started_at;
    report.duration_s = result.duration_s;
    report.facts.emplace_back("checks", counts(result));
    for (const Check& check : result.checks) {
        if (check.id.ends_with(".footprint") || check.id.ends_with(".reach.version")) {
            report.facts.emplace_back(check.id, check.detail);
        }
    }
    report.checks = result.checks;
    report.next = next_command(result);
    return report;
}

} // namespace oa_stream::cli
