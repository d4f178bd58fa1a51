#include "front_mirror.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/probe/given_answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace oa_stream::cli {
namespace {

constexpr std::string_view k_form = "like next=http://next.internal@10% or …@10%,dry";

std::unexpected<Error> no_mirror(std::string_view why) {
    return fail(Code::usage, std::string(why), {}, std::string(k_form));
}

bool is_name(std::string_view text) {
    return text.size() <= 64 && is_plain_word(text, "-_.");
}

Result<void> add_word(MirrorGiven& given, std::string_view word) {
    if (word == "dry") {
        given.options.dry = true;
    } else if (word == "tokens") {
        given.options.tokens = true;
    } else if (const auto compare = probe::parse_compare(word)) {
        given.compare = *compare;
    } else {
        return no_mirror(
            fmt::format("'{}' is none of the words dry, tokens, text, structure", printable(word))
        );
    }
    return {};
}

/// A lane that plays recordings has no side effects; another lane must report `dry`.
bool says_dry(const Json& version) {
    return bool_member(version, "dry").value_or(false) || authority::plays_recordings(version);
}

std::vector<std::string> compare_pair(const traffic::MirrorPair& pair, probe::Compare compare) {
    const auto given = [](const traffic::MirrorAnswer& answer) {
        return probe::GivenAnswer{answer.status, &answer.headers, answer.body, answer.cut};
    };
    return probe::differences_of_given(given(pair.mirror), given(pair.user), compare);
}

} // namespace

Result<MirrorGiven> read_mirror(std::string_view text) {
    const auto equals = text.find('=');
    const auto at = text.rfind('@');
    if (equals == std::string_view::npos || at == std::string_view::npos || at < equals) {
        return no_mirror(fmt::format("'{}' is not NAME=URL@SHARE", printable(text)));
    }
    MirrorGiven out;
    out.options.name = text.substr(0, equals);
    if (!is_name(out.options.name)) {
        return no_mirror("a mirror's name has letters, digits and . - _");
    }
    OA_TRY(out.options.url, http_url(text.substr(equals + 1, at - equals - 1)));
    const auto words = pieces_of(text.substr(at + 1), ',');
    const std::string_view percent = words.front();
    const auto share = config::read_percent(percent);
    if (!share || *share <= 0 || *share > 1) {
        return no_mirror(
            fmt::format("'{}' is not a share above 0% and up to 100%", printable(percent))
        );
    }
    out.options.share =
        std::max(1U, static_cast<std::uint32_t>(std::lround(*share * traffic::k_whole_share)));
    for (const std::string_view word : std::span(words).subspan(1)) {
        OA_CHECK(add_word(out, word));
    }
    return out;
}

Result<traffic::MirrorOptions> complete_mirror(MirrorGiven given) {
    traffic::MirrorOptions out = std::move(given.options);
    if (!out.bearer.empty() && out.tokens) {
        return fail(
            Code::usage,
            "the mirror gets a token of its own, or those of the users (the word tokens), not both",
            {},
            "leave out one of them"
        );
    }
    if (!out.bearer.empty()) {
        OA_TRY(out.first_bearer, prefixed(net::read_token(out.bearer), "the mirror's token"));
    }
    out.says_dry = says_dry;
    out.compare = [compare = given.compare](const traffic::MirrorPair& pair) {
        return compare_pair(pair, compare);
    };
    return out;
}

} // namespace oa_stream::cli
