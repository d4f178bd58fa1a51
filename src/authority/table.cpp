#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/lists.hpp"

#include <algorithm>
#include <array>

namespace oa_stream::authority {

extern const AuthorityKind k_codex, k_replay, k_worker;

namespace {

constexpr std::array k_kinds{&k_codex, &k_replay, &k_worker};

} // namespace

const AuthorityKind* authority_kind(std::string_view name) noexcept {
    const auto* found =
        std::ranges::find(k_kinds, name, [](const auto* kind) { return kind->name; });
    return found == k_kinds.end() ? nullptr : *found;
}

std::span<const std::string_view> authority_words() {
    static const auto words = mapped(k_kinds, &AuthorityKind::name);
    return words;
}

std::string_view authority_name(const Json& version) {
    const Json* reported = member(version, "authority");
    if (reported == nullptr) {
        return {};
    }
    return reported->is_string() ? std::string_view(reported->get_ref<const std::string&>())
                                 : string_member(*reported, "name").value_or("");
}

bool plays_recordings(const Json& version) {
    const auto* kind = authority_kind(authority_name(version));
    return kind != nullptr && kind->plays;
}

} // namespace oa_stream::authority
