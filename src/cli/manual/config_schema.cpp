#include "config_schema.hpp"

#include "core/command.hpp"

#include <algorithm>
#include <limits>

namespace oa_stream::cli {
namespace {

Json number_of(const ValueRule& rule) {
    Json out{{"type", "integer"}, {"minimum", std::max<std::int64_t>(rule.low, 0)}};
    if (rule.high != std::numeric_limits<std::int64_t>::max()) {
        out["maximum"] = rule.high;
    }
    return out;
}

/// The schema of one value. Any scalar is accepted as text: `--revision 7` may be written
/// `revision: 7`.
Json value_of(const OptionSpec& option) {
    const ValueRule& rule = option.rule;
    if (option.is_flag()) {
        return {{"const", true}};
    }
    if (const auto words = rule.shown(); !words.empty()) {
        return {{"enum", words}};
    }
    switch (rule.form) {
    case Form::number:
        return number_of(rule);
    case Form::time:
        return {{"type", "string"}, {"pattern", R"(^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$)"}};
    case Form::text:
        break;
    }
    return {{"type", Json::array({"string", "number", "boolean"})}};
}

Json property_of(const OptionSpec& option) {
    Json out = value_of(option);
    if (option.repeats) {
        Json list{{"type", "array"}, {"items", out}, {"minItems", 1}};
        out = {{"anyOf", Json::array({std::move(out), std::move(list)})}};
    }
    out["description"] = option.help;
    if (!option.fallback.empty()) {
        out["default"] = option.fallback;
    }
    return out;
}

Json section_of(std::span<const OptionSpec> options, std::string_view about) {
    Json properties = Json::object();
    for (const OptionSpec& option : options) {
        if (!option.typed_only) {
            properties[std::string(option.long_name().substr(2))] = property_of(option);
        }
    }
    return {
        {"type", "object"},
        {"description", about},
        {"properties", std::move(properties)},
        {"additionalProperties", false},
    };
}

} // namespace

Json config_schema() {
    Json properties{
        {"version", {{"const", 1}}},
        {"all", section_of(global_options(), "Options that every command takes.")},
    };
    for (const CommandSpec& command : all_commands()) {
        properties[std::string(command.path)] = section_of(command.options, command.summary);
    }
    return {
        {"$schema", "https://json-schema.org/draft/2020-12/schema"},
        {"$id", "oa-stream.config.v1"},
        {"title", "Config file of oa-stream"},
        {"type", "object"},
        {"required", Json::array({"version"})},
        {"properties", std::move(properties)},
        {"additionalProperties", false},
    };
}

} // namespace oa_stream::cli
