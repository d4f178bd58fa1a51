#include "resend_sieve.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <utility>

namespace oa_stream::lane {

namespace {

/// Shorter values stay: their bookkeeping would cost more than they do.
constexpr std::size_t k_file = 4096;

// Depths: the body's members, the list's messages, their members.
constexpr std::size_t k_body = 1;
constexpr std::size_t k_list = 2;
constexpr std::size_t k_message = 3;

constexpr bool is_blank_byte(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/// JSON writers escape '/', and some write '+' and '=' as \uXXXX. A file's value has no other
/// escapes.
bool has_file_escapes(std::string_view text) {
    constexpr std::array<std::string_view, 3> k_codes{"2b", "2f", "3d"};
    for (auto at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at + 2)) {
        const auto escape = text.substr(at + 1, 5);
        const bool code =
            escape.starts_with("u00") && contains(k_codes, to_lower(escape.substr(3)));
        if (!code && !escape.starts_with('/')) {
            return false;
        }
    }
    return true;
}

} // namespace

bool holds_left_out(const Json& value) {
    if (const auto* text = value.get_ptr<const std::string*>()) {
        return *text == k_left_out;
    }
    return value.is_structured() && std::ranges::any_of(value, holds_left_out);
}

void ResendSieve::filter(std::string_view piece, std::string& kept, std::size_t most) {
    const auto from = kept.size();
    kept.append(piece);
    most_ = most;
    read(kept, from);
    if (kept.size() > most) {
        thinned_ = true;
        leave_out(kept);
    }
}

void ResendSieve::finish(std::string& kept) {
    if (thinned_) {
        leave_out(kept);
    }
    if (kept.size() > most_ && newest_files_ == Newest::marked) {
        mark_newest(kept);
    }
}

void ResendSieve::read(std::string_view kept, std::size_t from) {
    for (auto at = from; at < kept.size(); ++at) {
        if (in_string_) {
            at = read_string(kept, at);
            continue;
        }
        const char c = kept[at];
        if (is_blank_byte(c)) {
            continue;
        }
        if (c == '"') {
            in_string_ = plain_ = true;
            string_ = at + 1;
            continue; // last_ still shows whether it is a name or a value
        }
        if (c == '{' || c == '[') {
            opened(c);
        } else if (c == '}' || c == ']') {
            closed();
        }
        last_ = c;
    }
}

/// Reads up to the end of the string or of the available bytes.
std::size_t ResendSieve::read_string(std::string_view kept, std::size_t at) {
    for (; at < kept.size(); ++at) {
        if (std::exchange(escaped_, false)) {
            continue;
        }
        const auto rest = kept.substr(at);
        at += plain_ ? unbroken_run(rest) : unescaped_run(rest);
        if (at == kept.size()) {
            break;
        }
        const char c = kept[at];
        if (c == '"') {
            in_string_ = false;
            string_ended(kept.substr(string_, at - string_), string_);
            last_ = c;
            return at;
        }
        escaped_ = c == '\\';
        plain_ = plain_ && c > ' ' && c < '\x7f';
    }
    return at;
}

void ResendSieve::string_ended(std::string_view text, std::size_t start) {
    if (last_ != ':') {
        if (depth_ == k_body || (listed_ && depth_ == k_message)) {
            name_ = text == "messages" ? Name::messages : text == "role" ? Name::role : Name::other;
        }
    } else if (listed_ && depth_ == k_message && name_ == Name::role) {
        by_ = text == "user" ? By::user : By::other;
    } else if (listed_ && depth_ >= k_message && plain_ && text.size() >= k_file &&
               has_file_escapes(text)) {
        files_.push_back({start, text.size()});
    }
}

void ResendSieve::opened(char what) {
    if (depth_ == k_body && what == '[' && last_ == ':' && name_ == Name::messages) {
        listed_ = true;
    } else if (listed_ && depth_ == k_list) {
        by_ = By::user; // without a role it is a user's message, as in the lane
        message_ = files_.size();
    }
    ++depth_;
}

void ResendSieve::closed() {
    depth_ -= depth_ == 0 ? 0 : 1;
    if (listed_ && depth_ == k_list && by_ == By::user) {
        old_ = message_;
        newest_ = files_.size();
    }
    listed_ = listed_ && depth_ > k_body;
}

void ResendSieve::leave_out(std::string& kept) {
    if (old_ == 0) {
        return;
    }
    const auto less = replace(kept, std::span(files_).first(old_), k_left_out);
    files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(old_));
    for (auto& file : files_) {
        file.start -= less;
    }
    string_ -= std::min(string_, less);
    message_ -= old_;
    newest_ -= old_;
    old_ = 0;
    if (kept.size() < kept.capacity() / 2) {
        kept.shrink_to_fit(); // frees the memory of what was left out
    }
}

void ResendSieve::mark_newest(std::string& kept) const {
    constexpr std::string_view k_scheme = "data:";
    std::vector<Span> files;
    std::ranges::copy_if(
        std::span(files_).first(newest_),
        std::back_inserter(files),
        [&](const Span& file) {
            return iequals(std::string_view(kept).substr(file.start, k_scheme.size()), k_scheme);
        }
    );
    std::ranges::sort(files, std::greater{}, &Span::size);
    auto over = kept.size() - most_;
    std::size_t count = 0;
    for (; count < files.size() && over > 0; ++count) {
        over -= std::min(over, files[count].size - k_file_too_large.size());
    }
    if (over == 0) { // otherwise the body is too large even without these files
        files.resize(count);
        std::ranges::sort(files, {}, &Span::start);
        replace(kept, files, k_file_too_large);
    }
}

/// Replaces the spans, which are in order, by `word`. Returns by how much the text became shorter.
std::size_t
ResendSieve::replace(std::string& kept, std::span<const Span> spans, std::string_view word) {
    const auto bytes = kept.begin();
    auto end = bytes + static_cast<std::ptrdiff_t>(spans.front().start);
    for (std::size_t i = 0; i < spans.size(); ++i) {
        const auto rest = spans[i].start + spans[i].size;
        const auto next = i + 1 < spans.size() ? spans[i + 1].start : kept.size();
        end = std::ranges::copy(word, end).out;
        end = std::move(
            bytes + static_cast<std::ptrdiff_t>(rest),
            bytes + static_cast<std::ptrdiff_t>(next),
            end
        );
    }
    const auto less = static_cast<std::size_t>(kept.end() - end);
    kept.erase(end, kept.end());
    return less;
}

} // namespace oa_stream::lane
