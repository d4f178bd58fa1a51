// One row an option: it reads the value into the member it names, and --help, manual, completions,
// config file and environment are made from it.
//
//   struct Options { Millis older_than{0}; std::optional<std::uint64_t> keep{}; bool apply = false;
//   }; constexpr auto k_options = options<Options>(
//       option<&Options::older_than>("--older-than", "D", "Remove runs older than this."),
//       option<&Options::keep>("--keep", "N", "Keep the newest N runs.").range(0, 1'000'000),
//       flag<&Options::apply>("--apply", "Remove them.").typed());
#pragma once

#include "oa_stream/base/error.hpp"

#include "option_value.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace oa_stream::cli {

/// Reads the values of one option into the options struct.
struct ValueTarget {
    using Read =
        Result<void> (*)(const ValueRule& rule, std::span<const std::string> values, void* owner);
    Read read = nullptr;
    void* (*base)(void* options) = nullptr; ///< finds the row's owner
    void* (*outer)(void* options) = nullptr; ///< applied before `base`, for a group within a group

    [[nodiscard]] Result<void>
    fill(const ValueRule& rule, std::span<const std::string> values, void* options) const {
        void* const group = outer == nullptr ? options : outer(options);
        return read(rule, values, base == nullptr ? group : base(group));
    }
};

struct OptionSpec {
    std::string_view name; ///< "--listen", "-q,--quiet"
    std::string_view value; ///< "HOST:PORT"; empty: the row's words, or a flag without value
    std::string_view help; ///< one sentence or two
    std::string_view fallback{}; ///< shown as default and applied when the option is not given
    bool repeats = false;
    bool typed_only = false; ///< consent: not accepted from environment or config file
    ValueRule rule{};
    ValueTarget target{};
    bool old = false; ///< still accepted, but superseded by another option: help leaves it out
    std::string_view formerly{}; ///< its long name in earlier releases, which is still accepted
    std::string_view usual{}; ///< shown as default; the command applies it itself

    [[nodiscard]] bool is_flag() const noexcept {
        return value.empty() && rule.words.empty() && rule.registered == nullptr;
    }
    /// "HOST:PORT", "json|logfmt"; empty for a flag.
    [[nodiscard]] std::string value_name() const;
    [[nodiscard]] std::string_view shown_default() const noexcept {
        return fallback.empty() ? usual : fallback;
    }
    /// "--quiet" from "-q,--quiet".
    [[nodiscard]] std::string_view long_name() const noexcept;
    /// "-q" or "--quiet".
    [[nodiscard]] bool is_called(std::string_view word) const noexcept;
};

struct PositionalSpec {
    std::string_view name; ///< "FILE"
    std::string_view help;
    bool required = true;
    std::size_t at_most = 1; ///< largest number of words
    ValueRule rule{};
    ValueTarget target{};
};

/// Whether a value of this form, "REF" or "mint|REF", refers to a secret instead of containing it.
/// "mint": the control service issues it.
[[nodiscard]] bool is_reference(std::string_view value, std::string_view form);

/// A command line split into words, not interpreted.
struct Args {
    [[nodiscard]] bool has(std::string_view name) const;
    /// In the given order; empty for an option that is absent or a flag.
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

    std::map<std::string, std::vector<std::string>, std::less<>> given{};
};

/// Fills in `options` according to the rows. The first error, in the order of the rows, names its
/// option.
[[nodiscard]] Result<void> read_rows(
    std::span<const PositionalSpec> positionals,
    std::span<const OptionSpec> rows,
    const Args& args,
    void* options
);

// Rows --------------------------------------------------------------------------------------------

/// A row that fills in a T.
template <class T> struct OptionOf : OptionSpec {
    [[nodiscard]] constexpr OptionOf or_else(this OptionOf out, std::string_view text) {
        out.fallback = text;
        return out;
    }
    /// For an option whose default depends on others, or whose absence the command must see.
    [[nodiscard]] constexpr OptionOf or_else_text(this OptionOf out, std::string_view text) {
        out.usual = text;
        return out;
    }
    /// For a count, or for a time in milliseconds.
    [[nodiscard]] constexpr OptionOf range(this OptionOf out, std::int64_t low, std::int64_t high) {
        out.rule.low = low;
        out.rule.high = high;
        return out;
    }
    [[nodiscard]] constexpr OptionOf
    offering(this OptionOf out, Offer offer, std::uint32_t kinds = 0) {
        out.rule.offer = offer;
        out.rule.kinds = kinds;
        return out;
    }
    [[nodiscard]] constexpr OptionOf
    among(this OptionOf out, std::span<const std::string_view> (*words)()) {
        out.rule.registered = words;
        return out;
    }
    /// Values that a shell offers for a form of its own.
    [[nodiscard]] constexpr OptionOf
    suggesting(this OptionOf out, std::span<const std::string_view> (*words)()) {
        out.rule.suggested = words;
        return out;
    }
    /// Only accepted on the command line, not from a file or a forgotten variable.
    [[nodiscard]] constexpr OptionOf typed(this OptionOf out) {
        out.typed_only = true;
        return out;
    }
    /// Superseded by another option; still accepted.
    [[nodiscard]] constexpr OptionOf superseded(this OptionOf out) {
        out.old = true;
        return out;
    }
    /// Its name in earlier releases, which is still accepted.
    [[nodiscard]] constexpr OptionOf once_called(this OptionOf out, std::string_view text) {
        out.formerly = text;
        return out;
    }
    /// The same row with a narrower help text for this table.
    [[nodiscard]] constexpr OptionOf saying(this OptionOf out, std::string_view text) {
        out.help = text;
        return out;
    }
};

/// A positional that fills in a T.
template <class T> struct PositionalOf : PositionalSpec {
    [[nodiscard]] constexpr PositionalOf optional(this PositionalOf out) {
        out.required = false;
        return out;
    }
    [[nodiscard]] constexpr PositionalOf up_to(this PositionalOf out, std::size_t words) {
        out.at_most = words;
        return out;
    }
    [[nodiscard]] constexpr PositionalOf
    offering(this PositionalOf out, Offer offer, std::uint32_t kinds = 0) {
        out.rule.offer = offer;
        out.rule.kinds = kinds;
        return out;
    }
    [[nodiscard]] constexpr PositionalOf
    among(this PositionalOf out, std::span<const std::string_view> words) {
        out.rule.words = words;
        return out;
    }
    [[nodiscard]] constexpr PositionalOf
    suggesting(this PositionalOf out, std::span<const std::string_view> (*words)()) {
        out.rule.suggested = words;
        return out;
    }
};

namespace detail {
constexpr Offer offer_of(std::string_view value) {
    return value == "FILE"       ? Offer::files
           : value == "DIR"      ? Offer::folders
           : value == "RUN"      ? Offer::runs
           : value == "PLAYBOOK" ? Offer::playbooks
                                 : Offer::nothing;
}
template <auto Parse, auto... Path>
constexpr OptionOf<OwnerOf<Path...>>
row(std::string_view name, std::string_view value, std::string_view help) {
    OptionOf<OwnerOf<Path...>> out;
    out.name = name;
    out.value = value;
    out.help = help;
    out.repeats = ListOf<ValueAt<Path...>>::value;
    out.rule.offer = offer_of(value);
    if constexpr (std::is_null_pointer_v<decltype(Parse)>) { // otherwise the text has its own form
        out.rule.form = form_of<WordAt<Path...>>();
    }
    out.target.read = &store<Parse, Path...>;
    return out;
}
} // namespace detail

/// A value whose form follows from the member's type: a time, a whole number, a text, a path, a
/// Secret (env:NAME, file:PATH or fd:N); a vector of those may be repeated. `Path` leads from the
/// options struct to the member.
template <auto... Path>
constexpr auto option(std::string_view name, std::string_view value, std::string_view help) {
    return detail::row<nullptr, Path...>(name, value, help);
}
/// One of `words`, which name an enum's values in order, or are the text itself.
template <auto... Path>
constexpr auto
option(std::string_view name, std::span<const std::string_view> words, std::string_view help) {
    auto out = detail::row<nullptr, Path...>(name, {}, help);
    out.rule.words = words;
    return out;
}
/// A value with its own form: `Parse` is Result<V> (*)(std::string_view).
template <auto Parse, auto... Path>
constexpr auto parsed(std::string_view name, std::string_view value, std::string_view help) {
    return detail::row<Parse, Path...>(name, value, help);
}
/// True when given.
template <auto... Path> constexpr auto flag(std::string_view name, std::string_view help) {
    OptionOf<detail::OwnerOf<Path...>> out;
    out.name = name;
    out.help = help;
    out.target.read = &detail::set_flag<true, Path...>;
    return out;
}
/// False when given.
template <auto... Path> constexpr auto off_flag(std::string_view name, std::string_view help) {
    auto out = flag<Path...>(name, help);
    out.target.read = &detail::set_flag<false, Path...>;
    return out;
}
/// For options that a member pointer cannot express: `Read` is a named Result<void>
/// (std::span<const std::string> values, T& options), because clang 19 merges lambdas of different
/// files as template arguments.
template <class T, auto Read>
constexpr auto
custom(std::string_view name, std::string_view value, std::string_view help, bool repeats = false) {
    OptionOf<T> out;
    out.name = name;
    out.value = value;
    out.help = help;
    out.repeats = repeats;
    out.rule.offer = detail::offer_of(value);
    out.target.read = &detail::custom_read<T, Read>;
    return out;
}
/// A positional with its own form: `Parse` is Result<V> (*)(std::string_view).
template <auto Parse, auto... Path>
constexpr auto parsed_positional(std::string_view name, std::string_view help) {
    PositionalOf<detail::OwnerOf<Path...>> out;
    out.name = name;
    out.help = help;
    out.rule.offer = detail::offer_of(name);
    out.target.read = &detail::store<Parse, Path...>;
    return out;
}

template <auto... Path> constexpr auto positional(std::string_view name, std::string_view help) {
    return parsed_positional<nullptr, Path...>(name, help);
}

// Tables ------------------------------------------------------------------------------------------

/// Rows that fill in a T.
template <class T, class Spec, std::size_t N> struct RowsOf : std::array<Spec, N> {};

/// A table of rows that fill in a T, wherever it is stored.
template <class T, class Spec> struct TableOf : std::span<const Spec> {
    constexpr TableOf() = default;
    template <std::size_t N>
    constexpr TableOf(const RowsOf<T, Spec, N>& rows) // NOLINT(google-explicit-constructor)
        : std::span<const Spec>(rows) {}
};

namespace detail {
template <class T, class Row> struct RowCount {
    static constexpr std::size_t value = 1;
};
template <class T, class B, class Spec, std::size_t N> struct RowCount<T, RowsOf<B, Spec, N>> {
    static constexpr std::size_t value = N;
};
template <class T, class Base, class Spec>
constexpr void add(Spec spec, auto& out, std::size_t& at) {
    static_assert(std::is_base_of_v<Base, T>, "a row of another options struct");
    if constexpr (!std::is_same_v<T, Base>) {
        ValueTarget& target = spec.target;
        (target.base == nullptr ? target.base : target.outer) = &to_base<T, Base>;
    }
    out[at++] = spec;
}
template <class T, class Base>
constexpr void append(const OptionOf<Base>& row, auto& out, std::size_t& at) {
    add<T, Base, OptionSpec>(row, out, at);
}
template <class T, class Base>
constexpr void append(const PositionalOf<Base>& row, auto& out, std::size_t& at) {
    add<T, Base, PositionalSpec>(row, out, at);
}
/// Appends a group's rows, which were made for its own struct.
template <class T, class Base, class Spec, std::size_t N>
constexpr void append(const RowsOf<Base, Spec, N>& rows, auto& out, std::size_t& at) {
    for (const Spec& spec : rows) {
        add<T, Base, Spec>(spec, out, at);
    }
}
} // namespace detail

/// The option table of T: its own rows, and rows and groups of rows of its base structs.
template <class T, class... Rows> consteval auto options(const Rows&... rows) {
    RowsOf<T, OptionSpec, (detail::RowCount<T, Rows>::value + ... + 0)> out{};
    std::size_t at = 0;
    (detail::append<T>(rows, out, at), ...);
    return out;
}
/// The positionals of a command.
template <class T, class... Rows> consteval auto positionals(const Rows&... rows) {
    RowsOf<T, PositionalSpec, (detail::RowCount<T, Rows>::value + ... + 0)> out{};
    std::size_t at = 0;
    (detail::append<T>(rows, out, at), ...);
    return out;
}

} // namespace oa_stream::cli
