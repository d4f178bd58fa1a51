// What clients send beside the messages: a model, an effort, a system prompt and much else.
// Honoured members become part of the request; the others are reported as ignored.
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

/// Names of members without effect, each listed once, in the characters A-Z a-z 0-9 . _ [ ] -: as
/// many as fit into a header, and the number of the others.
class IgnoredNames {
public:
    void add(std::string_view name);
    /// Adds names in front of the others, so that losses of the newest message are always listed.
    void add_first(const std::vector<std::string>& names);
    [[nodiscard]] bool empty() const { return names_.empty(); }
    /// At most 32 names, then "and-18-more".
    [[nodiscard]] std::vector<std::string> listed() const;

private:
    void insert(std::size_t at, std::string_view name);

    std::vector<std::string> names_{}; ///< the names that are listed
    std::set<std::string> seen_{};
};

struct RequestExtras {
    std::string model{}; ///< empty: none was requested
    std::string effort{}; ///< likewise
    std::string system{}; ///< likewise
    std::vector<authority::ClientTool> tools{}; ///< the page's own functions
    IgnoredNames ignored{};
    std::string model_at{}; ///< the member that requested it
    std::string effort_at{}; ///< likewise
    std::string system_at{}; ///< likewise; the first
};

struct ExtrasContext {
    LaneAllowed allowed{};
    std::span<const LaneModel> models{}; ///< the models that may be requested
    std::span<const authority::ModelInfo> known{}; ///< what the authority reports of them
    std::string_view model{}; ///< used when the request names none
    bool strict = false; ///< refuse what would be ignored
};

/// Null, false, blank or empty: whatever it is a member for, nothing is asked by it.
[[nodiscard]] bool is_blank_member(const Json* value);

/// Members of a body that read_extras() reads.
[[nodiscard]] std::span<const std::string_view> extras_names() noexcept;
/// Depth to which members without effect are named (JsonBounds::named_levels): the body, its
/// messages, a message.
inline constexpr std::size_t k_named_levels = 3;

/// Sets x-oa-ignored, unless there is nothing to name.
void note_ignored(net::Headers& headers, const IgnoredNames& names);

/// 422 unsupported_field for requested features that would be ignored.
[[nodiscard]] Rejection reject_ignored(const IgnoredNames& names);

/// 422 for a model that is not offered, an effort that it does not support, a wrong type and, when
/// strict, unsupported_field. `unused`: names that are ignored in any case.
[[nodiscard]] Accepted<RequestExtras> read_extras(
    const Json& body, const ExtrasContext& context, const std::vector<std::string>& unused = {}
);
/// Adds names that turned out later to have no effect; refuses the request when strict.
[[nodiscard]] Accepted<void>
ignore_more(RequestExtras& extras, bool strict, const std::vector<std::string>& names);
/// The same for the newest message: its names are listed before the others.
[[nodiscard]] Accepted<void>
ignore_first(RequestExtras& extras, bool strict, const std::vector<std::string>& names);

} // namespace oa_stream::lane
