// One table a mapping: the same rows read it, describe it to people and make the JSON Schema.
//
//   constexpr auto k_keys = keys<StageSpec>(
//       duration<&StageSpec::bake>("bake", Need::required, "How long …"), …);
//   constexpr Section<StageSpec> k_stage{{"stage", "What happens at …", k_keys}};
//   read_section(node, k_stage, out);
#pragma once

#include "oa_stream/config/node.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace oa_stream::config {

enum class Type {
    text,
    texts, ///< a list of texts
    duration,
    percent,
    whole_percent,
    percents, ///< a list of whole percents
    rate,
    count,
    boolean,
    word,     ///< one of `words`
    words,    ///< "a | b" of `words`
    section,  ///< a mapping with its own table
    sections, ///< a list of those
    phrase,   ///< a text with its own form, described in the help
    scalar,   ///< anything but a list or a mapping
};
/// "a duration like 10m": what messages and the page call it.
[[nodiscard]] std::string_view expected(Type type) noexcept;

enum class Need { optional, required };

struct SectionInfo;

struct Key {
    std::string_view name;
    Type type = Type::text;
    Need need = Need::optional;
    std::string_view help;
    std::string_view fallback{}; ///< as it would be written; applied when the key is absent
    std::span<const std::string_view> words{};
    /// For words that are registered elsewhere: asked by all_keys().
    std::span<const std::string_view> (*registered_words)() = nullptr;
    const SectionInfo* section = nullptr;
    std::uint64_t low = 0; ///< of a count
    std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
    std::uint32_t only = ~0U; ///< bits of the variants it belongs to
    void (*read)(const Node& node, void* out) = nullptr;

    /// Belongs only to these variants of the section (bit i: the i-th one).
    [[nodiscard]] constexpr Key in(this Key out, std::uint32_t variants) {
        out.only = variants;
        return out;
    }
};

/// One form of a section, perhaps with keys of its own beside the common ones.
struct Variant {
    std::string_view name; ///< what the chooser says
    std::span<const Key> keys{};
};

/// For sections whose forms are registered elsewhere: asked when the section is read.
struct Variants {
    std::string_view chooser{}; ///< key that says which variant it is
    std::span<const Variant> (*all)() = nullptr;
    /// What the own keys of variant `index` are read into; `out` is the section's own object.
    void* (*object)(void* out, std::size_t index) = nullptr;
};

struct SectionInfo {
    std::string_view name; ///< "stage"; unique: the schema's definitions are called so
    std::string_view help;
    std::span<const Key> keys;
    std::span<const std::string_view> exactly_one{}; ///< keys of which exactly one must be there
    Variants variants{};
    /// Further keys, registered elsewhere: exactly one of them must be there.
    std::span<const Key> (*one_of)() = nullptr;
};

/// The common keys, then those of the variants, whose `only` says where they stand; equal rows of
/// several variants are one. The chooser's words are the variants' names, which live as long as the
/// result.
struct AllKeys {
    std::vector<std::string_view> variants{};
    std::vector<Key> keys{};
    std::size_t common = 0; ///< how many of `keys` stand before those of the variants
    std::vector<std::string_view> exactly_one{};
};
[[nodiscard]] AllKeys all_keys(const SectionInfo& section);

/// A table whose rows belong to T.
template <class T> struct Section : SectionInfo {
    using Owner = T;
};
/// A row that belongs to T.
template <class T> struct KeyOf : Key {
    [[nodiscard]] constexpr KeyOf in(std::uint32_t variants) const {
        return KeyOf{Key::in(variants)};
    }
    /// Of a custom row that reads a word.
    [[nodiscard]] constexpr KeyOf among(this KeyOf out, std::span<const std::string_view> list) {
        out.words = list;
        return out;
    }
    /// The range of a count.
    [[nodiscard]] constexpr KeyOf within(this KeyOf out, std::uint64_t least, std::uint64_t most) {
        out.low = least;
        out.high = most;
        return out;
    }
    [[nodiscard]] constexpr KeyOf or_else(this KeyOf out, std::string_view text) {
        out.fallback = text;
        return out;
    }
};
template <class T, class... Rows> consteval std::array<Key, sizeof...(Rows)> keys(Rows... rows) {
    static_assert((std::is_same_v<Rows, KeyOf<T>> && ...), "a row of another table");
    return {static_cast<const Key&>(rows)...};
}

/// Reads `node` by the table into `out`, which must be what the table was made for.
void read_section(const Node& node, const SectionInfo& section, void* out);
template <class T> void read_section(const Node& node, const Section<T>& section, T& out) {
    read_section(node, static_cast<const SectionInfo&>(section), static_cast<void*>(&out));
}

// Rows by member pointer --------------------------------------------------------------------------

namespace detail {
template <class M> struct MemberOf;
template <class C, class V> struct MemberOf<V C::*> {
    using Owner = C;
    using Value = V;
};
template <auto Member> using Owner = typename MemberOf<decltype(Member)>::Owner;
template <auto Member> using Value = typename MemberOf<decltype(Member)>::Value;

/// Stores what `get` gives, when it gives something.
template <auto Member, auto Get> void store(const Node& node, void* out) {
    if (auto value = std::invoke(Get, node)) {
        // NOLINTNEXTLINE(bugprone-optional-value-conversion): the member may be optional as well
        static_cast<Owner<Member>*>(out)->*Member = *std::move(value);
    }
}
template <auto Member, auto Get>
constexpr KeyOf<Owner<Member>>
row(Type type, std::string_view name, Need need, std::string_view help) {
    KeyOf<Owner<Member>> out;
    out.name = name;
    out.type = type;
    out.need = need;
    out.help = help;
    out.read = &store<Member, Get>;
    return out;
}
[[nodiscard]] std::optional<std::string>
variant_of(const Node& node, std::span<const Variant> variants);
[[nodiscard]] std::optional<std::vector<std::string>> texts_of(const Node& node);
[[nodiscard]] std::optional<std::vector<int>> percents_of(const Node& node);
} // namespace detail

template <auto Member>
constexpr auto text(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, &Node::text>(Type::text, name, need, help);
}
template <auto Member>
constexpr auto texts(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, detail::texts_of>(Type::texts, name, need, help);
}
template <auto Member>
constexpr auto duration(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, &Node::duration>(Type::duration, name, need, help);
}
template <auto Member>
constexpr auto percent(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, &Node::percent>(Type::percent, name, need, help);
}
template <auto Member>
constexpr auto whole_percent(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, &Node::whole_percent>(Type::whole_percent, name, need, help);
}
template <auto Member>
constexpr auto percents(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, detail::percents_of>(Type::percents, name, need, help);
}
template <auto Member>
constexpr auto rate(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, &Node::rate>(Type::rate, name, need, help);
}
template <auto Member, std::uint64_t Low, std::uint64_t High>
constexpr auto count(std::string_view name, Need need, std::string_view help) {
    constexpr auto get = [](const Node& n) -> std::optional<detail::Value<Member>> {
        if (const auto value = n.count(Low, High)) {
            // The member may be optional as well.
            // NOLINTNEXTLINE(bugprone-optional-value-conversion)
            return static_cast<detail::Value<Member>>(*value);
        }
        return std::nullopt;
    };
    return detail::row<Member, get>(Type::count, name, need, help).within(Low, High);
}
template <auto Member>
constexpr auto boolean(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, &Node::boolean>(Type::boolean, name, need, help);
}
/// An enum (or optional of one) whose values are the indices of `Words`.
template <auto Member, const auto& Words>
constexpr auto word(std::string_view name, Need need, std::string_view help) {
    using V = detail::Value<Member>;
    constexpr auto get = [](const Node& n) -> std::optional<V> {
        const auto index = n.one_of(Words);
        if (!index) {
            return std::nullopt;
        }
        if constexpr (std::is_enum_v<V>) {
            return static_cast<V>(*index);
        } else {
            return V(static_cast<typename V::value_type>(*index));
        }
    };
    auto out = detail::row<Member, get>(Type::word, name, need, help);
    out.words = Words;
    return out;
}
/// The word itself, as a string.
template <auto Member, const auto& Words>
constexpr auto word_text(std::string_view name, Need need, std::string_view help) {
    constexpr auto get = [](const Node& n) -> std::optional<std::string> {
        const auto index = n.one_of(Words);
        return index ? std::optional<std::string>(Words[*index]) : std::nullopt;
    };
    auto out = detail::row<Member, get>(Type::word, name, need, help);
    out.words = Words;
    return out;
}
/// One of the words that `All` gives; the word itself.
template <auto Member, auto All>
constexpr auto registered_word(std::string_view name, Need need, std::string_view help) {
    constexpr auto get = [](const Node& n) -> std::optional<std::string> {
        const auto index = n.one_of(All());
        return index ? std::optional<std::string>(All()[*index]) : std::nullopt;
    };
    auto out = detail::row<Member, get>(Type::word, name, need, help);
    out.registered_words = All;
    return out;
}
/// The key that says which of the variants `All` gives the section is; the word itself.
template <auto Member, auto All>
constexpr auto chooser(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, [](const Node& n) { return detail::variant_of(n, All()); }>(
        Type::word, name, need, help
    );
}
/// A vector of words, written "a | b".
template <auto Member, const auto& Words>
constexpr auto words(std::string_view name, Need need, std::string_view help) {
    constexpr auto get = [](const Node& n) -> std::optional<std::vector<std::string>> {
        const auto indices = n.some_of(Words);
        if (!indices) {
            return std::nullopt;
        }
        std::vector<std::string> out;
        for (const std::size_t index : *indices) {
            out.emplace_back(Words[index]);
        }
        return out;
    };
    auto out = detail::row<Member, get>(Type::words, name, need, help);
    out.words = Words;
    return out;
}
/// A nested mapping; the member is the struct or an optional of it.
template <auto Member, const auto& Table>
constexpr auto section(std::string_view name, Need need, std::string_view help) {
    using V = detail::Value<Member>;
    using S = typename std::remove_cvref_t<decltype(Table)>::Owner;
    constexpr auto get = [](const Node& n) -> std::optional<V> {
        S value{};
        read_section(n, Table, value);
        return V(std::move(value));
    };
    auto out = detail::row<Member, get>(Type::section, name, need, help);
    out.section = &Table;
    return out;
}
/// A list of mappings into a vector.
template <auto Member, const auto& Table>
constexpr auto sections(std::string_view name, Need need, std::string_view help) {
    using S = typename std::remove_cvref_t<decltype(Table)>::Owner;
    constexpr auto get = [](const Node& n) -> std::optional<std::vector<S>> {
        std::vector<S> out;
        for (const Node& item : n.list()) {
            read_section(item, Table, out.emplace_back());
        }
        return out;
    };
    auto out = detail::row<Member, get>(Type::sections, name, need, help);
    out.section = &Table;
    return out;
}
/// A scalar with a form of its own: `Get` is `std::optional<Value> (*)(const Node&)`.
template <auto Member, auto Get>
constexpr auto phrase(std::string_view name, Need need, std::string_view help) {
    return detail::row<Member, Get>(Type::phrase, name, need, help);
}
/// What no member pointer can say: `Read` is a named `void (const Node&, T&)` (clang 19 folds the
/// template arguments of lambdas of different files into one). A section or a list of sections
/// names its table.
template <class T, auto Read>
constexpr KeyOf<T> custom(
    Type type,
    std::string_view name,
    Need need,
    std::string_view help,
    const SectionInfo* table = nullptr
) {
    KeyOf<T> out;
    out.name = name;
    out.type = type;
    out.need = need;
    out.help = help;
    out.section = table;
    out.read = [](const Node& node, void* owner) { Read(node, *static_cast<T*>(owner)); };
    return out;
}

} // namespace oa_stream::config
