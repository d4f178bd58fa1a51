#include "oa_stream/config/section.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::config {
namespace {

std::string expected_for(const Key& key) {
    if (key.type == Type::word) {
        return alternatives(key.words);
    }
    if (key.type == Type::words) {
        return alternatives(key.words) + ", joined by |";
    }
    return std::string(expected(key.type));
}

/// Bit of the variant the chooser names; all bits when there is none, none when it is unknown.
std::uint32_t variant_of(Reader& reader, const SectionInfo& section) {
    if (section.chooser.empty()) {
        return ~0U;
    }
    const auto node = reader.find(section.chooser);
    if (!node || node->yaml().kind != YamlKind::scalar) {
        return 0;
    }
    const auto at = std::ranges::find(section.variants, node->yaml().text);
    return at == section.variants.end() ? 0 : 1U << (at - section.variants.begin());
}

std::string owners(const SectionInfo& section, std::uint32_t only) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < section.variants.size(); ++i) {
        if ((only >> i & 1U) != 0) {
            names.push_back(section.variants[i]);
        }
    }
    return alternatives(names);
}

/// The key was written, only not quite: that is told as an unknown key.
bool misspelt(const Node& node, const SectionInfo& section, std::string_view name) {
    std::vector<std::string_view> names;
    for (const Key& key : section.keys) {
        names.push_back(key.name);
    }
    return std::ranges::any_of(node.yaml().entries, [&](const YamlEntry& entry) {
        return std::ranges::find(names, entry.key) == names.end() &&
               meant_key(node.yaml(), entry.key, names) == name;
    });
}

void refuse_foreign(
    const Node& node, const SectionInfo& section, const Key& key, std::uint32_t variant
) {
    if (variant == 0) {
        return; // which variant it is was refused already
    }
    node.refuse(fmt::format("belongs to {} {} only", section.chooser, owners(section, key.only)));
}

/// An unknown key is a problem already, and may be the one that is missing here.
bool has_unknown_keys(const Node& node, const SectionInfo& section) {
    return std::ranges::any_of(node.yaml().entries, [&](const YamlEntry& entry) {
        return std::ranges::find(section.keys, entry.key, &Key::name) == section.keys.end();
    });
}

void check_exactly_one(const Node& node, const SectionInfo& section) {
    const auto& names = section.exactly_one;
    const auto chosen = std::ranges::count_if(node.yaml().entries, [&](const YamlEntry& entry) {
        return std::ranges::find(names, entry.key) != names.end();
    });
    if (names.empty() || chosen == 1 || (chosen == 0 && has_unknown_keys(node, section))) {
        return;
    }
    std::string all;
    for (std::size_t i = 0; i < names.size(); ++i) {
        all += i == 0 ? "" : i + 1 == names.size() ? " and " : ", ";
        all += names[i];
    }
    node.refuse("expected exactly one of " + all);
}

/// The table's own text, read like the author's.
void apply_fallback(const Node& parent, const Key& key, void* out) {
    YamlNode value;
    value.kind = YamlKind::scalar;
    value.at = parent.at();
    value.text = key.fallback;
    value.inserted = true;
    key.read(Node(value, parent.problems(), std::string(key.name)), out);
}

} // namespace

std::string_view expected(Type type) noexcept {
    switch (type) {
    case Type::text:
        return "a text";
    case Type::texts:
        return "a list of texts";
    case Type::duration:
        return "a duration like 10m";
    case Type::percent:
        return "a percentage like 5%";
    case Type::percents:
        return "a list of whole percentages like [0%, 5%, 100%]";
    case Type::rate:
        return "a rate like 2/s";
    case Type::limit:
        return "a limit like 1%, 2.5s, +20% or +1pp";
    case Type::count:
        return "a whole number";
    case Type::boolean:
        return "true or false";
    case Type::word:
        return "a word";
    case Type::words:
        return "words joined by |";
    case Type::section:
        return "a mapping";
    case Type::sections:
        return "a list of mappings";
    case Type::phrase:
    case Type::scalar:
        return "a text";
    }
    return "a text";
}

void read_section(const Node& node, const SectionInfo& section, void* out) {
    Reader reader(node);
    if (!reader.valid()) {
        return;
    }
    const std::uint32_t variant = variant_of(reader, section);
    for (const Key& key : section.keys) {
        const bool ours = key.only == ~0U || (key.only & variant) != 0;
        auto value = reader.find(key.name);
        if (!value && ours && key.need == Need::required && !misspelt(node, section, key.name)) {
            value = reader.require(key.name, expected_for(key)); // notes what is missing
        }
        if (value && !ours) {
            refuse_foreign(*value, section, key, variant);
        } else if (value) {
            key.read(*value, out);
        } else if (ours && !key.fallback.empty()) {
            apply_fallback(node, key, out);
        }
    }
    check_exactly_one(node, section);
    reader.finish();
}

namespace detail {

std::optional<std::vector<std::string>> texts_of(const Node& node) {
    std::vector<std::string> out;
    for (const Node& item : node.list()) {
        if (auto text = item.text()) {
            out.push_back(*std::move(text));
        }
    }
    return out;
}

std::optional<std::vector<int>> percents_of(const Node& node) {
    std::vector<int> out;
    for (const Node& item : node.list()) {
        if (const auto percent = item.whole_percent()) {
            out.push_back(*percent);
        }
    }
    return out;
}

} // namespace detail
} // namespace oa_stream::config
