#include "chat_title.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <locale.h> // newlocale

#include <algorithm>
#include <clocale>
#include <cwchar>
#include <cwctype>

namespace oa_stream::lane {

namespace {

/// The C library's letters of every script, in this scope. Every glibc has this locale, whatever
/// the machine's language.
class EveryScript {
public:
    EveryScript() : before_(::uselocale(letters())) {}
    EveryScript(const EveryScript&) = delete;
    EveryScript& operator=(const EveryScript&) = delete;
    ~EveryScript() { ::uselocale(before_); }

private:
    static locale_t letters() {
        static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return made;
    }
    locale_t before_;
};

} // namespace

std::string folded(std::string_view text) {
    const EveryScript here;
    const std::string plain(text.substr(0, text.find('\0'))); // where C ends a text
    const char* from = plain.c_str();
    std::wstring wide(plain.size(), L' ');
    std::mbstate_t state{};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): with a state of its own it is
    const auto letters = std::mbsrtowcs(wide.data(), &from, wide.size(), &state);
    if (letters > wide.size()) {
        return to_lower(text); // no UTF-8
    }
    wide.resize(letters);
    std::ranges::transform(wide, wide.begin(), [](wchar_t c) {
        return static_cast<wchar_t>(std::towlower(static_cast<std::wint_t>(c)));
    });
    constexpr std::size_t k_widest = 4; // bytes of UTF-8
    std::string out(wide.size() * k_widest, ' ');
    const wchar_t* rest = wide.c_str();
    state = {};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): as above
    out.resize(std::min(out.size(), std::wcsrtombs(out.data(), &rest, out.size(), &state)));
    return out + std::string(text.substr(plain.size()));
}

Accepted<std::string> read_title(const Json& body) {
    const auto* value = given(body, "title");
    if (value == nullptr) {
        return std::string();
    }
    if (!value->is_string()) {
        return invalid_field("title", "title must be a string");
    }
    std::string title(trim_blanks(value->get_ref<const std::string&>()));
    if (code_points(title) > k_title_chars) {
        return invalid_field("title", "title has more than 200 characters");
    }
    return title;
}

} // namespace oa_stream::lane
