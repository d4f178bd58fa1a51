#include "shadow_diff.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/probe/completions_smoke.hpp"
#include "oa_stream/wire/json_scan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace oa_stream::probe {
namespace {

using Kind = TurnItem::Kind;

constexpr std::size_t k_excerpt = 60;
constexpr std::size_t k_before = 20; ///< bytes shown before the first one that differs

/// The text around `at`.
std::string excerpt(std::string_view text, std::size_t at) {
    const std::size_t from = at > k_before ? at - k_before : 0;
    std::size_t start = from;
    while (start < text.size() && !begins_code_point(text[start])) {
        ++start; // not inside a code point
    }
    return (from > 0 ? "…" : "") + printable(text.substr(start), k_excerpt);
}

std::size_t first_difference(std::string_view a, std::string_view b) {
    const auto [at, ignored] = std::ranges::mismatch(a, b);
    return static_cast<std::size_t>(at - a.begin());
}

class Differ {
public:
    Differ(
        const TurnMeaning& lane, const TurnMeaning& reference, Compare compare, Excerpts excerpts
    )
        : lane_(lane), reference_(reference), compare_(compare), excerpts_(excerpts) {}

    std::vector<Difference> all() {
        items();
        words("ending", lane_.ending, reference_.ending);
        words("failure code", lane_.code, reference_.code);
        words("finish reason", lane_.finish, reference_.finish);
        if (compare_ == Compare::text && excerpts_ == Excerpts::shown) {
            words("error text", lane_.error_text, reference_.error_text);
        } else if (compare_ == Compare::text) {
            text("error text", "the turn", lane_.error_text, reference_.error_text);
        }
        usage();
        return std::move(out_);
    }

private:
    void
    add(std::string_view what, const std::string& where, std::string lane, std::string reference) {
        if (out_.size() < k_listed_differences) {
            out_.push_back({std::string(what), where, std::move(lane), std::move(reference)});
        }
    }
    void words(std::string_view what, const std::string& a, const std::string& b) {
        if (a != b) {
            const auto shown = [](const std::string& word) {
                return word.empty() ? std::string("(none)") : printable(word, k_excerpt);
            };
            add(what, "the turn", shown(a), shown(b));
        }
    }
    void text(
        std::string_view what, const std::string& where, const std::string& a, const std::string& b
    ) {
        if (a != b) {
            const std::size_t at = first_difference(a, b);
            const auto shown = [&](const std::string& text) {
                return excerpts_ == Excerpts::shown ? fmt::format(": \"{}\"", excerpt(text, at))
                                                    : std::string();
            };
            add(what,
                where,
                fmt::format("{} bytes, from byte {}{}", a.size(), at, shown(a)),
                fmt::format("{} bytes{}", b.size(), shown(b)));
        }
    }
    void json(std::string_view what, const std::string& where, const Json& a, const Json& b) {
        if (wire::same_json(a, b)) {
            return;
        }
        if (excerpts_ == Excerpts::hidden) {
            const auto size = [](const Json& value) {
                return fmt::format("{} bytes of JSON", dump_json(value).size());
            };
            add(what, where, size(a), size(b));
            return;
        }
        const std::string left = dump_json(a);
        const std::string right = dump_json(b);
        const std::size_t at = first_difference(left, right);
        add(what, where, excerpt(left, at), excerpt(right, at));
    }

    /// Explains how a client treats a call without the flag.
    void flags(const std::string& where, const TurnItem& a, const TurnItem& b) {
        if (a.provider != b.provider) {
            const auto shown = [](const TurnItem& of) {
                return of.provider ? "set" : "absent, so a page may run the call and may ask again";
            };
            add("providerExecuted", where, shown(a), shown(b));
        }
        if (a.dynamic.word() != b.dynamic.word()) {
            const auto shown = [](const DynamicFlag& of) {
                const bool whole = of.some && of.every;
                return std::string(of.word()) +
                       (whole ? "" : ", so a page may take the call for one of its own tools");
            };
            add("dynamic", where, shown(a.dynamic), shown(b.dynamic));
        }
    }

    /// The items that structure compares: transient notes vary, and a model may split a text into
    /// two parts.
    [[nodiscard]] std::vector<const TurnItem*> counted(const TurnMeaning& turn) const {
        std::vector<const TurnItem*> list;
        for (const TurnItem& item : turn.items) {
            if (compare_ == Compare::text) {
                list.push_back(&item);
                continue;
            }
            const bool repeated =
                !list.empty() && item.kind != Kind::tool && list.back()->label() == item.label();
            if (!item.transient && !repeated) {
                list.push_back(&item);
            }
        }
        return list;
    }

    void items() {
        const auto a = counted(lane_);
        const auto b = counted(reference_);
        const std::size_t both = std::min(a.size(), b.size());
        std::size_t same = 0;
        while (same < both && a[same]->label() == b[same]->label()) {
            item(same, *a[same], *b[same]);
            ++same;
        }
        if (same < a.size() || same < b.size()) {
            order(a, b, same);
        } else if (compare_ == Compare::text) {
            swapped(a, b);
        }
    }

    void item(std::size_t index, const TurnItem& a, const TurnItem& b) {
        const std::string where = fmt::format("part {} ({})", index + 1, a.label());
        if (a.kind == Kind::tool && a.state != b.state) {
            add("tool outcome",
                where,
                std::string(to_string(a.state)),
                std::string(to_string(b.state)));
        }
        flags(where, a, b);
        if (compare_ == Compare::structure) {
            if (a.kind == Kind::tool) {
                json("tool input", where, shape_of(a.input), shape_of(b.input));
            }
            return;
        }
        switch (a.kind) {
        case Kind::text:
        case Kind::reasoning:
            text(a.kind == Kind::text ? "text" : "reasoning", where, a.text, b.text);
            break;
        case Kind::tool:
            json("tool input", where, a.input, b.input);
            text("tool input deltas", where, a.input_text, b.input_text);
            text("live output", where, a.live, b.live);
            json("tool output", where, a.output, b.output);
            text("tool failure", where, a.text, b.text);
            break;
        case Kind::note:
            json("note", where, a.output, b.output);
            break;
        }
    }

    using Items = std::vector<const TurnItem*>;
    void order(const Items& a, const Items& b, std::size_t from) {
        const auto rest = [from](const Items& items) {
            std::vector<std::string> labels;
            for (std::size_t i = from; i < items.size() && labels.size() < 6; ++i) {
                labels.push_back(items[i]->label());
            }
            return labels.empty() ? std::string("(nothing)")
                                  : printable(fmt::format("{}", fmt::join(labels, ", ")), 120);
        };
        add("order", fmt::format("from part {} on", from + 1), rest(a), rest(b));
    }

    /// Two calls with swapped outputs: one difference is easier to understand than two.
    void swapped(const Items& a, const Items& b) {
        const auto tool = [](const TurnItem& item) {
            return item.kind == Kind::tool && !item.output.is_null();
        };
        for (std::size_t i = 0; i < a.size(); ++i) {
            for (std::size_t j = i + 1; j < a.size() && tool(*a[i]); ++j) {
                if (tool(*a[j]) && !wire::same_json(a[i]->output, a[j]->output) &&
                    wire::same_json(a[i]->output, b[j]->output) &&
                    wire::same_json(a[j]->output, b[i]->output)) {
                    add("swapped outputs",
                        fmt::format("parts {} and {}", i + 1, j + 1),
                        "each call has the other's output",
                        "each call has its own");
                }
            }
        }
    }

    void usage() {
        const auto shown = [](const std::optional<Json>& usage) {
            return usage ? printable(dump_json(*usage), 160) : std::string("not told");
        };
        const auto& a = lane_.usage;
        const auto& b = reference_.usage;
        const bool same =
            a.has_value() == b.has_value() &&
            (!a || (compare_ == Compare::text ? wire::same_json(*a, *b)
                                              : wire::same_json(shape_of(*a), shape_of(*b))));
        if (!same) {
            add("usage", "the turn", shown(a), shown(b));
        }
    }

    const TurnMeaning& lane_;
    const TurnMeaning& reference_;
    Compare compare_;
    Excerpts excerpts_;
    std::vector<Difference> out_{};
};

} // namespace

std::string Difference::sentence() const {
    return fmt::format("{} of {}: lane {}; reference {}", what, where, lane, reference);
}

Json to_json(const Difference& difference) {
    return Json{
        {"what", difference.what},
        {"where", difference.where},
        {"lane", difference.lane},
        {"reference", difference.reference},
    };
}

std::vector<Difference> differences(
    const TurnMeaning& lane, const TurnMeaning& reference, Compare compare, Excerpts excerpts
) {
    return Differ(lane, reference, compare, excerpts).all();
}

} // namespace oa_stream::probe
