#include "options.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include <sstream>

namespace oa_stream::churn {

namespace {

constexpr std::uint64_t k_many = 1'000'000;

std::vector<std::string> names_of(const std::string& list) {
    std::vector<std::string> names;
    std::istringstream in(list);
    for (std::string name; std::getline(in, name, ',');) {
        names.push_back(name);
    }
    return names;
}

Result<void> set(Options& options, const std::string& name, const std::string& value) {
    if (name == "--base") {
        options.base = value;
    } else if (name == "--recordings") {
        options.recordings = value;
    } else if (name == "--captures") {
        options.captures = names_of(value);
    } else if (name == "--slow-capture") {
        options.slow_capture = value;
    } else if (name == "--streams") {
        OA_TRY(options.streams, parse_count(value, 1, k_many));
    } else if (name == "--rounds") {
        OA_TRY(options.rounds, parse_count(value, 1, k_many));
    } else if (name == "--round") {
        OA_TRY(options.round, parse_duration(value));
    } else if (name == "--settle") {
        OA_TRY(options.settle, parse_duration(value));
    } else if (name == "--seed") {
        OA_TRY(options.seed, parse_count(value, 0, k_many));
    } else if (name == "--pid") {
        OA_TRY(const auto pid, parse_count(value, 1, 1U << 22U));
        options.pid = static_cast<int>(pid);
    } else {
        return fail(Code::usage, "no such option", name);
    }
    return {};
}

} // namespace

Result<Options> parse_options(std::span<const std::string> words) {
    Options options;
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        OA_CHECK(set(options, words[i], words[i + 1]));
    }
    if (words.size() % 2 != 0 || options.base.empty() || options.captures.empty() ||
        options.slow_capture.empty()) {
        return fail(
            Code::usage,
            "--base URL --recordings DIR --captures A,B --slow-capture C [--streams N] [--round D] "
            "[--rounds N] [--settle D] [--pid P] [--seed N]"
        );
    }
    return options;
}

} // namespace oa_stream::churn
