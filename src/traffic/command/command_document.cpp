#include "command_document.hpp"

#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::traffic {
namespace {

constexpr std::array<std::string_view, 11> k_members{
    "schema",
    "serving",
    "wanted",
    "settled",
    "etag",
    "exact",
    "exact_split",
    "not_ready",
    "urls",
    "streams",
    "extra",
};

Result<void> known_members(const Json& document) {
    for (const auto& [name, value] : document.items()) {
        if (contains(k_members, name)) {
            continue;
        }
        return fail(
            Code::protocol,
            fmt::format("unknown member '{}'", printable(name, 40)),
            {},
            did_you_mean(name, k_members)
        );
    }
    return {};
}

Result<bool> flag(const Json& document, std::string_view name, bool fallback) {
    const Json* value = member(document, name);
    if (value == nullptr) {
        return fallback;
    }
    if (!value->is_boolean()) {
        return fail(Code::protocol, fmt::format("{} is neither true nor false", name));
    }
    return value->get<bool>();
}

Result<std::string> text(const Json& document, std::string_view name) {
    const Json* value = member(document, name);
    if (value == nullptr || value->is_null()) {
        return std::string();
    }
    if (!value->is_string()) {
        return fail(Code::protocol, fmt::format("{} is not text", name));
    }
    auto out = value->get<std::string>();
    if (find_refused_control(out)) {
        return fail(Code::protocol, fmt::format("{} has control characters", name));
    }
    return out;
}

Result<Split> split(const Json& document, std::string_view name) {
    auto out = Split::from_json(*member(document, name));
    if (!out) {
        Error error = std::move(out).error().prefixed(name);
        error.hint = "for a split that is not in whole percents: \"serving\":null";
        return std::unexpected(std::move(error));
    }
    return out;
}

Result<std::vector<std::string>> not_ready(const Json& document) {
    std::vector<std::string> out;
    const Json* list = member(document, "not_ready");
    if (list == nullptr) {
        return out;
    }
    const auto is_name = [](const Json& name) {
        return name.is_string() && !find_refused_control(name.get<std::string>());
    };
    const bool names = list->is_array() && std::ranges::all_of(*list, is_name);
    if (!names) {
        return fail(Code::protocol, "not_ready is not a list of revisions");
    }
    for (const Json& name : *list) {
        out.push_back(name.get<std::string>());
    }
    return out;
}

Result<std::map<std::string, std::string, std::less<>>> urls(const Json& document) {
    std::map<std::string, std::string, std::less<>> out;
    const Json* list = member(document, "urls");
    if (list == nullptr) {
        return out;
    }
    const auto wrong =
        fail(Code::protocol, "urls is not an object of revision and http or https URL");
    if (!list->is_object()) {
        return wrong;
    }
    for (const auto& [revision, url] : list->items()) {
        auto base = http_url(url.is_string() ? url.get<std::string>() : std::string());
        if (!base) {
            return wrong;
        }
        out[revision] = *std::move(base);
    }
    return out;
}

Result<std::map<std::string, StreamCounts, std::less<>>> streams(const Json& document) {
    std::map<std::string, StreamCounts, std::less<>> out;
    const Json* list = member(document, "streams");
    if (list == nullptr) {
        return out;
    }
    if (!list->is_object()) {
        return fail(Code::protocol, "streams is not an object");
    }
    for (const auto& [revision, counts] : list->items()) {
        const auto count = [&](std::string_view name) {
            return count_in(counts, name).value_or(0);
        };
        out[revision] = {count("active"), count("finished"), count("broken")};
    }
    return out;
}

Result<TrafficState> state_of(const Json& document) {
    if (member(document, "serving") == nullptr) {
        return fail(Code::protocol, "serving is missing");
    }
    TrafficState out;
    const bool no_split = member(document, "serving")->is_null();
    if (!no_split) {
        OA_TRY(out.serving, split(document, "serving"));
    }
    out.wanted = out.serving;
    if (member(document, "wanted") != nullptr) {
        OA_TRY(out.wanted, split(document, "wanted"));
    }
    OA_TRY(out.settled, flag(document, "settled", true));
    OA_TRY(out.etag, text(document, "etag"));
    OA_TRY(out.streams, streams(document));
    if (const Json* exact = member(document, "exact")) {
        out.exact = *exact;
    }
    if (const Json* extra = member(document, "extra")) {
        if (!extra->is_object()) {
            return fail(Code::protocol, "extra is not an object");
        }
        out.extra = *extra;
    }
    if (no_split) {
        out.extra["no_split"] = printable(
            string_member(out.extra, "no_split").value_or("the read program calls it no split")
        );
    }
    return out;
}

} // namespace

Json command_request(
    std::string_view call, std::string_view endpoint, const std::vector<std::string>& revisions
) {
    return {
        {"schema", k_command_schema},
        {"call", call},
        {"endpoint", endpoint},
        {"revisions", revisions},
    };
}

std::string plain_target(const Json& request) {
    std::string out;
    const Json* target = member(request, "target");
    if (target == nullptr) {
        return out;
    }
    for (const auto& [revision, share] : target->items()) {
        if (revision.find_first_of(" =\t\r\n") != std::string::npos) {
            return {};
        }
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", revision, share.get<int>());
    }
    return out;
}

Result<CommandRead> parse_command_read(std::string_view printed) {
    OA_TRY(const Json document, parse_json_within(printed, {.unique_names = true}));
    if (!document.is_object()) {
        return fail(Code::protocol, "expected one JSON object");
    }
    OA_CHECK(known_members(document));
    OA_TRY(const std::string schema, text(document, "schema"));
    if (!schema.empty() && schema != k_command_schema) {
        return fail(Code::protocol, fmt::format("schema is '{}'", printable(schema, 60)));
    }
    CommandRead out;
    OA_TRY(out.state, state_of(document));
    OA_TRY(out.exact_split, flag(document, "exact_split", false));
    OA_TRY(out.not_ready, not_ready(document));
    OA_TRY(out.urls, urls(document));
    out.state.etag_of_setting = out.state.etag.empty();
    if (out.state.etag_of_setting) {
        const Json setting{{"wanted", out.state.wanted.to_json()}, {"exact", out.state.exact}};
        out.state.etag = "setting:" + dump_json(setting);
    }
    return out;
}

} // namespace oa_stream::traffic
