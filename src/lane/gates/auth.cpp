#include "oa_stream/lane/auth.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <set>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_digest_prefix = "sha256:";
constexpr std::string_view k_owner_prefix = "owner=";
constexpr std::string_view k_expires_prefix = "expires=";

Result<std::string> parse_digest(std::string_view hex) {
    std::string digest = to_lower(hex);
    if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
        return fail(Code::config, "a sha256 digest has 64 hexadecimal digits");
    }
    return digest;
}

Result<WallTime> parse_expiry(std::string_view text) {
    if (const auto time = parse_rfc3339(text)) {
        return *time;
    }
    return fail(
        Code::config,
        fmt::format("'{}' is not an RFC 3339 time", printable(text, 40)),
        {},
        "for example 2026-12-31T23:59:59Z"
    );
}

bool is_owner(std::string_view name) noexcept {
    return name.size() <= 64 && is_plain_word(name, "._@-");
}

std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> out;
    while (!(line = trim(line)).empty()) {
        const auto end = std::min(line.find_first_of(" \t"), line.size());
        out.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return out;
}

} // namespace

std::string_view to_string(Denied denied) noexcept {
    static constexpr std::array<std::string_view, 4> k_sentences{
        "a bearer token is required",
        "the authorization header is not a bearer token",
        "the bearer token is not valid",
        "the bearer token has expired"
    };
    return enum_word<Denied::expired>(k_sentences, denied);
}

Result<TokenTable::Entry> TokenTable::parse_line(std::string_view line) {
    Entry entry;
    bool digest = false;
    for (const auto word : words(line)) {
        if (word.starts_with(k_digest_prefix) && !digest) {
            OA_TRY(entry.digest, parse_digest(word.substr(k_digest_prefix.size())));
            digest = true;
        } else if (word.starts_with(k_owner_prefix) && entry.owner.empty()) {
            entry.owner = word.substr(k_owner_prefix.size());
            if (!is_owner(entry.owner)) {
                return fail(Code::config, "an owner is 1 to 64 characters of A-Z a-z 0-9 . _ @ -");
            }
        } else if (word.starts_with(k_expires_prefix) && !entry.expires) {
            OA_TRY(entry.expires, parse_expiry(word.substr(k_expires_prefix.size())));
        } else {
            // The unknown word may be a token in clear: the error must not repeat it.
            return fail(
                Code::config,
                "a word other than sha256:, owner=, expires=",
                {},
                "sha256:<64 hex> owner=<name> [expires=<rfc3339>]"
            );
        }
    }
    if (!digest || entry.owner.empty()) {
        return fail(Code::config, "a token needs sha256: and owner=");
    }
    return entry;
}

Result<TokenTable> TokenTable::parse(std::string_view text, std::string_view where) {
    TokenTable table;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto line = trim(cut_line(text));
        ++number;
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        OA_TRY(auto entry, located(parse_line(line), fmt::format("{}:{}", where, number)));
        table.entries_.push_back(std::move(entry));
    }
    return table;
}

void TokenTable::add(const Secret& token, std::string owner) {
    entries_.push_back({sha256_hex(token.reveal()), std::move(owner), std::nullopt});
}

std::size_t TokenTable::owners() const {
    std::set<std::string_view> names;
    for (const Entry& entry : entries_) {
        names.insert(entry.owner);
    }
    return names.size();
}

bool TokenTable::has_several_owners() const noexcept {
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
        return entry.owner != entries_.front().owner;
    });
}

std::expected<std::string, Denied>
TokenTable::check(std::optional<std::string_view> authorization, WallTime now) const {
    if (!authorization || trim(*authorization).empty()) {
        return std::unexpected(Denied::missing);
    }
    const auto parts = words(*authorization);
    if (parts.size() != 2 || !iequals(parts[0], "bearer")) {
        return std::unexpected(Denied::malformed);
    }
    const auto digest = sha256_hex(parts[1]);
    const Entry* found = nullptr;
    for (const auto& entry : entries_) {
        const bool same = CRYPTO_memcmp(digest.data(), entry.digest.data(), digest.size()) == 0;
        found = same ? &entry : found;
    }
    if (found == nullptr) {
        return std::unexpected(Denied::unknown);
    }
    if (found->expires && *found->expires <= now) {
        return std::unexpected(Denied::expired);
    }
    return found->owner;
}

} // namespace oa_stream::lane
