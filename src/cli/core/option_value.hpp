// Converts words of a command line to values, and stores them through paths of member pointers.
#pragma once

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/error.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/url.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace oa_stream::cli {

/// What a shell offers for a value, in addition to the row's words.
enum class Offer {
    nothing,
    files,
    folders,
    runs,
    traffic_runs, ///< runs that moved traffic, and so can be rolled back
    playbooks,
    variables, ///< "name=" for each variable of the playbook on the same line
    commands, ///< commands, word by word
    pages, ///< commands in one word, as the manual's pages are named
    scripts,
};

inline constexpr std::int64_t k_longest_ms = std::numeric_limits<std::int64_t>::max();

/// How a value is written; follows from the member's type.
enum class Form { text, number, time };

/// A row's rules for its value, checked by the reader.
struct ValueRule {
    Form form = Form::text;
    std::span<const std::string_view> words{}; ///< allowed values; empty: any
    /// Words registered elsewhere; the value's reader checks them.
    std::span<const std::string_view> (*registered)() = nullptr;
    std::int64_t low = std::numeric_limits<std::int64_t>::min();
    std::int64_t high = std::numeric_limits<std::int64_t>::max(); ///< for counts; for times in ms
    Offer offer = Offer::nothing;

    /// Further values, or their beginnings ("latency="), that a shell offers.
    std::span<const std::string_view> (*suggested)() = nullptr;

    /// Restricts offered playbooks or runs to these kinds: one bit per enum value; 0: all.
    std::uint32_t kinds = 0;
    [[nodiscard]] constexpr bool offers(auto kind) const {
        return kinds == 0 || (kinds & bit(kind)) != 0;
    }

    /// The words that help shows and a shell offers.
    [[nodiscard]] std::span<const std::string_view> shown() const {
        return registered == nullptr ? words : registered();
    }
};

// Values ------------------------------------------------------------------------------------------

/// The index of the word; otherwise Code::usage "'x' is not one of a, b".
[[nodiscard]] Result<std::size_t> read_word(std::string_view text, const ValueRule& rule);
/// A whole number within the rule's range.
[[nodiscard]] Result<std::uint64_t> read_number(std::string_view text, const ValueRule& rule);
/// A time with a unit, within the rule's range.
[[nodiscard]] Result<std::chrono::milliseconds>
read_time(std::string_view text, const ValueRule& rule);
/// HOST:PORT; without a port the URL's port is used.
[[nodiscard]] Result<std::string> read_connect_to(std::string_view text);

/// One non-empty line, for use in a header or a check's id.
[[nodiscard]] Result<std::string> read_line(std::string_view text);

namespace detail {

template <class T> struct ListOf : std::false_type {
    using Item = T;
};
template <class T> struct ListOf<std::vector<T>> : std::true_type {
    using Item = T;
};
template <class T> struct MaybeOf : std::false_type {
    using Item = T;
};
template <class T> struct MaybeOf<std::optional<T>> : std::true_type {
    using Item = T;
};
template <class M> struct MemberOf;
template <class C, class V> struct MemberOf<V C::*> {
    using Owner = C;
    using Value = V;
};
template <auto First, auto... Rest> struct FirstOf : MemberOf<decltype(First)> {};
template <auto... Path> using OwnerOf = typename FirstOf<Path...>::Owner;

/// The member at the end of a path of member pointers; an optional on the way is created.
template <auto First, auto... Rest> auto& at_path(auto& owner) {
    if constexpr (MaybeOf<std::remove_cvref_t<decltype(owner)>>::value) {
        return at_path<First, Rest...>(owner ? *owner : owner.emplace());
    } else if constexpr (sizeof...(Rest) == 0) {
        return owner.*First;
    } else {
        return at_path<Rest...>(owner.*First);
    }
}
template <auto... Path>
using ValueAt = std::remove_cvref_t<decltype(at_path<Path...>(std::declval<OwnerOf<Path...>&>()))>;
/// The type of one word of the option's value.
template <auto... Path>
using WordAt = typename MaybeOf<typename ListOf<ValueAt<Path...>>::Item>::Item;
template <class V> constexpr Form form_of() {
    return std::is_same_v<V, std::chrono::milliseconds> ? Form::time
           : std::integral<V>                           ? Form::number
                                                        : Form::text;
}

template <class V> Result<V> read_value(const std::string& text, const ValueRule& rule) {
    if constexpr (std::is_enum_v<V>) {
        OA_TRY(const std::size_t index, read_word(text, rule));
        return static_cast<V>(index);
    } else if constexpr (std::is_same_v<V, std::chrono::milliseconds>) {
        return read_time(text, rule);
    } else if constexpr (std::is_same_v<V, Secret>) {
        return read_secret(text);
    } else if constexpr (std::integral<V>) {
        OA_TRY(const std::uint64_t number, read_number(text, rule));
        return static_cast<V>(number);
    } else {
        static_assert(
            std::is_same_v<V, std::string> || std::is_same_v<V, std::filesystem::path>,
            "a value of this type needs parsed<…>"
        );
        if (!rule.words.empty()) {
            OA_TRY(const std::size_t index, read_word(text, rule));
            return V(rule.words[index]);
        }
        return V(text);
    }
}

/// `Parse`: nullptr, or Result<V> (*)(std::string_view).
template <auto Parse, class V> Result<V> read_one(const std::string& text, const ValueRule& rule) {
    if constexpr (std::is_null_pointer_v<decltype(Parse)>) {
        return read_value<V>(text, rule);
    } else if constexpr (std::is_invocable_v<decltype(Parse), std::string_view>) {
        return Parse(text);
    }
}

template <auto Parse, auto... Path>
Result<void> store(const ValueRule& rule, std::span<const std::string> values, void* owner) {
    auto& member = at_path<Path...>(*static_cast<OwnerOf<Path...>*>(owner));
    using V = WordAt<Path...>;
    if constexpr (ListOf<ValueAt<Path...>>::value) {
        member.clear();
        for (const std::string& text : values) {
            OA_TRY(V one, (read_one<Parse, V>(text, rule)));
            member.push_back(std::move(one));
        }
    } else {
        // NOLINTNEXTLINE(bugprone-optional-value-conversion): the member may be optional as well
        OA_TRY(member, (read_one<Parse, V>(values.back(), rule)));
    }
    return {};
}

template <bool On, auto... Path>
Result<void> set_flag(const ValueRule&, std::span<const std::string>, void* owner) {
    at_path<Path...>(*static_cast<OwnerOf<Path...>*>(owner)) = On;
    return {};
}

template <class T, auto Read>
Result<void> custom_read(const ValueRule&, std::span<const std::string> values, void* owner) {
    return Read(values, *static_cast<T*>(owner));
}

template <class Derived, class Base> void* to_base(void* options) {
    return static_cast<Base*>(static_cast<Derived*>(options));
}

} // namespace detail

} // namespace oa_stream::cli
