#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/config/describe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <set>

namespace oa_stream::config {
namespace {

constexpr std::string_view k_variable = R"(\$\{[a-z][a-z0-9_]*\})";
constexpr std::string_view k_number = R"([0-9]+(\.[0-9]+)?)";
constexpr std::string_view k_whole_percent = "(0|[1-9][0-9]?|100)%";
constexpr std::string_view k_below_100 = R"(0*[0-9]{1,2}(\.[0-9]+)?)";

/// A text of this form, or one with a variable in it.
Json pattern(std::string_view form) {
    return {{"type", "string"}, {"pattern", fmt::format("{}|^({})$", k_variable, form)}};
}

Json or_variable(Json value) {
    return {
        {"anyOf", Json::array({std::move(value), Json{{"type", "string"}, {"pattern", k_variable}}})
        }
    };
}

/// As parse_duration() reads it: from the largest unit on, each at most once.
std::string duration_form() {
    std::string out;
    std::string smaller;
    for (const std::string_view unit : {"ms", "s", "m", "h", "d"}) {
        const std::string one = fmt::format("{}{}", k_number, unit);
        out = fmt::format("{}{}{}{}", one, smaller, out.empty() ? "" : "|", out);
        smaller = fmt::format("({})?{}", one, smaller);
    }
    return out;
}

std::string either(std::span<const std::string_view> words) {
    return fmt::format("{}", fmt::join(words, "|"));
}

Json reference(const SectionInfo& section) {
    return {{"$ref", fmt::format("#/$defs/{}", section.name)}};
}

Json list_of(Json items) {
    return {{"type", "array"}, {"items", std::move(items)}};
}

Json type_of(const Key& key) {
    switch (key.type) {
    case Type::text:
    case Type::phrase:
        return {{"type", "string"}, {"minLength", 1}};
    case Type::scalar:
        return {{"type", Json::array({"string", "number", "boolean"})}};
    case Type::texts:
        return list_of({{"type", "string"}, {"minLength", 1}});
    case Type::duration:
        return pattern(duration_form());
    case Type::percent:
        return pattern(fmt::format(R"(({}|0*100(\.0+)?)%)", k_below_100));
    case Type::whole_percent:
        return pattern(k_whole_percent);
    case Type::percents:
        return list_of(pattern(k_whole_percent));
    case Type::rate:
        return pattern(fmt::format("{}/(s|m|h)", k_number));
    case Type::count:
        return or_variable({{"type", "integer"}, {"minimum", key.low}, {"maximum", key.high}});
    case Type::boolean:
        return or_variable({{"type", "boolean"}});
    case Type::word:
        return pattern(either(key.words));
    case Type::words:
        return pattern(fmt::format(R"(({0})( *\| *({0}))*)", either(key.words)));
    case Type::section:
        return reference(*key.section);
    case Type::sections:
        return list_of(reference(*key.section));
    }
    return Json::object();
}

Json property(const Key& key) {
    Json out = type_of(key);
    out["description"] = key.help;
    if (!key.fallback.empty()) {
        out["default"] = key.fallback;
    }
    return out;
}

/// In each variant only its own keys, and those that it requires.
Json variant_rules(const SectionInfo& section, const AllKeys& all) {
    Json out = Json::array();
    for (std::size_t i = 0; i < all.variants.size(); ++i) {
        Json required = Json::array();
        Json foreign = Json::object();
        std::set<std::string_view> ours;
        for (const Key& key : all.keys) {
            if (key.only == ~0U || (key.only >> i & 1U) == 0) {
                continue;
            }
            ours.insert(key.name);
            if (key.need == Need::required) {
                required.push_back(key.name);
            }
        }
        for (const Key& key : all.keys) {
            if (key.only != ~0U && !ours.contains(key.name)) {
                foreign[std::string(key.name)] = false;
            }
        }
        const std::string_view chooser = section.variants.chooser;
        const Json constant = {{"const", all.variants[i]}};
        Json then = {{"required", std::move(required)}, {"properties", std::move(foreign)}};
        out.push_back(
            {{"if",
              {{"properties", {{std::string(chooser), constant}}},
               {"required", Json::array({chooser})}}},
             {"then", std::move(then)}}
        );
    }
    return out;
}

Json object_of(const SectionInfo& section) {
    Json properties = Json::object();
    Json required = Json::array();
    const AllKeys all = all_keys(section);
    for (const Key& key : all.keys) {
        const std::string name(key.name);
        if (const auto other = properties.find(name); other != properties.end()) {
            other->at("description") = fmt::format(
                "{} {}", other->at("description").get_ref<const std::string&>(), key.help
            );
            other->erase("default"); // each variant has its own
            continue;
        }
        properties[name] = property(key);
        if (key.need == Need::required && key.only == ~0U) {
            required.push_back(key.name);
        }
    }
    Json out = {
        {"type", "object"},
        {"description", section.help},
        {"properties", std::move(properties)},
        {"additionalProperties", false},
    };
    if (!required.empty()) {
        out["required"] = std::move(required);
    }
    if (!all.exactly_one.empty()) {
        Json choices = Json::array();
        for (const std::string_view name : all.exactly_one) {
            choices.push_back({{"required", Json::array({name})}});
        }
        out["oneOf"] = std::move(choices);
    }
    if (!all.variants.empty()) {
        out["allOf"] = variant_rules(section, all);
    }
    return out;
}

/// Each section once, in the order of first mention.
void visit(
    const SectionInfo& section,
    std::vector<const SectionInfo*>& seen,
    const std::function<void(const SectionInfo&)>& on_section
) {
    if (contains(seen, &section)) {
        return;
    }
    seen.push_back(&section);
    on_section(section);
    const AllKeys all = all_keys(section);
    for (const Key& key : all.keys) {
        if (key.section != nullptr) {
            visit(*key.section, seen, on_section);
        }
    }
}

std::string type_cell(const Key& key) {
    switch (key.type) {
    case Type::word:
    case Type::words: {
        std::string out;
        for (const std::string_view word : key.words) {
            out += fmt::format("{}`{}`", out.empty() ? "" : ", ", word);
        }
        return (key.type == Type::word ? "" : "one or more, joined by \\|: ") + out;
    }
    case Type::section:
        return fmt::format("[{0}](#{0})", key.section->name);
    case Type::sections:
        return fmt::format("list of [{0}](#{0})", key.section->name);
    case Type::count:
        return fmt::format("a whole number from {} to {}", key.low, key.high);
    default:
        return table_cell(expected(key.type));
    }
}

std::string note_cell(const SectionInfo& section, const AllKeys& all, const Key& key) {
    std::string out = table_cell(key.help);
    if (key.only != ~0U) {
        std::vector<std::string_view> owners;
        for (std::size_t i = 0; i < all.variants.size(); ++i) {
            if ((key.only >> i & 1U) != 0) {
                owners.push_back(all.variants[i]);
            }
        }
        out += fmt::format(" Only with {} {}.", section.variants.chooser, alternatives(owners));
    }
    return out;
}

} // namespace

Json json_schema(const SectionInfo& root, std::string_view id, std::string_view title) {
    Json out = {
        {"$schema", "https://json-schema.org/draft/2020-12/schema"},
        {"$id", id},
        {"title", title},
    };
    out.update(object_of(root));
    Json definitions = Json::object();
    std::vector<const SectionInfo*> seen;
    visit(root, seen, [&](const SectionInfo& section) {
        if (&section != &root) {
            definitions[std::string(section.name)] = object_of(section);
        }
    });
    out["$defs"] = std::move(definitions);
    return out;
}

std::string key_tables(const SectionInfo& root) {
    std::string out;
    std::vector<const SectionInfo*> seen;
    visit(root, seen, [&](const SectionInfo& section) {
        out += fmt::format("### {}\n\n{}\n\n", section.name, section.help);
        out += "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
        const AllKeys all = all_keys(section);
        for (const Key& key : all.keys) {
            const bool required = key.need == Need::required;
            out += fmt::format(
                "| `{}` | {} | {} | {} |\n",
                key.name,
                type_cell(key),
                required               ? "required"
                : key.fallback.empty() ? "–"
                                       : fmt::format("`{}`", key.fallback),
                note_cell(section, all, key)
            );
        }
        out += "\n";
    });
    return out;
}

} // namespace oa_stream::config
