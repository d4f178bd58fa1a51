// simulate [--runs N] [--into docs/gates.md]: runs every row, prints the tables, writes them
// between the marks of the page, and fails when a row does not keep what is demanded of it.
#include "oa_stream/base/file.hpp"

#include "clumps.hpp"
#include "detection.hpp"
#include "drift.hpp"
#include "rows.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace oa_stream;
using namespace oa_stream::simulation;

struct Marks {
    std::string_view begin;
    std::string_view end;
};
constexpr Marks k_cutovers{
    "<!-- simulation: begin, written by ./dev simulate -->\n", "<!-- simulation: end -->\n"
};
constexpr Marks k_clumps{
    "<!-- clumps: begin, written by ./dev simulate -->\n", "<!-- clumps: end -->\n"
};

constexpr Marks k_drift{
    "<!-- drift: begin, written by ./dev simulate -->\n", "<!-- drift: end -->\n"
};

constexpr Marks k_detection{
    "<!-- detection: begin, written by ./dev simulate -->\n", "<!-- detection: end -->\n"
};

struct Options {
    std::uint64_t runs = 10'000;
    std::string page{};
    bool clumps_alone = false; ///< takes seconds, the rest an hour
    bool detection_alone = false;
    bool drift_alone = false;
};

bool parse(int count, char** words, Options& out) {
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = words[i];
        if (name == "--runs") {
            out.runs = std::strtoull(words[i + 1], nullptr, 10);
        } else if (name == "--into") {
            out.page = words[i + 1];
        } else if (name == "--only" && std::string_view(words[i + 1]) == "clumps") {
            out.clumps_alone = true;
        } else if (name == "--only" && std::string_view(words[i + 1]) == "drift") {
            out.drift_alone = true;
        } else if (name == "--only" && std::string_view(words[i + 1]) == "detection") {
            out.detection_alone = true;
        } else {
            return false;
        }
    }
    return count % 2 == 1 && out.runs > 0;
}

bool all(const std::vector<Row>& rows, std::uint64_t runs, bool cutovers, std::string& text) {
    std::vector<Outcome> results;
    bool kept = true;
    for (const Row& row : rows) {
        results.push_back(run(row, runs));
        const bool good = results.back().keeps(row, 0);
        kept = kept && good;
        fmt::print(stderr, "{} {}\n", heading(row), good ? "kept" : "NOT KEPT");
    }
    text += document(rows, results, cutovers);
    return kept;
}

/// A table of single decisions: every row run, and whether each keeps what it promises.
template <class Row>
bool decisions(const std::vector<Row>& rows, std::uint64_t runs, std::string& text) {
    std::vector<decltype(run(rows.front(), runs))> results;
    bool kept = true;
    for (const Row& row : rows) {
        results.push_back(run(row, runs));
        const bool good = results.back().keeps(row, 0);
        kept = kept && good;
        fmt::print(stderr, "{} {}\n", heading(row), good ? "kept" : "NOT KEPT");
    }
    text = document(rows, results);
    return kept;
}

/// A table of faults and gates: found in how many runs.
bool detection(std::uint64_t runs, std::string& text) {
    const std::vector<DetectionRow> rows = detection_rows();
    std::vector<DetectionOutcome> results;
    bool kept = true;
    for (const DetectionRow& row : rows) {
        results.push_back(run(row, runs));
        const bool good = results.back().keeps(row);
        kept = kept && good;
        fmt::print(stderr, "{}: {} {}\n", row.fault, row.gate, good ? "kept" : "NOT KEPT");
    }
    text = document(rows, results);
    return kept;
}

bool write_into(const std::string& path, const Marks& marks, const std::string& text) {
    const auto page = read_file(path);
    const auto begin = page ? page->find(marks.begin) : std::string::npos;
    const auto end = page ? page->find(marks.end) : std::string::npos;
    if (begin == std::string::npos || end == std::string::npos) {
        fmt::print(stderr, "simulate: no marks in {}\n", path);
        return false;
    }
    std::string out = page->substr(0, begin + marks.begin.size());
    out += "\n" + text + "\n" + page->substr(end);
    return write_file_atomic(path, out).has_value();
}

/// Prints it, and writes it into the page if there is one; false when that failed.
bool tell(const Options& options, const Marks& part, const std::string& text) {
    fmt::print("{}", text);
    return options.page.empty() || write_into(options.page, part, text);
}

} // namespace

int main(int count, char** words) {
    Options options;
    if (!parse(count, words, options)) {
        fmt::print(
            stderr, "usage: simulate [--runs N] [--into PAGE] [--only clumps|detection|drift]\n"
        );
        return 2;
    }
    std::string drifted;
    const bool steady = options.clumps_alone || options.detection_alone ||
                        decisions(drift_rows(), options.runs, drifted);
    if (!drifted.empty() && !tell(options, k_drift, drifted)) {
        return 2;
    }
    if (options.drift_alone) {
        return steady ? 0 : 1;
    }
    std::string found;
    bool kept = options.clumps_alone || detection(options.runs, found);
    if (!found.empty() && !tell(options, k_detection, found)) {
        return 2;
    }
    if (options.detection_alone) {
        return kept ? 0 : 1;
    }
    std::string clumped;
    kept = decisions(clump_rows(), options.runs, clumped) && kept;
    if (!tell(options, k_clumps, clumped)) {
        return 2;
    }
    if (options.clumps_alone) {
        return kept ? 0 : 1;
    }
    std::string cutovers;
    std::string limits;
    kept = all(cutover_rows(), options.runs, true, cutovers) && kept;
    kept = all(limit_rows(), options.runs, false, limits) && kept;
    const std::string text =
        "### Whole cutovers\n\n" + cutovers + "\n### One stage, exactly at a limit\n\n" + limits;
    if (!tell(options, k_cutovers, text)) {
        return 2;
    }
    return kept && steady ? 0 : 1;
}
