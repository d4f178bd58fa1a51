#include "oa_stream/config/section.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

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

/// The variant that the chooser names; nothing when there is none.
std::optional<std::size_t> chosen_variant(SectionReader& reader, const Variants& variants) {
    const auto node = variants.chooser.empty() ? std::nullopt : reader.find(variants.chooser);
    if (!node || node->yaml().kind != YamlKind::scalar) {
        return std::nullopt;
    }
    const auto all = variants.all();
    const auto at = std::ranges::find(all, node->yaml().text, &Variant::name);
    return at == all.end() ? std::nullopt
                           : std::optional(static_cast<std::size_t>(at - all.begin()));
}

/// The key is misspelt: it is reported as an unknown key.
bool misspelt(const Node& node, const AllKeys& all, std::string_view name) {
    const auto names = mapped(all.keys, &Key::name);
    return std::ranges::any_of(node.yaml().entries, [&](const YamlEntry& entry) {
        return !contains(names, entry.key) && meant_key(node.yaml(), entry.key, names) == name;
    });
}

/// An unknown key is a problem already, and may be the one that is missing here.
bool has_unknown_keys(const Node& node, const AllKeys& all) {
    const auto common = std::span(all.keys).first(all.common);
    return std::ranges::any_of(node.yaml().entries, [&](const YamlEntry& entry) {
        return !contains(common, entry.key, &Key::name);
    });
}

void check_exactly_one(const Node& node, const AllKeys& keys) {
    const auto& names = keys.exactly_one;
    const auto chosen = std::ranges::count_if(node.yaml().entries, [&](const YamlEntry& entry) {
        return contains(names, entry.key);
    });
    if (names.empty() || chosen == 1 || (chosen == 0 && has_unknown_keys(node, keys))) {
        return;
    }
    node.refuse("expected exactly one of " + alternatives(names, " and "));
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

void read_key(SectionReader& reader, const AllKeys& all, const Key& key, void* out) {
    auto value = reader.find(key.name);
    if (!value && key.need == Need::required && !misspelt(reader.node(), all, key.name)) {
        value = reader.require(key.name, expected_for(key)); // notes what is missing
    }
    if (value) {
        key.read(*value, out);
    } else if (!key.fallback.empty()) {
        apply_fallback(reader.node(), key, out);
    }
}

/// Keys of the other variants; of all of them when it is unknown which one this is, which was
/// refused already.
void refuse_foreign(
    SectionReader& reader,
    const SectionInfo& section,
    const AllKeys& all,
    std::optional<std::size_t> variant
) {
    std::map<std::string_view, std::vector<std::string_view>> owners;
    const auto chosen = variant ? 1U << *variant : 0U;
    std::set<std::string_view> ours;
    for (const Key& key : all.keys) {
        if ((key.only & chosen) != 0 || key.only == ~0U) {
            ours.insert(key.name);
        }
        for (std::size_t i = 0; i < all.variants.size(); ++i) {
            if ((key.only >> i & 1U) != 0) {
                owners[key.name].push_back(all.variants[i]);
            }
        }
    }
    for (const auto& [name, list] : owners) {
        const auto value = ours.contains(name) ? std::nullopt : reader.find(name);
        if (value && variant) {
            value->refuse(
                fmt::format("belongs to {} {} only", section.variants.chooser, alternatives(list))
            );
        }
    }
}

bool same_row(const Key& a, const Key& b) {
    return a.name == b.name && a.type == b.type && a.need == b.need && a.help == b.help &&
           a.fallback == b.fallback && a.low == b.low && a.high == b.high;
}

} // namespace

std::string_view expected(Type type) noexcept {
    static constexpr std::array<std::string_view, 15> k_words{
        "a text",
        "a list of texts",
        "a duration like 10m",
        "a percentage like 5%",
        "a whole percentage like 25%",
        "a list of whole percentages like [0%, 5%, 100%]",
        "a rate like 2/s",
        "a whole number",
        "true or false",
        "a word",
        "words joined by |",
        "a mapping",
        "a list of mappings",
        "a text",
        "a text"
    };
    return enum_word<Type::scalar>(k_words, type);
}

AllKeys all_keys(const SectionInfo& section) {
    AllKeys out;
    const auto variants =
        section.variants.all == nullptr ? std::span<const Variant>{} : section.variants.all();
    for (const Variant& variant : variants) {
        out.variants.push_back(variant.name);
    }
    out.keys.assign(section.keys.begin(), section.keys.end());
    out.exactly_one.assign(section.exactly_one.begin(), section.exactly_one.end());
    if (section.one_of != nullptr) {
        for (const Key& key : section.one_of()) {
            out.keys.push_back(key);
            out.exactly_one.push_back(key.name);
        }
    }
    out.common = out.keys.size();
    for (Key& key : out.keys) {
        if (key.registered_words != nullptr) {
            key.words = key.registered_words();
        }
        if (key.name == section.variants.chooser && key.words.empty()) {
            key.words = out.variants;
        }
    }
    for (std::size_t i = 0; i < variants.size(); ++i) {
        for (const Key& own : variants[i].keys) {
            const auto same = std::ranges::find_if(out.keys, [&](const Key& key) {
                return key.only != ~0U && same_row(key, own);
            });
            if (same == out.keys.end()) {
                out.keys.push_back(own.in(1U << i));
            } else {
                same->only |= 1U << i;
            }
        }
    }
    return out;
}

void read_section(const Node& node, const SectionInfo& section, void* out) {
    SectionReader reader(node);
    if (!reader.valid()) {
        return;
    }
    const AllKeys all = all_keys(section);
    const auto variant = chosen_variant(reader, section.variants);
    for (const Key& key : std::span(all.keys).first(all.common)) {
        if (key.only == ~0U || (variant && (key.only >> *variant & 1U) != 0)) {
            read_key(reader, all, key, out);
        }
    }
    if (variant && !section.variants.all()[*variant].keys.empty()) {
        void* object = section.variants.object(out, *variant);
        for (const Key& key : section.variants.all()[*variant].keys) {
            read_key(reader, all, key, object);
        }
    }
    refuse_foreign(reader, section, all, variant);
    check_exactly_one(node, all);
    reader.finish();
}

namespace detail {

std::optional<std::string> variant_of(const Node& node, std::span<const Variant> variants) {
    const auto names = mapped(variants, &Variant::name);
    const auto index = node.one_of(names);
    return index ? std::optional<std::string>(names[*index]) : std::nullopt;
}

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
