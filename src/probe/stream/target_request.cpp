#include "target_request.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/secret_header.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/probe/given_headers.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace oa_stream::probe {
namespace {

Json message(std::string_view role, Json content) {
    return Json{{"role", role}, {"content", std::move(content)}};
}

/// The parts of a text.
Json parts_of(std::string_view text) {
    return Json::array({Json{{"type", "text"}, {"text", text}}});
}

Result<void> add_line(GivenHeaders& out, std::string_view header) {
    const std::size_t colon = header.find(':');
    const std::string name(trim(header.substr(0, colon)));
    if (colon == std::string_view::npos || name.empty() ||
        name.find_first_of(" \t\r\n\"(),/;<=>?@[]{}") != std::string::npos) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a header", printable(header.substr(0, colon), 40)),
            {},
            "like 'X-Team: chat', or 'X-Api-Key: env:API_KEY' for a secret"
        );
    }
    std::string value(trim(header.substr(colon + 1)));
    if (net::is_token_reference(value)) {
        OA_TRY(const Secret secret, net::read_token(value));
        value = secret.reveal();
        out.hidden.push_back(secret);
    } else if (net::is_secret_header(name)) { // typed as it is: at least no evidence holds it
        out.hidden.emplace_back(value.substr(value.find(' ') + 1)); // of "Bearer …", too
    }
    if (to_lower(name).ends_with("cookie")) { // an answer may quote one of them
        for (const std::string_view cookie : pieces_of(value, ';')) {
            std::string_view secret = trim(cookie.substr(cookie.find('=') + 1));
            if (secret.size() > 1 && secret.front() == '"' && secret.back() == '"') {
                secret = secret.substr(1, secret.size() - 2); // JSON has quotes of its own there
            }
            out.hidden.emplace_back(std::string(secret));
        }
    }
    if (value.find_first_of("\r\n") != std::string::npos) {
        return fail(Code::usage, fmt::format("the header {} is not one line", name));
    }
    out.values.set(name, std::move(value));
    return {};
}

} // namespace

net::ClientRequest plain_request(const Target& target, std::string_view path) {
    net::ClientRequest request;
    request.url = target.base_url + std::string(path);
    const bool ours = target.renewed && target.bearer.equals(target.renewed->first.reveal());
    request.bearer = ours ? target.renewed->now : target.bearer;
    request.connect_to = target.connect_to;
    request.headers = target.extra;
    request.ca_file = target.ca_file;
    return request;
}

Task<net::ClientResponse> ask_version(net::HttpClient* client, Target target) {
    constexpr Millis k_patience{5000};
    net::ClientRequest request = plain_request(target, "/version");
    request.connect_timeout = k_patience;
    request.first_byte_timeout = k_patience;
    request.total_timeout = k_patience;
    request.max_body = 64U << 10U;
    co_return co_await client->fetch(std::move(request));
}

Result<GivenHeaders> read_headers(std::span<const std::string> lines) {
    GivenHeaders out;
    for (const std::string& line : lines) {
        OA_CHECK(add_line(out, line));
    }
    return out;
}

Result<void> add_header(Target& target, std::string_view header) {
    GivenHeaders read;
    OA_CHECK(add_line(read, header));
    for (const auto& [name, value] : read.values.all()) {
        target.extra.set(name, value);
    }
    std::ranges::move(read.hidden, std::back_inserter(target.hidden));
    return {};
}

void hide_secrets(Redactor& redactor, const Target& target) {
    redactor.add_known(target.bearer, "of the target");
    for (const Secret& secret : target.hidden) {
        redactor.add_known(secret, "of a header");
    }
}

net::ClientRequest target_request(
    const Target& target, std::string_view method, std::string_view path, const ProbeLimits& limits
) {
    net::ClientRequest request = plain_request(target, path);
    request.method = method;
    request.headers.set("user-agent", "oa-stream-probe");
    request.headers.set("x-client", "oa-stream-probe");
    if (!target.probe.empty()) {
        request.headers.set(std::string(telemetry::k_probe_header), target.probe);
    }
    if (target.compat) {
        target.compat->add_to(request.headers);
    }
    request.connect_timeout = limits.connect;
    request.first_byte_timeout = limits.first_byte;
    request.idle_timeout = limits.stall;
    request.total_timeout = limits.total;
    return request;
}

std::string chat_body(std::string_view thread, std::string_view text) {
    return dump_json(Json{{"id", thread}, {"messages", Json::array({message("user", text)})}});
}

std::string content_parts_body(std::string_view text) {
    return dump_json(Json{{"messages", Json::array({message("user", parts_of(text))})}});
}

std::string ai_sdk_body(std::string_view thread, std::string_view text) {
    const Json message{{"parts", parts_of(text)}, {"id", random_hex(8)}, {"role", "user"}};
    return dump_json(
        Json{{"id", thread}, {"messages", Json::array({message})}, {"trigger", "submit-message"}}
    );
}

std::string assistant_only_body(std::string_view thread) {
    return dump_json(Json{
        {"id", thread},
        {"messages", Json::array({message("assistant", "An earlier answer.")})},
    });
}

std::string fresh_thread(std::string_view prefix) {
    return std::string(prefix) + "_" + random_hex(8);
}

} // namespace oa_stream::probe
