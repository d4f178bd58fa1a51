// Checks Codex servers the way a lane connects to them.
#include "oa_stream/authority/codex_facts.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"

#include "core/run_screen.hpp"
#include "doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace oa_stream::cli {

namespace {

using authority::CodexServer;
using authority::CodexServerFacts;

/// The fix for a server that a lane cannot use.
std::string fix_of(const Error& error, const CodexServer& server) {
    if (error.code == Code::credentials) {
        return server.token.empty()
                   ? fmt::format("name the token of the Codex servers by {}", names::codex_token)
                   : fmt::format("put the token of server {} into {}", server.number, server.token);
    }
    if (error.code == Code::timeout) {
        return fmt::format("restart server {}", server.number);
    }
    return fmt::format(
        "start server {}, or correct its address in {}", server.number, names::codex_server
    );
}

Check server(const CodexServerFacts& facts) {
    std::string id = fmt::format("codex.server-{}", facts.server.number);
    // The URL may contain a token.
    const std::string where = printable(Redactor().apply(facts.server.url));
    if (!facts.version) {
        const Error& error = facts.version.error();
        return finding(
            std::move(id),
            Verdict::fail,
            fmt::format("{}: {}", where, error.message),
            fix_of(error, facts.server)
        );
    }
    const std::string codex = fmt::format(
        "{}: Codex {} answers",
        where,
        facts.version->empty() ? "of no known version" : printable(*facts.version, 40)
    );
    return facts.tested ? finding(std::move(id), Verdict::pass, codex, {})
                        : finding(
                              std::move(id),
                              Verdict::inconclusive,
                              codex + "; lanes were not tested with it",
                              fmt::format("on its machine: {}", k_codex_install)
                          );
}

/// Lanes send turns to any of the servers, so all must have the same version. Empty when fewer than
/// two answered.
std::vector<Check> versions(const std::vector<CodexServerFacts>& all) {
    std::set<std::string> seen;
    std::vector<std::string> each;
    for (const CodexServerFacts& facts : all) {
        if (facts.version) {
            seen.insert(printable(*facts.version, 40));
            each.push_back(
                fmt::format("{} on server {}", printable(*facts.version, 40), facts.server.number)
            );
        }
    }
    if (each.size() < 2) {
        return {};
    }
    const bool mixed = seen.size() > 1;
    return {finding(
        "codex.versions",
        mixed ? Verdict::inconclusive : Verdict::pass,
        mixed ? fmt::format("{}", fmt::join(each, ", ")) : "all run Codex " + *seen.begin(),
        mixed ? "finish the update: all servers need the same Codex" : ""
    )};
}

} // namespace

Result<std::vector<Check>>
judge_codex_servers(const std::vector<CodexServer>& servers, Context& context) {
    Screen screen(context);
    OA_TRY(
        const auto all,
        look_to_end<std::vector<CodexServerFacts>>(
            [&](const asio::any_io_executor& executor) {
                return authority::look_at_codex_servers(executor, servers);
            },
            screen
        )
    );
    auto out = mapped(all, server);
    std::ranges::move(versions(all), std::back_inserter(out));
    return out;
}

} // namespace oa_stream::cli
