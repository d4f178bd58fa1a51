#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/run/run_loop.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/version.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace oa_stream::cli {

namespace {

std::unexpected<Error> no_release(std::string_view text) {
    return fail(
        Code::protocol,
        fmt::format("'{}' is not a release like 1.2.3", printable(text, 40)),
        {},
        "a document with the member version or tag_name"
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

/// "1.2.3", also as "v1.2.3". Code::protocol for anything else.
Result<std::array<std::uint64_t, 3>> parse_release(std::string_view text) {
    std::string_view rest = text.substr(text.starts_with('v') ? 1 : 0);
    std::array<std::uint64_t, 3> out{};
    for (std::size_t at = 0; at < out.size(); ++at) {
        const auto [end, error] =
            std::from_chars(rest.data(), rest.data() + rest.size(), out.at(at));
        if (error != std::errc{}) {
            return no_release(text);
        }
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const bool last = at + 1 == out.size();
        if (last ? !rest.empty() : !rest.starts_with('.')) {
            return no_release(text);
        }
        rest.remove_prefix(last ? 0 : 1);
    }
    return out;
}

/// The release that a JSON document names: `version`, or `tag_name` as GitHub's API says it.
Result<std::string> release_in(std::string_view document) {
    OA_TRY(const Json json, parse_json(document));
    for (const auto* name : {"version", "tag_name"}) {
        if (const auto text = string_member(json, name)) {
            OA_CHECK(parse_release(*text));
            return std::string(text->substr(text->starts_with('v') ? 1 : 0));
        }
    }
    return no_release("");
}

/// Asks for that document, once. Code::network, timeout or protocol when there is no such answer.
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
            "name a JSON document with the member version or tag_name"
        );
    }
    return release_in(answer->body);
}

struct Options {
    std::optional<std::string> check{};
};

Result<ExitCode> run(const Options& options, Context& context) {
    std::optional<std::string> newest;
    bool old = false;
    if (options.check) {
        OA_TRY(newest, newest_release(*options.check));
        OA_TRY(const auto theirs, parse_release(*newest));
        OA_TRY(const auto ours, parse_release(version()));
        old = ours < theirs;
    }
    if (context.json) {
        Json document = plain_answer();
        document["name"] = k_name;
        document["version"] = version();
        document["commit"] = commit().empty() ? Json(nullptr) : Json(commit());
        if (newest) {
            document["newest"] = *newest;
        }
        print_document("version", document, context);
    } else {
        const std::string of = commit().empty() ? "" : fmt::format(" (commit {})", commit());
        const std::string beside = !newest ? ""
                                   : old   ? fmt::format("; {} is newer", *newest)
                                           : fmt::format("; nothing newer than {}", *newest);
        context.out(fmt::format("{} {}{}{}\n", k_name, version(), of, beside));
    }
    return old ? ExitCode::has_changes : ExitCode::ok;
}

constexpr auto k_options = options<Options>(
    parsed<read_base_url, &Options::check>(
        "--check",
        "URL",
        "Fetch this JSON document and compare its release with this binary. Exit 10: it is newer."
    )
        .typed()
);

} // namespace

const CommandSpec version_command = command<run>({
    .path = "version",
    .summary = "Print the version of this binary.",
    .options = k_options,
    .examples =
        {
            "oa-stream version",
            "oa-stream version --check https://example.org/oa-stream/latest.json",
        },
    .about = R"(Prints name and version of this binary, and the commit that a release was made of.

No command looks for updates unless you ask: only `--check` requests the document that you name, once. The
document is JSON with the member `version`, or `tag_name` as in GitHub's API for the latest release of a
repository. Without an answer the exit code is 4, never 0.)",
    .also = "about",
});

std::string_view version() noexcept {
    return OA_VERSION;
}

std::string_view commit() noexcept {
    return OA_COMMIT;
}

} // namespace oa_stream::cli
