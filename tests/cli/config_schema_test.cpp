#include "oa_stream/authority/kind.hpp"

#include "core/command.hpp"
#include "core/layers.hpp"
#include "manual/config_schema.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <regex>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

/// Whether the schema of one value takes what a command line says.
bool takes(const Json& schema, const std::string& text) {
    if (schema.contains("anyOf")) {
        return takes(schema["anyOf"][0], text);
    }
    if (schema.contains("enum")) {
        return std::ranges::find(schema["enum"], Json(text)) != schema["enum"].end();
    }
    if (schema.contains("pattern")) {
        return std::regex_match(text, std::regex(schema["pattern"].get<std::string>()));
    }
    if (schema["type"] == "integer") {
        const auto number = std::stoll(text);
        return number >= schema["minimum"].get<std::int64_t>() &&
               number <= schema.value("maximum", std::numeric_limits<std::int64_t>::max());
    }
    return schema["type"].is_array();
}

} // namespace

TEST_CASE("config schema: what a config file may say, and nothing else, with every default") {
    const Json schema = config_schema();
    for (const CommandSpec& command : all_commands()) {
        const Json& section = schema["properties"][std::string(command.path)];
        CHECK(section["additionalProperties"] == false);
        for (const OptionSpec& option : command.options) {
            CAPTURE(command.path, option.name);
            const std::string key(option.long_name().substr(2));
            const std::string value = option.is_flag() ? "true" : "\"1\"";
            const auto read = ConfigFile::parse(
                fmt::format("version: 1\n{}:\n  {}: {}\n", command.path, key, value), "f"
            );
            const bool taken = read && read->mistakes().empty();
            CHECK(section["properties"].contains(key) == taken);
            if (!option.fallback.empty() && !option.typed_only) {
                CHECK(takes(section["properties"][key], std::string(option.fallback)));
            }
        }
    }
}

TEST_CASE("config schema: a count has its range, a time its units, a word its choices") {
    const Json options = config_schema()["properties"]["serve"]["properties"];
    CHECK(options["codex-children"]["type"] == "integer");
    CHECK(options["codex-children"]["maximum"] == 64);
    CHECK(options["authority"]["enum"] == Json(authority::authority_words()));
    CHECK(takes(options["drain-timeout"], "30s"));
    CHECK_FALSE(takes(options["drain-timeout"], "30"));
}
