// Reads the text format back, strictly: what a test asks for must stand there exactly once.
#pragma once

#include "oa_stream/base/lines.hpp"

#include <catch2/catch.hpp>

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::test {

struct Scrape {
    std::map<std::string, double> samples; ///< "name{a=\"b\"}" as written
    std::vector<std::string> families; ///< in order
    std::map<std::string, std::string> types;

    /// Fails the test when there is no such sample.
    [[nodiscard]] double at(const std::string& series) const {
        const auto found = samples.find(series);
        INFO(series);
        REQUIRE(found != samples.end());
        return found->second;
    }
    /// Of every sample whose series begins with `name` and contains `label`.
    [[nodiscard]] double sum(std::string_view name, std::string_view label = {}) const {
        double total = 0;
        for (const auto& [series, value] : samples) {
            if (series.starts_with(name) && series.contains(label)) {
                total += value;
            }
        }
        return total;
    }
};

/// Fails the test on anything Prometheus would stumble over: a family twice or without its two
/// header lines, a sample outside its family, two samples of one series, a missing last newline.
[[nodiscard]] inline Scrape read_scrape(std::string_view text) {
    Scrape scrape;
    std::string family;
    REQUIRE(text.ends_with('\n'));
    while (!text.empty()) {
        const auto line = cut_line(text);
        CAPTURE(line);
        if (line.starts_with("# HELP ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            REQUIRE(scrape.types.count(family) == 0);
            scrape.families.push_back(family);
            continue;
        }
        if (line.starts_with("# TYPE ")) {
            REQUIRE(line.substr(7).starts_with(family + ' '));
            scrape.types[family] = line.substr(8 + family.size());
            continue;
        }
        const auto space = line.rfind(' ');
        const std::string series(line.substr(0, space));
        const auto name = series.substr(0, series.find('{'));
        const bool histogram = scrape.types[family] == "histogram";
        const bool own = histogram ? name == family + "_bucket" || name == family + "_sum" ||
                                         name == family + "_count"
                                   : name == family;
        REQUIRE(own);
        double value = 0;
        const auto number = line.substr(space + 1);
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), value);
        REQUIRE(error == std::errc{});
        REQUIRE(end == number.data() + number.size());
        REQUIRE(scrape.samples.emplace(series, value).second);
    }
    return scrape;
}

} // namespace oa_stream::test
