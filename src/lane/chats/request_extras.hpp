// What clients send beside the messages: the model, an effort, a system prompt and much else. What
// is honoured goes into the request, the rest is named.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/lane/config.hpp"

#include "gates/rejection.hpp"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// Names of members that have no effect, each of A-Z a-z 0-9 . _ [ ] - and once: as many as a
/// header can hold, and the number of those beyond.
class IgnoredNames {
public:
    void add(std::string_view name);
    /// In front of the others: what the newest message loses is named in any case.
    void add_first(const std::vector<std::string>& names);
    [[nodiscard]] bool empty() const { return names_.empty(); }
    /// At most 32 names, then "and-18-more".
    [[nodiscard]] std::vector<std::string> listed() const;

private:
    void insert(std::size_t at, std::string_view name);

    std::vector<std::string> names_{}; ///< those that are told
    std::set<std::string> seen_{};
};

struct RequestExtras {
    std::string model{};  ///< empty: none was asked for
    std::string effort{}; ///< likewise
    std::string system{}; ///< likewise
    std::vector<authority::ClientTool> tools{}; ///< the page's own functions
    IgnoredNames ignored{};
    std::string model_at{};  ///< the member that asked for it
    std::string effort_at{}; ///< likewise
    std::string system_at{}; ///< likewise; the first
};

struct ExtrasContext {
    LaneAllowed allowed{};
    std::span<const LaneModel> models{}; ///< those that may be asked for
    std::span<const authority::ModelInfo> known{}; ///< what the authority says of them
    std::string_view model{}; ///< the one that is asked without a choice
    bool strict = false;                 ///< nothing may be ignored
};

/// Null, false, blank or empty: whatever it is a member for, nothing is asked by it.
[[nodiscard]] bool is_blank_member(const Json* value);

/// Members of a body that read_extras() looks into.
[[nodiscard]] std::span<const std::string_view> extras_names() noexcept;
/// Down to here members are named that have no effect (JsonBounds::named_levels): the body, its
/// messages, a message.
inline constexpr std::size_t k_named_levels = 3;

/// x-oa-ignored, unless there is nothing to name.
void note_ignored(net::Headers& headers, const IgnoredNames& names);

/// 422 unsupported_field for what a request asks for and would be ignored.
[[nodiscard]] Rejection reject_ignored(const IgnoredNames& names);

/// 422 for a model that is not offered, an effort it does not take, a wrong type and, when strict,
/// unsupported_field.
/// `unused`: names that are ignored in any case.
[[nodiscard]] Accepted<RequestExtras> read_extras(
    const Json& body, const ExtrasContext& context, const std::vector<std::string>& unused = {}
);
/// What had no effect is known only later: it is named, or the request refused.
[[nodiscard]] Accepted<void>
ignore_more(RequestExtras& extras, bool strict, const std::vector<std::string>& names);
/// The same for the newest message: its losses are named before others.
[[nodiscard]] Accepted<void>
ignore_first(RequestExtras& extras, bool strict, const std::vector<std::string>& names);

} // namespace oa_stream::lane
