// The traffic part of the Service document of Cloud Run's Admin API v2. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/traffic/split.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic::cloud_run {

/// One entry of `traffic` or `trafficStatuses`. The API replaces `traffic` as a whole, so unknown
/// members of an entry are kept and sent back.
struct Entry {
    bool latest = false;  ///< follows the latest ready revision
    std::string revision; ///< short name; empty for most `latest` entries
    int percent = 0;
    std::string tag;
    std::string uri; ///< only in statuses: the tag's address
    Json raw = Json::object();
};
using Entries = std::vector<Entry>;

struct Service {
    std::string etag; ///< including its quotes
    std::int64_t generation = 0;
    std::int64_t observed = 0;
    bool reconciling = false;
    std::string condition; ///< state of terminalCondition
    std::string trouble;   ///< its message
    std::string latest_ready;
    std::string latest_created;
    Entries traffic; ///< the requested entries; never empty
    Entries statuses; ///< the serving entries; may be empty, or sum to less than 100 %
    Split wanted;
    Split serving; ///< empty when the statuses do not sum to 100 %

    [[nodiscard]] bool succeeded() const { return condition == "CONDITION_SUCCEEDED"; }
    /// No change is under way, possibly because the last one failed.
    [[nodiscard]] bool at_rest() const;
};

/// Code::protocol when it is not a service or its `traffic` is invalid.
[[nodiscard]] Result<Service> parse_service(const Json& json);

/// Code::protocol for an entry of an unknown kind.
[[nodiscard]] Result<Entries> parse_entries(const Json* list, std::string_view name);

/// Empty when they do not sum to 100 %.
[[nodiscard]] Split split_of(const Entries& entries, const std::string& latest_ready);

/// In the API's own form, with members in a fixed order and defaults omitted, so that equal
/// settings are equal.
[[nodiscard]] Json to_json(const Entries& entries);

/// The same entries with other shares: tags, 0 % entries and `latest` entries stay in place. Shares
/// go to entries that name a revision, so that a deployment in between moves nothing.
[[nodiscard]] Entries with_split(Entries entries, const Split& split);

/// `live` with the shares of `exact`, an earlier setting; if its `latest` entry now means another
/// revision, with `target` pinned. Tags and entries that others added, moved or removed since stay
/// as they are; entries without share and tag that `exact` did not have are removed.
[[nodiscard]] Result<Entries>
restored(const Json& exact, Entries live, const Split& target, const std::string& latest_ready);
/// Whether two settings give every revision, and `latest`, the same share. Tags do not count.
[[nodiscard]] bool same_shares(const Json& a, const Json& b);

/// The part after the last slash.
[[nodiscard]] std::string short_name(std::string_view name);
/// int64 of proto3 JSON is a string; absent is 0.
[[nodiscard]] Result<std::int64_t> int64_of(const Json& object, std::string_view key);
/// The state of the condition `type` in `conditions`; empty when it is missing.
[[nodiscard]] std::string_view condition_of(const Json& object, std::string_view type);

} // namespace oa_stream::traffic::cloud_run
