#include "vectors.hpp"

#include "oa_stream/base/file.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>

namespace oa_stream::measure::vectors {

const Json& all() {
    static const Json document = [] {
        const char* other = std::getenv("OA_STREAM_STAT_VECTORS");
        const std::string path =
            other != nullptr ? other : OA_SOURCE_DIR "/fixtures/vectors/stats.json";
        const auto text = read_file(path);
        REQUIRE(text.has_value());
        auto json = parse_json(*text);
        REQUIRE(json.has_value());
        return *std::move(json);
    }();
    return document;
}

double number(const Json& value) {
    if (!value.is_string()) {
        return value.get<double>();
    }
    const auto word = value.get<std::string>();
    if (word == "NaN") {
        return std::numeric_limits<double>::quiet_NaN();
    }
    const double infinite = std::numeric_limits<double>::infinity();
    return word == "+Inf" ? infinite : word == "-Inf" ? -infinite : std::stod(word);
}

std::vector<double> numbers(const Json& values) {
    std::vector<double> out;
    for (const Json& value : values) {
        out.push_back(number(value));
    }
    return out;
}

std::uint64_t whole(const Json& in, const char* key) {
    return in.at(key).get<std::uint64_t>();
}

Fraction fraction(const Json& value) {
    const auto parsed =
        Fraction::parse(value.is_string() ? value.get<std::string>() : value.dump());
    REQUIRE(parsed.has_value());
    return *parsed;
}

Fraction percent(const Json& value) {
    const Fraction parsed = fraction(value);
    return {parsed.num, parsed.den * 100};
}

bool Tolerance::equal(double got, double want) const {
    if (std::isnan(want) || std::isinf(want)) {
        return std::isnan(want) ? std::isnan(got) : got == want;
    }
    return std::abs(got - want) <= std::max(abs, rel * std::abs(want));
}

bool Tolerance::equal(std::optional<double> got, const Json& want) const {
    return want.is_null() ? !got.has_value() : got.has_value() && equal(*got, number(want));
}

void each_case(std::string_view family, const Case& body) {
    const Json& one = all().at("families").at(std::string(family));
    const Json& limits = one.at("tolerance");
    const Tolerance tolerance{limits.value("rel", 0.0), limits.value("abs", 0.0)};
    REQUIRE(!one.at("cases").empty());
    for (const Json& item : one.at("cases")) {
        INFO(item.at("id").get<std::string>());
        body(item.at("in"), item.at("out"), tolerance);
    }
}

bool undefined(const Json& out) {
    return out.at("status") == "undefined";
}

} // namespace oa_stream::measure::vectors
