#include "reader.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::config {
namespace {

/// An optional key whose variable is empty was not given.
bool given(const YamlNode& value) {
    return !(value.inserted && value.kind == YamlKind::scalar && value.text.empty());
}

std::string path_of(const Node& map, std::string_view key) {
    return fmt::format("{}{}{}", map.path(), map.path().empty() ? "" : ".", key);
}

} // namespace

SectionReader::SectionReader(const Node& node)
    : node_(node), valid_(node.yaml().kind == YamlKind::map) {
    if (!valid_) {
        node.refuse(fmt::format("expected a mapping, found {}", to_string(node.yaml().kind)));
    }
}

std::optional<Node> SectionReader::find(std::string_view key) {
    asked_.emplace(key);
    const YamlNode* value = node_.yaml().find(key);
    if (!valid_ || value == nullptr || !given(*value)) {
        return std::nullopt;
    }
    return Node(*value, node_.problems(), path_of(node_, key));
}

std::optional<Node> SectionReader::require(std::string_view key, std::string_view expected) {
    auto out = find(key);
    if (!out && valid_) {
        node_.problems().add(
            node_.at(),
            path_of(node_, key),
            fmt::format(
                "{}{} is missing, expected {}",
                node_.path().empty() ? "" : std::string(node_.name()) + ": ",
                key,
                expected
            )
        );
    }
    return out;
}

std::optional<std::string_view>
meant_key(const YamlNode& map, std::string_view key, std::span<const std::string_view> known) {
    std::vector<std::string_view> absent;
    for (const std::string_view name : known) {
        if (map.find(name) == nullptr) {
            absent.push_back(name);
        }
    }
    const auto close = nearest(key, absent);
    return close ? close : nearest(key, known);
}

void SectionReader::finish() {
    std::vector<std::string_view> known(asked_.begin(), asked_.end());
    for (const YamlEntry& entry : node_.yaml().entries) {
        if (asked_.contains(entry.key)) {
            continue;
        }
        const auto close = meant_key(node_.yaml(), entry.key, known);
        const std::string in = node_.path().empty() ? "" : fmt::format(" in {}", node_.name());
        node_.problems().add(
            entry.at,
            path_of(node_, entry.key),
            fmt::format("unknown key '{}'{}", printable(entry.key, 40), in),
            close ? fmt::format("did you mean {}?", *close)
                  : fmt::format("there are {}", fmt::join(known, ", "))
        );
    }
}

} // namespace oa_stream::config
