// Checks the options for Codex servers.
#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/option_names.hpp"

#include "service_url.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

namespace oa_stream::authority {

Result<void>
check_codex_servers(const CodexOptions& options, const std::vector<CodexServer>& servers) {
    std::set<std::size_t> numbers;
    std::map<std::string_view, std::size_t> addresses;
    for (const CodexServer& server : servers) {
        if (!server.url.starts_with("unix:/")) {
            OA_CHECK(check_service_url(
                server.url, "ws://", "wss://", names::codex_server, "unix:/PATH, "
            ));
        }
        if (!numbers.insert(server.number).second) {
            return fail(
                Code::usage,
                fmt::format("two servers have the number {}", server.number),
                names::codex_server,
                "a number stays with its server's threads"
            );
        }
        const auto [first, added] = addresses.emplace(server.url, server.number);
        if (!added) {
            return fail(
                Code::usage,
                fmt::format(
                    "servers {} and {} have the same address", first->second, server.number
                ),
                names::codex_server,
                "each conversation is on one server, under that server's number"
            );
        }
        if (!server.token.empty()) {
            OA_CHECK(check_token_reference(server.token, names::codex_token));
        }
    }
    if (runs_commands(options)) { // sandbox, folders and approvals cannot be proved on a server
        return fail(
            Code::usage,
            "a Codex server runs the chat profile only",
            names::codex_server,
            "leave out --codex-profile agent, or let the lane start Codex"
        );
    }
    return {};
}

} // namespace oa_stream::authority
