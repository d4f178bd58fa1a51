// nlohmann's own tree builders are quadratic for ordered objects: every member is looked up in the
// members before it, and the callback parser walks the parent of each value that ends. This one
// keeps what is open on flat stacks and makes each array and object once, when it closes.
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

namespace oa_stream {
namespace {

/// Up to this number of members each name is compared with all before it; beyond, they are sorted.
constexpr std::size_t k_compared = 16;

/// The last of several members of one name counts and stands where the first stood. True for each
/// member that is left out.
class Duplicates {
public:
    Duplicates(std::span<const std::string> names, std::span<Json> values) {
        if (names.size() <= k_compared) {
            compare(names, values);
        } else {
            sort(names, values);
        }
    }
    [[nodiscard]] bool left_out(std::size_t index) const {
        return !dropped_.empty() && dropped_[index];
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    struct Entry {
        std::size_t hash;
        std::size_t index;
    };

    void drop(std::span<Json> values, std::size_t first, std::size_t repeated) {
        dropped_.resize(values.size());
        dropped_[repeated] = true;
        values[first] = std::move(values[repeated]);
        ++count_;
    }

    void compare(std::span<const std::string> names, std::span<Json> values) {
        for (std::size_t i = 1; i < names.size(); ++i) {
            const auto first = std::ranges::find(names.first(i), names[i]);
            if (const auto at = static_cast<std::size_t>(first - names.begin()); at < i) {
                drop(values, at, i);
            }
        }
    }

    /// Names are compared only where hashes are equal, so names made to collide cost a sort.
    void sort(std::span<const std::string> names, std::span<Json> values) {
        std::vector<Entry> entries;
        entries.reserve(names.size());
        for (std::size_t i = 0; i < names.size(); ++i) {
            entries.push_back({std::hash<std::string_view>{}(names[i]), i});
        }
        std::ranges::sort(entries, [names](const Entry& a, const Entry& b) {
            if (a.hash != b.hash) {
                return a.hash < b.hash;
            }
            const int order = names[a.index].compare(names[b.index]);
            return order != 0 ? order < 0 : a.index < b.index;
        });
        std::size_t first = 0;
        for (std::size_t i = 1; i < entries.size(); ++i) {
            const bool repeated = entries[i].hash == entries[first].hash &&
                                  names[entries[i].index] == names[entries[first].index];
            if (repeated) {
                drop(values, entries[first].index, entries[i].index);
            } else {
                first = i;
            }
        }
    }

    std::vector<bool> dropped_{}; ///< empty: none is
    std::size_t count_ = 0;
};

/// Receives the parser's events. Every function returns false to end the parse.
class TreeBuilder {
public:
    explicit TreeBuilder(const JsonBounds& bounds) : bounds_(&bounds) {}

    bool null() { return add(nullptr); }
    bool boolean(bool value) { return add(value); }
    bool number_integer(Json::number_integer_t value) { return add(value); }
    bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
    bool number_float(Json::number_float_t value, const std::string& /*text*/) {
        return add(value);
    }
    bool string(std::string& value) { return add(std::move(value)); }
    bool binary(Json::binary_t& /*value*/) { return false; }

    bool key(std::string& name) {
        Open& object = open_.back();
        if (++object.members > bounds_->members) {
            return refuse(fmt::format("a JSON object has more than {} members", bounds_->members));
        }
        if (open_.size() == 1) {
            whole_ = is_among(bounds_->whole, name);
            listed_ = !whole_ && name == bounds_->list;
        }
        if (unwanted_ == 0 && !whole_ && !wants(name)) {
            if (open_.size() <= bounds_->named_levels) {
                names_.push_back(std::move(name));
                if (!add(nullptr)) {
                    return false;
                }
            }
            object.skips = true;
            ++unwanted_;
        } else if (unwanted_ == 0) {
            names_.push_back(std::move(name));
        }
        return true;
    }

    bool start_object(std::size_t /*size*/) { return open(); }
    bool start_array(std::size_t /*size*/) { return open(); }

    bool end_array() {
        const Open array = close();
        if (unwanted_ != 0) {
            return value_ended();
        }
        const auto from = values_.begin() + static_cast<std::ptrdiff_t>(array.first_value);
        Json::array_t items(std::make_move_iterator(from), std::make_move_iterator(values_.end()));
        values_.erase(from, values_.end());
        return add(std::move(items));
    }

    bool end_object() {
        const Open object = close();
        if (unwanted_ != 0) {
            return value_ended();
        }
        const auto names = std::span(names_).subspan(object.first_name);
        const auto values = std::span(values_).subspan(object.first_value);
        const Duplicates duplicates(names, values);
        if (bounds_->unique_names && duplicates.count() > 0) {
            return refuse_twice(names, duplicates);
        }
        Json::object_t members;
        members.reserve(names.size() - duplicates.count());
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!duplicates.left_out(i)) {
                members.emplace_back(std::move(names[i]), std::move(values[i]));
            }
        }
        names_.resize(object.first_name);
        values_.resize(object.first_value);
        return add(std::move(members));
    }

    bool
    parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& why) {
        constexpr int k_number_out_of_range = 406;
        error_ = Error{
            .code = Code::protocol,
            .message = why.id == k_number_out_of_range
                           ? "JSON number out of range"
                           : fmt::format("not JSON at byte {}", position)
        };
        return false;
    }

    [[nodiscard]] Result<Json> take() {
        if (error_) {
            return std::unexpected(*std::move(error_));
        }
        return std::move(values_.front());
    }

private:
    struct Open {
        std::size_t first_value;
        std::size_t first_name;
        std::size_t members = 0;
        bool skips = false; ///< the value of its newest name is not wanted
    };

    [[nodiscard]] static bool
    is_among(std::span<const std::string_view> names, std::string_view name) {
        return contains(names, name);
    }
    [[nodiscard]] bool wants(std::string_view name) const {
        return bounds_->wanted.empty() || is_among(bounds_->wanted, name);
    }

    bool refuse(std::string message, Code code = Code::too_large) {
        error_ = Error{.code = code, .message = std::move(message)};
        return false;
    }

    bool refuse_twice(std::span<const std::string> names, const Duplicates& duplicates) {
        std::size_t at = 0;
        while (!duplicates.left_out(at)) {
            ++at;
        }
        return refuse(
            fmt::format("the name '{}' appears twice in one object", printable(names[at], 40)),
            Code::protocol
        );
    }

    bool stopped() {
        return bounds_->stop.stop_requested() && !refuse("the parse was stopped", Code::cancelled);
    }

    bool open() {
        if (open_.size() >= static_cast<std::size_t>(std::max(bounds_->depth, 0))) {
            return refuse(
                fmt::format("JSON is nested deeper than {}", bounds_->depth), Code::protocol
            );
        }
        if (stopped()) {
            return false;
        }
        if (listed_ && open_.size() == 2) {
            whole_ = values_.size() - open_.back().first_value == bounds_->item;
        }
        open_.push_back({.first_value = values_.size(), .first_name = names_.size()});
        unwanted_ += unwanted_ == 0 ? 0 : 1;
        return true;
    }

    Open close() {
        const Open last = open_.back();
        open_.pop_back();
        unwanted_ -= unwanted_ == 0 ? 0 : 1;
        return last;
    }

    /// Of a value that is not kept.
    bool value_ended() {
        if (unwanted_ == 1 && !open_.empty() && open_.back().skips) {
            open_.back().skips = false;
            unwanted_ = 0;
        }
        return !stopped();
    }

    template <class Value> bool add(Value&& value) {
        if (unwanted_ != 0) {
            return value_ended();
        }
        if (++built_ > bounds_->values) {
            return refuse(fmt::format("the JSON has more than {} values", bounds_->values));
        }
        values_.emplace_back(std::forward<Value>(value));
        return !stopped();
    }

    const JsonBounds* bounds_;
    std::vector<Open> open_{};
    std::vector<std::string> names_{}; ///< of the open objects' members
    std::vector<Json> values_{};       ///< of the open arrays and objects
    std::size_t built_ = 0;
    std::size_t unwanted_ = 0; ///< 1 for the name that is not wanted, 1 for each array and object
                               ///< open below it
    bool whole_ = false; ///< within a member of JsonBounds::whole, or JsonBounds::item
    bool listed_ = false; ///< within JsonBounds::list
    std::optional<Error> error_{};
};

/// simdjson needs up to 14 bytes of memory for one of text, and keeps them for the next one. It
/// does not keep them after a text beyond the first limit. Of longer ones than the second it gets
/// only those that are mostly strings: it leaves the memory for their structure untouched.
constexpr std::size_t k_kept = 64U << 10U;
constexpr std::size_t k_short = 256U << 10U;
constexpr std::size_t k_long_strings = 16; ///< bytes for each one that may be of the structure

bool is_mostly_strings(std::string_view text) {
    const auto structural = [](char c) {
        return (c == '"') | (c == ',') | (c == ':') | (c == '[') | (c == '{');
    };
    const auto count = static_cast<std::size_t>(std::ranges::count_if(text, structural));
    return count < text.size() / k_long_strings;
}

bool feed(TreeBuilder& builder, simdjson::dom::element value);

bool feed_object(TreeBuilder& builder, simdjson::dom::object members) {
    const auto feed_member = [&builder](const simdjson::dom::key_value_pair& member) {
        std::string name(member.key);
        return builder.key(name) && feed(builder, member.value);
    };
    return builder.start_object(0) && std::ranges::all_of(members, feed_member) &&
           builder.end_object();
}

bool feed_array(TreeBuilder& builder, simdjson::dom::array items) {
    const auto feed_item = [&builder](simdjson::dom::element item) { return feed(builder, item); };
    return builder.start_array(0) && std::ranges::all_of(items, feed_item) && builder.end_array();
}

/// The events that nlohmann's parser would send: it calls each integer without a sign unsigned.
bool feed(TreeBuilder& builder, simdjson::dom::element value) {
    using Type = simdjson::dom::element_type;
    switch (value.type()) {
    case Type::OBJECT:
        return feed_object(builder, value.get_object().value_unsafe());
    case Type::ARRAY:
        return feed_array(builder, value.get_array().value_unsafe());
    case Type::STRING: {
        std::string text(value.get_string().value_unsafe());
        return builder.string(text);
    }
    case Type::INT64: {
        const std::int64_t number = value.get_int64().value_unsafe();
        return number < 0 ? builder.number_integer(number)
                          : builder.number_unsigned(static_cast<std::uint64_t>(number));
    }
    case Type::UINT64:
        return builder.number_unsigned(value.get_uint64().value_unsafe());
    case Type::DOUBLE:
        return builder.number_float(value.get_double().value_unsafe(), {});
    case Type::BOOL:
        return builder.boolean(value.get_bool().value_unsafe());
    case Type::NULL_VALUE:
        break;
    }
    return builder.null();
}

/// By simdjson, in less than half the instructions. Nothing where it refuses: nlohmann's parser
/// takes integers of any size, and says what is wrong where.
std::optional<Result<Json>> parse_fast(std::string_view text, const JsonBounds& bounds) {
    if (text.size() > k_short && !is_mostly_strings(text)) {
        return std::nullopt;
    }
    thread_local simdjson::dom::parser kept;
    simdjson::dom::parser own; // takes no memory before it parses
    simdjson::dom::parser& parser = text.size() <= k_kept ? kept : own;
    simdjson::dom::element root;
    if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    TreeBuilder builder(bounds);
    (void)feed(builder, root);
    return builder.take();
}

} // namespace

Result<Json> parse_json_within(std::string_view text, const JsonBounds& bounds) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        return fail(Code::protocol, "JSON starts with a byte order mark at byte 0");
    }
    // The library takes a NUL for the end of its input, whatever follows. No JSON holds one.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        return fail(Code::protocol, fmt::format("not JSON at byte {}", nul + 1));
    }
    if (bounds.stop.stop_requested()) {
        return fail(Code::cancelled, "the parse was stopped");
    }
    if (auto parsed = parse_fast(text, bounds)) {
        return *std::move(parsed);
    }
    TreeBuilder builder(bounds);
    (void)Json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
    return parse_json_within(text, {.depth = limits.depth});
}

} // namespace oa_stream
