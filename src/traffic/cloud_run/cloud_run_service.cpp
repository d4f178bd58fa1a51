#include "cloud_run_service.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace oa_stream::traffic::cloud_run {
namespace {

constexpr std::string_view k_revision_kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
constexpr std::string_view k_latest_kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
constexpr std::array<std::string_view, 5> k_known{"type", "revision", "percent", "tag", "uri"};

Result<Entry> parse_entry(const Json& json, std::string_view list) {
    Entry out;
    const auto kind = string_member(json, "type").value_or("");
    out.latest = kind == k_latest_kind;
    out.revision = short_name(string_member(json, "revision").value_or(""));
    const bool by_name = (kind == k_revision_kind || kind.empty()) && !out.revision.empty();
    const Json* percent = member(json, "percent");
    const auto share = percent == nullptr ? 0 : int_member(json, "percent").value_or(-1);
    if (!(out.latest || by_name) || share < 0 || share > 100) {
        return fail(
            Code::protocol,
            fmt::format("an entry of {} makes no sense: {}", list, printable(dump_json(json)))
        );
    }
    out.percent = static_cast<int>(share);
    out.tag = text_in(json, "tag");
    out.uri = text_in(json, "uri");
    out.raw = json;
    return out;
}

const std::string& serves(const Entry& entry, const std::string& latest_ready) {
    return entry.latest && entry.revision.empty() ? latest_ready : entry.revision;
}

/// The entry that gets a revision's share: one that has a share, otherwise one without a tag.
Entry& carrier(Entries& entries, std::string_view revision, const Entries& before) {
    std::size_t best = entries.size();
    int best_rank = -1;
    for (std::size_t i = 0; i < before.size(); ++i) {
        const Entry& entry = before[i];
        if (entry.latest || entry.revision != revision) {
            continue;
        }
        const int rank = entry.percent > 0 ? 2 : entry.tag.empty() ? 1 : 0;
        if (rank > best_rank) {
            best = i;
            best_rank = rank;
        }
    }
    if (best == entries.size()) {
        Entry made;
        made.revision = std::string(revision);
        made.raw["type"] = k_revision_kind;
        return entries.emplace_back(std::move(made));
    }
    return entries[best];
}

} // namespace

std::string short_name(std::string_view name) {
    const auto slash = name.rfind('/');
    return std::string(slash == std::string_view::npos ? name : name.substr(slash + 1));
}

Result<std::int64_t> int64_of(const Json& object, std::string_view key) {
    if (member(object, key) == nullptr) {
        return 0;
    }
    if (const auto number = int_member(object, key)) {
        return *number;
    }
    const auto number = number_of<std::int64_t>(string_member(object, key).value_or(""));
    return number ? Result<std::int64_t>(*number)
                  : fail(Code::protocol, fmt::format("{} is not an integer", key));
}

std::string_view condition_of(const Json& object, std::string_view type) {
    for (const Json& one : list_in(object, "conditions")) {
        if (string_member(one, "type") == type) {
            return text_view_in(one, "state");
        }
    }
    return {};
}

bool Service::at_rest() const {
    // The platform abandons a failed change and leaves observedGeneration behind.
    return !reconciling &&
           (condition == "CONDITION_FAILED" || (observed == generation && succeeded()));
}

Result<Entries> parse_entries(const Json* list, std::string_view name) {
    Entries out;
    if (list == nullptr) {
        return out;
    }
    if (!list->is_array()) {
        return fail(Code::protocol, fmt::format("{} is not a list", name));
    }
    for (const Json& one : *list) {
        OA_TRY(Entry entry, parse_entry(one, name));
        out.push_back(std::move(entry));
    }
    return out;
}

Split split_of(const Entries& entries, const std::string& latest_ready) {
    std::map<std::string, int, std::less<>> percent;
    for (const Entry& entry : entries) {
        const std::string& revision = serves(entry, latest_ready);
        if (revision.empty() && entry.percent > 0) {
            return {};
        }
        if (!revision.empty()) {
            percent[revision] += entry.percent;
        }
    }
    return Split::of(std::move(percent)).value_or(Split{});
}

Json to_json(const Entries& entries) {
    Json out = Json::array();
    for (const Entry& entry : entries) {
        Json one = Json::object();
        if (const Json* kind = member(entry.raw, "type")) {
            one["type"] = *kind;
        }
        if (!entry.revision.empty()) {
            one["revision"] = entry.revision;
        }
        if (entry.percent != 0) {
            one["percent"] = entry.percent;
        }
        if (!entry.tag.empty()) {
            one["tag"] = entry.tag;
        }
        for (const auto& [key, value] : entry.raw.items()) {
            if (!contains(k_known, key)) {
                one[key] = value;
            }
        }
        out.push_back(std::move(one));
    }
    return out;
}

Entries with_split(Entries entries, const Split& split) {
    const Entries before = entries;
    for (Entry& entry : entries) {
        entry.percent = 0;
    }
    for (const auto& [revision, percent] : split.all()) {
        if (percent > 0) {
            carrier(entries, revision, before).percent = percent;
        }
    }
    return entries;
}

namespace {

bool same_place(const Entry& a, const Entry& b) {
    return a.latest == b.latest && a.revision == b.revision;
}

/// The entry of `live` in the place of `was`, preferably the one with its tag.
Entry& place_of(Entries& live, const Entry& was) {
    for (const bool exactly : {true, false}) {
        for (Entry& entry : live) {
            if (same_place(entry, was) && (!exactly || entry.tag == was.tag)) {
                return entry;
            }
        }
    }
    Entry made = was;
    made.percent = 0;
    made.tag.clear(); // an operator removed or moved the tag on purpose
    return live.emplace_back(std::move(made));
}

/// The shares of the entries: {latest, revision} → percent.
std::map<std::pair<bool, std::string>, int> shares_of(const Entries& entries) {
    std::map<std::pair<bool, std::string>, int> out;
    for (const Entry& entry : entries) {
        if (entry.percent > 0) {
            out[{entry.latest, entry.revision}] += entry.percent;
        }
    }
    return out;
}

} // namespace

Result<Entries>
restored(const Json& exact, Entries live, const Split& target, const std::string& latest_ready) {
    const auto kept = parse_entries(member(exact, "traffic"), "exact.traffic");
    if (!kept || kept->empty()) {
        return fail(Code::usage, "this is not a traffic setting of Cloud Run");
    }
    if (split_of(*kept, latest_ready) == target) {
        for (Entry& entry : live) {
            entry.percent = 0;
        }
        for (const Entry& was : *kept) {
            if (was.percent > 0) {
                place_of(live, was).percent += was.percent;
            }
        }
    } else {
        live = with_split(std::move(live), target);
    }
    // Entries that a shift added only for their share.
    std::erase_if(live, [&](const Entry& entry) {
        return entry.percent == 0 && entry.tag.empty() &&
               std::ranges::none_of(*kept, [&](const Entry& was) {
                   return was.tag.empty() && same_place(was, entry);
               });
    });
    return live;
}

bool same_shares(const Json& a, const Json& b) {
    const auto first = parse_entries(member(a, "traffic"), "traffic");
    const auto second = parse_entries(member(b, "traffic"), "traffic");
    return first && second ? shares_of(*first) == shares_of(*second) : a == b;
}

Result<Service> parse_service(const Json& json) {
    Service out;
    if (!string_member(json, "name")) {
        return fail(Code::protocol, "this is not a service: it has no name");
    }
    if (const auto gone = string_member(json, "deleteTime")) {
        return fail(Code::precondition, "the service is being deleted");
    }
    out.etag = text_in(json, "etag");
    OA_TRY(out.generation, int64_of(json, "generation"));
    OA_TRY(out.observed, int64_of(json, "observedGeneration"));
    out.reconciling = bool_member(json, "reconciling").value_or(false);
    const Json& condition = object_in(json, "terminalCondition");
    out.condition = text_in(condition, "state");
    out.trouble = printable(text_in(condition, "message"), 300);
    out.latest_ready = short_name(text_in(json, "latestReadyRevision"));
    out.latest_created = short_name(text_in(json, "latestCreatedRevision"));
    OA_TRY(out.traffic, parse_entries(member(json, "traffic"), "traffic"));
    if (out.traffic.empty()) { // the default, made explicit
        Entry latest;
        latest.latest = true;
        latest.percent = 100;
        latest.raw["type"] = k_latest_kind;
        out.traffic.push_back(std::move(latest));
    }
    OA_TRY(out.statuses, parse_entries(member(json, "trafficStatuses"), "trafficStatuses"));
    out.wanted = split_of(out.traffic, out.latest_ready);
    if (out.wanted.empty()) {
        return fail(Code::protocol, "the service's traffic does not sum to 100%");
    }
    out.serving = split_of(out.statuses, out.latest_ready);
    return out;
}

} // namespace oa_stream::traffic::cloud_run
