#include "oa_stream/authority/codex_facts.hpp"

#include "codex/codex_requests.hpp"
#include "socket_link.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr Millis k_patience{5'000}; ///< for the connection, then for the answer

/// Notifications and requests from the server are ignored here.
LinkHandlers deaf() {
    return {
        .notification = [](std::string_view, const Json&) {},
        .request = [](std::string_view, const Json&, const Json&) { return std::optional<Json>(); },
        .nonsense = [](std::string_view) {},
        .stderr_line = [](std::string_view) {},
        .lost = [](const Error&) {},
    };
}

Task<Result<std::string>> version_of(asio::any_io_executor executor, CodexServer server) {
    Secret token;
    if (!server.token.empty()) {
        OA_CO_TRY(token, read_secret(server.token));
    }
    const std::size_t most = CodexLimits{}.line_bytes;
    OA_CO_TRY(
        const auto link,
        co_await SocketLink::open(
            executor, {std::move(server), std::move(token), most, k_patience}, deaf()
        )
    );
    auto hello = co_await link->rpc().call("initialize", initialize_params(), k_patience);
    co_await CodexLink::close(link, k_patience);
    OA_CO_TRY(const Json greeting, settle(std::move(hello), "initialize"));
    co_return version_of_user_agent(string_member(greeting, "userAgent").value_or(""));
}

} // namespace

bool is_tested_codex(std::string_view version) noexcept {
    const auto begins = [&](std::string_view release) { return version.starts_with(release); };
    return std::ranges::any_of(k_tested_codex, begins);
}

Task<Result<std::vector<CodexServerFacts>>>
look_at_codex_servers(asio::any_io_executor executor, std::vector<CodexServer> servers) {
    OA_CO_CHECK(check_codex_servers({}, servers));
    std::vector<CodexServerFacts> out;
    for (CodexServer& server : servers) {
        auto version = co_await version_of(executor, server);
        const bool tested = version && is_tested_codex(*version);
        out.push_back({std::move(server), std::move(version), tested});
    }
    co_return out;
}

} // namespace oa_stream::authority
