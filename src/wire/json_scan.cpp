#include "oa_stream/wire/json_scan.hpp"

#include "json_text.hpp"

#include <charconv>
#include <cstdlib>
#include <unordered_map>
#include <utility>

namespace oa_stream::wire {

namespace {

using Members = Json::object_t;

/// Finds repeated keys: by linear search in small objects, by an index in large ones, so that a
/// hostile object with a million keys stays linear.
class KeyIndex {
public:
    [[nodiscard]] Json* find(Members& members, const std::string& key) {
        constexpr std::size_t k_small = 16;
        if (members.size() <= k_small) {
            for (auto& [name, value] : members) {
                if (name == key) {
                    return &value;
                }
            }
            return nullptr;
        }
        for (; indexed_ < members.size(); ++indexed_) {
            places_.emplace(members.begin()[static_cast<std::ptrdiff_t>(indexed_)].first, indexed_);
        }
        const auto found = places_.find(key);
        return found == places_.end()
                   ? nullptr
                   : &members.begin()[static_cast<std::ptrdiff_t>(found->second)].second;
    }

private:
    std::unordered_map<std::string, std::size_t> places_{};
    std::size_t indexed_ = 0;
};

class Scanner {
public:
    Scanner(std::string_view text, int cap) : text_(text), cap_(cap) {}

    ScannedJson run() {
        skip_space();
        if (value(out_.value, 0, false)) {
            skip_space();
            if (at_ != text_.size()) {
                static_cast<void>(broken());
            }
        }
        out_.fault_at = at_;
        return std::move(out_);
    }

private:
    bool broken() {
        if (out_.fault == JsonFault::none) {
            out_.fault = JsonFault::malformed;
        }
        return false;
    }

    void skip_space() noexcept {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    [[nodiscard]] char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool take(char c) noexcept {
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    bool value(Json& into, int depth, bool of_constructor) {
        switch (peek()) {
        case '{':
            return enter(depth) && object(into, depth + 1, of_constructor);
        case '[':
            return enter(depth) && array(into, depth + 1);
        case '"': {
            std::string text;
            if (!string(text)) {
                return false;
            }
            into = std::move(text);
            return true;
        }
        case 't':
            return word("true", into, Json(true));
        case 'f':
            return word("false", into, Json(false));
        case 'n':
            return word("null", into, Json(nullptr));
        default:
            return number(into);
        }
    }

    bool enter(int depth) {
        if (depth >= cap_) {
            out_.fault = JsonFault::too_deep;
            return false;
        }
        ++at_;
        skip_space();
        return true;
    }

    bool word(std::string_view spelling, Json& into, Json meaning) {
        if (!text_.substr(at_).starts_with(spelling)) {
            return broken();
        }
        at_ += spelling.size();
        into = std::move(meaning);
        return true;
    }

    bool string(std::string& into) {
        return read_json_string(text_, at_, into, out_.lone_surrogate) || broken();
    }

    bool array(Json& into, int depth) {
        into = Json::array();
        if (take(']')) {
            return true;
        }
        auto& items = into.get_ref<Json::array_t&>();
        while (true) {
            if (!value(items.emplace_back(nullptr), depth, false)) {
                return false;
            }
            skip_space();
            if (take(']')) {
                return true;
            }
            if (!take(',')) {
                return broken();
            }
            skip_space();
        }
    }

    bool object(Json& into, int depth, bool of_constructor) {
        into = Json::object();
        if (take('}')) {
            return true;
        }
        auto& members = into.get_ref<Members&>();
        members.reserve(4); // growing copies the keys; most chunks have two to four
        KeyIndex index;
        while (true) {
            if (!one_member(members, index, depth, of_constructor)) {
                return false;
            }
            skip_space();
            if (take('}')) {
                return true;
            }
            if (!take(',')) {
                return broken();
            }
            skip_space();
        }
    }

    bool one_member(Members& members, KeyIndex& index, int depth, bool of_constructor) {
        std::string key;
        if (peek() != '"' || !string(key)) {
            return broken();
        }
        Json* slot = index.find(members, key);
        if (slot != nullptr) {
            if (!out_.repeated_key) {
                out_.repeated_key = key;
            }
        }
        if (!out_.forbidden_key) {
            if (key == "__proto__") {
                out_.forbidden_key = key;
            } else if (of_constructor && key == "prototype") {
                out_.forbidden_key = "constructor.prototype";
            }
        }
        skip_space();
        if (!take(':')) {
            return broken();
        }
        skip_space();
        const bool constructor = key == "constructor";
        if (slot == nullptr) {
            members.emplace_back(std::move(key), nullptr);
            slot = &members.back().second;
        }
        return value(*slot, depth, constructor);
    }

    std::size_t digits() noexcept {
        const std::size_t start = at_;
        while (peek() >= '0' && peek() <= '9') {
            ++at_;
        }
        return at_ - start;
    }

    bool number(Json& into) {
        const std::size_t start = at_;
        bool whole = true;
        const bool negative = take('-');
        if (!take('0') && digits() == 0) {
            return broken();
        }
        if (take('.')) {
            whole = false;
            if (digits() == 0) {
                return broken();
            }
        }
        if (take('e') || take('E')) {
            whole = false;
            static_cast<void>(take('+') || take('-'));
            if (digits() == 0) {
                return broken();
            }
        }
        assign(into, text_.substr(start, at_ - start), whole, negative);
        return true;
    }

    static void assign(Json& into, std::string_view spelling, bool whole, bool negative) {
        const char* const first = spelling.data();
        const char* const last = first + spelling.size();
        if (whole && negative && spelling != "-0") {
            std::int64_t number = 0;
            if (std::from_chars(first, last, number).ec == std::errc{}) {
                into = number;
                return;
            }
        } else if (whole && !negative) {
            std::uint64_t number = 0;
            if (std::from_chars(first, last, number).ec == std::errc{}) {
                into = number;
                return;
            }
        }
        double number = 0;
        if (std::from_chars(first, last, number).ec != std::errc{}) {
            // Out of range: only strtod shows in which direction. The program never sets a locale.
            number = std::strtod(std::string(spelling).c_str(), nullptr);
        }
        into = number;
    }

    std::string_view text_;
    int cap_;
    std::size_t at_ = 0;
    ScannedJson out_{};
};

} // namespace

ScannedJson scan_json(std::string_view text, int depth_cap) {
    return Scanner(text, depth_cap).run();
}

} // namespace oa_stream::wire
