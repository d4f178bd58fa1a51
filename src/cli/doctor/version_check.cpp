#include "version_check.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/run/run_loop.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_document = "name a JSON document with the member version or tag_name";

std::unexpected<Error> no_release(std::string_view text) {
    return fail(
        Code::protocol,
        fmt::format("'{}' is not a release like 1.2.3", printable(text, 40)),
        {},
        std::string(k_document)
    );
}

Task<net::ClientResponse> ask(net::HttpClient* client, std::string url) {
    net::ClientRequest request;
    request.url = std::move(url);
    request.headers.set("user-agent", "oa-stream");
    request.headers.set("accept", "application/json");
    request.total_timeout = Millis(10'000);
    request.max_body = 1U << 20U;
    co_return co_await client->fetch(std::move(request));
}

} // namespace

Result<std::array<std::uint64_t, 3>> parse_release(std::string_view text) {
    std::array<std::uint64_t, 3> out{};
    const auto pieces = pieces_of(text.substr(text.starts_with('v') ? 1 : 0), '.');
    if (pieces.size() != out.size()) {
        return no_release(text);
    }
    for (std::size_t at = 0; at < out.size(); ++at) {
        const auto number = number_of<std::uint64_t>(pieces[at]);
        if (!number) {
            return no_release(text);
        }
        out.at(at) = *number;
    }
    return out;
}

Result<std::string> release_in(std::string_view document) {
    OA_TRY(const Json json, parse_json(document));
    for (const auto* name : {"version", "tag_name"}) {
        if (const auto text = string_member(json, name)) {
            OA_CHECK(parse_release(*text));
            return std::string(text->substr(text->starts_with('v') ? 1 : 0));
        }
    }
    return fail(Code::protocol, "names no release", {}, std::string(k_document));
}

Result<std::string> newest_release(const std::string& url) {
    run::RunLoop loop;
    const auto client = net::HttpClient::make(loop.executor());
    const auto answer = loop.run(ask(client.get(), url));
    if (!answer || answer->failure != net::TransferFailure::none) {
        return fail(
            Code::network,
            answer ? fmt::format("{}: {}", to_string(answer->failure), answer->failure_text)
                   : "interrupted",
            printable(url),
            "this release is not known to be old or new; version without --check sends no request"
        );
    }
    if (answer->status != 200) {
        return fail(
            Code::protocol,
            fmt::format("HTTP {}", answer->status),
            printable(url),
            std::string(k_document)
        );
    }
    auto release = release_in(answer->body);
    if (!release) {
        release.error().where = printable(url);
        release.error().hint = k_document;
    }
    return release;
}

} // namespace oa_stream::cli
