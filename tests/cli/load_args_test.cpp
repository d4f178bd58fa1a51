#include "oa_stream/base/option_names.hpp"

#include "core/command.hpp"
#include "load/load_args.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

LoadArgs aimed_at(const char* url) {
    LoadArgs args;
    args.options.target.base_url = url;
    args.options.per_second = 10;
    return args;
}

} // namespace

TEST_CASE("load: turns of a replay are free, all others have to be allowed by the host's name") {
    LoadArgs args = aimed_at("http://127.0.0.1:8080");
    CHECK(may_cost(args, "replay").has_value());
    for (const char* authority : {"codex", ""}) {
        const auto refused = may_cost(args, authority);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::precondition);
        CHECK(refused.error().message.find("cost money: 300 turns") != std::string::npos);
    }
    args.allowed = {"127.0.0.2"};
    CHECK_FALSE(may_cost(args, "codex").has_value());
    args.allowed = {"127.0.0.1"};
    CHECK(may_cost(args, "codex").has_value());
}

TEST_CASE("load: rates are per second, minute or hour, within what makes sense") {
    CHECK(parse_rate("500/s").value() == 500);
    CHECK(parse_rate("500").value() == 500);
    CHECK(parse_rate("30/m").value() == 0.5);
    CHECK(parse_rate("0.5/s").value() == 0.5);
    CHECK(parse_rate("7200/h").value() == 2);
    for (const char* text :
         {"", "/s", "0/s", "-1/s", "fast", "5/h", "1e9/s", "100001/s", "5 /s", ".5/s"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_rate(text).has_value());
        CHECK(parse_rate(text).error().code == Code::usage);
    }
}

TEST_CASE("load: every limit that a shell offers is one") {
    const auto load = std::ranges::find(all_commands(), "load", &CommandSpec::path);
    REQUIRE(load != all_commands().end());
    const auto limit = std::ranges::find(load->options, names::limit, &OptionSpec::name);
    REQUIRE(limit != load->options.end());
    for (const std::string_view word : limit->rule.suggested()) {
        CAPTURE(word);
        CHECK(probe::parse_load_limit(word).has_value());
    }
}

TEST_CASE("load: no more users than may be in flight") {
    const auto given = [](unsigned users, std::optional<std::size_t> most) {
        LoadGiven out;
        out.target.base_url = "http://127.0.0.1:8080";
        out.users = users;
        out.max_in_flight = most;
        return complete_load(std::move(out));
    };
    CHECK(given(5, 5).has_value());
    CHECK(given(20'000, std::nullopt).has_value());
    const auto refused = given(30, 5);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::usage);
    CHECK(refused.error().where == names::max_in_flight);
}
