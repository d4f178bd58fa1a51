#include "serve_values.hpp"

#include "oa_stream/base/text.hpp"

#include "codex_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace oa_stream::cli {

Result<const authority::AuthorityKind*> read_kind(std::string_view name) {
    const auto* kind = authority::authority_kind(name);
    if (kind == nullptr) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a possible value", printable(name, 40)),
            {},
            fmt::format("{}", fmt::join(authority::authority_words(), " or "))
        );
    }
    return kind;
}

Result<std::string> read_origin(std::string_view text) {
    if (text == "*" || text == "null") {
        return std::string(text);
    }
    std::string out = to_lower(text);
    const std::size_t host = std::min(out.find("://"), out.size());
    if (out.ends_with('/')) {
        out.pop_back();
    }
    for (const auto& [scheme, port] : {std::pair{"https://", ":443"}, {"http://", ":80"}}) {
        if (out.starts_with(scheme) && out.ends_with(port)) {
            out.erase(out.rfind(':'));
        }
    }
    const std::string_view rest = std::string_view(out).substr(std::min(host + 3, out.size()));
    if (host == 0 || rest.empty() || rest.find_first_of("/?#@ *") != std::string_view::npos) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not the origin of a page", printable(text, 80)),
            {},
            "like https://app.example.org, without a path"
        );
    }
    return out;
}

Result<void> add_proxies(std::span<const std::string> networks, ServeOptions& options) {
    for (const std::string& network : networks) {
        OA_CHECK(options.lane.proxies.add(network));
    }
    return {};
}

Result<void> add_faults(std::span<const std::string> faults, ServeOptions& options) {
    for (const std::string& fault : faults) {
        options.faults_given = true;
        OA_CHECK(authority::add_fault(options.authority.replay.faults, fault));
    }
    return {};
}

/// K=URL
Result<authority::CodexServer> read_codex_server(std::string_view text) {
    const auto equals = std::min(text.find('='), text.size());
    const auto number = parse_count(text.substr(0, equals), 0, 99);
    if (!number || equals == text.size()) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a number and an address", printable(text, 80)),
            {},
            "for example 0=ws://127.0.0.1:4500"
        );
    }
    return authority::CodexServer{
        .number = static_cast<std::size_t>(*number), .url = std::string(text.substr(equals + 1))
    };
}

Result<void> set_limits(std::span<const std::string> limits, ServeOptions& options) {
    for (const std::string& limit : limits) {
        OA_CHECK(set_limit(options, limit));
    }
    return {};
}

} // namespace oa_stream::cli
