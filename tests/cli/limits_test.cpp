#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "serve/serve_options.hpp"
#include "serve/serve_values.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <sstream>

using namespace oa_stream;
using namespace oa_stream::cli;

TEST_CASE("limits: docs/limits.md has a row for each, with its default, and no other") {
    const auto page = read_file(OA_SOURCE_DIR "/docs/limits.md", 1U << 20U).value();
    std::vector<std::string> rows;
    std::istringstream lines{page};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("| `")) {
            rows.push_back(line);
        }
    }
    const auto limits = all_limits();
    CHECK(rows.size() == limits.size());
    for (const auto& [name, value] : limits) {
        const auto begin = fmt::format("| `{}` | {} | ", name, value);
        CAPTURE(begin);
        CHECK(std::ranges::count_if(rows, [&](const auto& row) {
                  return row.starts_with(begin);
              }) == 1);
    }
}

TEST_CASE("limits: the help of --limit names each of them") {
    const auto option = std::ranges::find(serve_command.options, "--limit", &OptionSpec::name);
    REQUIRE(option != serve_command.options.end());
    for (const auto& [name, value] : all_limits()) {
        CAPTURE(name);
        const bool named = option->help.contains(fmt::format(" {},", name)) ||
                           option->help.contains(fmt::format(" {}.", name));
        CHECK(named);
    }
}

TEST_CASE("limits: body is also that of bodies with old files, unless resend is given somewhere") {
    const auto resend = [](std::initializer_list<const char*> limits) {
        ServeOptions options;
        for (const auto* limit : limits) {
            REQUIRE(set_limit(options, limit).has_value());
        }
        return options.listeners.limits.sieved_bytes >> 20U;
    };
    CHECK(resend({"body=1m"}) == 1);
    CHECK(resend({"body=1m", "body=2m"}) == 2);
    CHECK(resend({"body=1m", "resend=64m"}) == 64);
    CHECK(resend({"resend=64m", "body=1m"}) == 64); // the default, written out
    CHECK(resend({"resend=65m", "body=1m"}) == 65);
}

TEST_CASE("limits: each takes its own default back, and refuses what makes no sense") {
    for (const auto& [name, value] : all_limits()) {
        ServeOptions options;
        CAPTURE(name, value);
        CHECK(set_limit(options, fmt::format("{}={}", name, value)).has_value());
        for (const auto* wrong : {"", "-1", "many", "1.5.1", "0x10"}) {
            CAPTURE(wrong);
            const auto refused = set_limit(options, fmt::format("{}={}", name, wrong));
            REQUIRE_FALSE(refused);
            CHECK(refused.error().text().contains(name));
        }
    }
    ServeOptions options;
    REQUIRE(set_limit(options, "turn-log=64k"));
    CHECK(options.lane.limits.turn_log_bytes == 65536);
    REQUIRE(set_limit(options, "turn-log=1GB"));
    CHECK(options.lane.limits.turn_log_bytes == 1'000'000'000);
    CHECK(set_limit(options, "turn-log=0").error().text().contains("too small"));
    CHECK(contains(all_limits(), std::pair<std::string, std::string>("total-log", "1g")));
    CHECK(contains(all_limits(), std::pair<std::string, std::string>("idempotency-time", "1d")));
    REQUIRE(set_limit(options, "json-depth=5"));
    CHECK(options.lane.limits.json_depth == 5);
    REQUIRE(set_limit(options, "idle=90s"));
    CHECK(options.lane.limits.idle == Millis(90000));
}

TEST_CASE("limits: the kernel waits longer than the lane for whoever takes nothing") {
    Context context;
    context.env = [](std::string_view) { return std::optional<std::string>(); };
    for (const std::string_view text : {"max-lag-time=10m", "write-time=10m", "write-time=1s"}) {
        CAPTURE(text);
        ServeOptions options;
        options.kind = authority::authority_kind("replay");
        REQUIRE(options.kind != nullptr);
        REQUIRE(set_limit(options, text));
        REQUIRE(complete_options(options, context));
        const auto gone = options.listeners.limits.unacknowledged_timeout;
        CHECK(gone >= net::ServerLimits{}.unacknowledged_timeout);
        CHECK(gone > options.lane.limits.max_lag_time);
        CHECK(gone > options.listeners.limits.write_timeout);
    }
}

TEST_CASE("limits: short ones are looked at in time") {
    Context context;
    context.env = [](std::string_view) { return std::optional<std::string>(); };
    for (const std::string_view text :
         {"approval=400ms", "max-lag-time=400ms", "tool-result=400ms"}) {
        ServeOptions options;
        options.kind = authority::authority_kind("replay");
        REQUIRE(set_limit(options, text));
        REQUIRE(complete_options(options, context));
        CHECK(options.lane.timings.tick == Millis(100));
    }
}

TEST_CASE("limits: those of the store are known as such") {
    for (const std::string_view text :
         {"lease=6s",
          "store-wait=2s",
          "store-outage=1m",
          "log-kept=1m",
          "responses-kept=24h",
          "tails=1000",
          "store-inflight=1m",
          "idempotency-time=24h"}) {
        ServeOptions options;
        REQUIRE(set_limit(options, text));
        CHECK(options.store_limit == text.substr(0, text.find('=')));
    }
    ServeOptions options;
    REQUIRE(set_limit(options, "responses=10"));
    CHECK(options.store_limit.empty());
}

TEST_CASE("serve: an origin is compared as browsers send it, and what none sends is refused") {
    for (const auto& [text, sent] : std::initializer_list<std::pair<const char*, const char*>>{
             {"*", "*"},
             {"null", "null"},
             {"https://app.example", "https://app.example"},
             {"https://App.Example/", "https://app.example"},
             {"https://app.example:443", "https://app.example"},
             {"http://127.0.0.1:3000", "http://127.0.0.1:3000"},
             {"capacitor://localhost", "capacitor://localhost"},
         }) {
        CAPTURE(text);
        REQUIRE(read_origin(text));
        CHECK(*read_origin(text) == sent);
    }
    for (const char* text :
         {"", "app.example", "https://", "https:///", "https://a/b", "https://u@a", "https://*.a"
         }) {
        CAPTURE(text);
        CHECK_FALSE(read_origin(text));
    }
}
