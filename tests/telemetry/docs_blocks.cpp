#include "docs_blocks.hpp"

#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::test {
namespace {

using namespace telemetry;

std::string labels_of(const Metric& row) {
    std::string out;
    for (const char c : row.labels) {
        out += c == ',' ? std::string("`, `") : std::string(1, c);
    }
    return out.empty() ? out : "`" + out + "`";
}

std::string metrics() {
    std::string out = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    for (const Metric& row : k_metrics) {
        std::string_view help = row.help;
        help.remove_suffix(1);
        out += fmt::format(
            "| `{}` | {} | {} | {} |\n", row.name, to_string(row.kind), labels_of(row), help
        );
    }
    out += "| `oa_stream_codex_…`, `oa_stream_replay_…` | | | what the authority counts about "
           "itself |\n";
    return out;
}

std::string buckets() {
    const auto list = [](const auto& bounds) {
        std::string out;
        for (const double bound : bounds) {
            out += fmt::format(" {:g}", bound);
        }
        return out;
    };
    return fmt::format(
        "Bounds in seconds: durations and gaps{}; first content{}.\n",
        list(k_duration_bounds),
        list(k_first_content_bounds)
    );
}

std::string turns() {
    std::string routes;
    for (const TurnRoute& row : k_turn_routes) {
        routes += fmt::format("{}`{}`", routes.empty() ? "" : ", ", row.pattern);
    }
    std::string out = fmt::format(
        "A *turn request* is a `{}` on one of\n{}.\nIt counts once, when its answer and the turn "
        "that it began have ended,\nwhatever the answer was. A resume is a GET and does not "
        "count.\n"
        "\nBy default, a turn request is bad if it was answered 5xx or its turn "
        "ended in a\nbad class. One that is both (a completion that is not streamed and fails) is "
        "bad once.\n"
        "\n| word | by default | counted from | means |\n| --- | --- | --- | --- |\n",
        k_turn_method,
        routes
    );
    for (const BadRow& row : k_bad_events) {
        out += fmt::format(
            "| `{}` | {} | {} | {} |\n",
            row.word,
            row.by_default ? "yes" : "no",
            row.counted_from,
            row.meaning
        );
    }
    out += "\n| terminal class | bad | why |\n| --- | --- | --- |\n";
    for (const TerminalRow& row : k_terminals) {
        out += fmt::format("| `{}` | {} | {} |\n", row.word, row.bad ? "yes" : "no", row.why);
    }
    out += "\n| not bad on purpose | why |\n| --- | --- |\n";
    for (const GoodRow& row : k_good_on_purpose) {
        out += fmt::format("| {} | {} |\n", row.ending, row.why);
    }
    return out;
}

} // namespace

std::vector<DocsBlock> docs_blocks() {
    return {
        {"observability.md", "metrics", metrics()},
        {"observability.md", "buckets", buckets()},
        {"slo.md", "turns", turns()},
    };
}

std::string with_block(std::string page, const DocsBlock& block) {
    const std::string begin = fmt::format("<!-- telemetry {} -->\n", block.name);
    const std::size_t from = page.find(begin);
    const std::size_t to = page.find("<!-- end -->", from);
    if (from == std::string::npos || to == std::string::npos) {
        return page;
    }
    const std::size_t text = from + begin.size();
    return page.replace(text, to - text, "\n" + block.text + "\n");
}

} // namespace oa_stream::test
