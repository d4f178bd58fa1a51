// Where the Admin API's token comes from.
#include "oa_stream/base/text.hpp"

#include "cloud_run/cloud_run_driver.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::traffic {
namespace {

constexpr std::string_view k_token_path =
    "/computeMetadata/v1/instance/service-accounts/default/token";
/// The server itself hands out a new token during the last five minutes of the old one.
constexpr auto k_margin = std::chrono::seconds(225);
constexpr std::int64_t k_longest_s = 86400;

struct Kept {
    Secret token;
    Clock::time_point expires{};
    Clock::duration margin{};
    [[nodiscard]] bool good_for(Clock::duration rest) const {
        return !token.empty() && Clock::now() + rest < expires;
    }
};

Result<Kept> read_answer(const net::ClientResponse& response) {
    if (response.failure != net::TransferFailure::none || response.status != 200) {
        return fail(
            Code::credentials,
            fmt::format(
                "the metadata server gave no token: {}",
                response.status == 0 ? std::string(net::to_string(response.failure))
                                     : fmt::format("HTTP {}", response.status)
            ),
            {},
            "outside the platform name a token: auth: { env: … }"
        );
    }
    const auto json = parse_json(response.body);
    const auto token = json ? string_member(*json, "access_token") : std::nullopt;
    const auto lasts = json ? int_member(*json, "expires_in") : std::nullopt;
    if (!token || token->empty() || !lasts || *lasts < 0) {
        return fail(Code::credentials, "the metadata server's answer holds no token");
    }
    const auto life = std::chrono::seconds(std::min(*lasts, k_longest_s));
    const Clock::duration margin = std::min<Clock::duration>(k_margin, Clock::duration(life) / 4);
    return Kept{Secret(std::string(*token)), Clock::now() + life, margin};
}

Task<Result<Secret>> // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
from_metadata(net::HttpClient& client, std::string url, std::shared_ptr<Kept> kept, bool fresh) {
    if (!fresh && kept->good_for(kept->margin)) {
        co_return kept->token;
    }
    net::ClientRequest request;
    request.url = std::move(url);
    request.headers.add("metadata-flavor", "Google");
    request.connect_timeout = Millis(2000);
    request.first_byte_timeout = Millis(5000);
    request.total_timeout = Millis(5000);
    request.max_body = 64U << 10U;
    const auto response = co_await client.fetch(std::move(request));
    auto got = read_answer(response);
    if (got) {
        *kept = *std::move(got);
        co_return kept->token;
    }
    if (!fresh && kept->good_for(kept->margin / 2)) {
        co_return kept->token; // renewed too early to matter; the next call asks again
    }
    co_return std::unexpected(std::move(got).error());
}

Task<Result<Secret>>
from_hand(std::shared_ptr<Secret> kept, std::function<Result<Secret>()> reread, bool fresh) {
    if (!fresh) {
        co_return *kept;
    }
    if (reread) {
        OA_CO_TRY(Secret next, reread());
        if (!next.equals(kept->reveal())) {
            *kept = std::move(next);
            co_return *kept;
        }
    }
    co_return fail(
        Code::credentials, "the token was refused and there is no other", {}, "get a fresh one"
    );
}

} // namespace

TokenSource kept_token(Secret token, std::function<Result<Secret>()> reread) {
    auto kept = std::make_shared<Secret>(std::move(token));
    return
        [kept, reread = std::move(reread)](bool fresh) { return from_hand(kept, reread, fresh); };
}

TokenSource metadata_tokens(net::HttpClient& client, std::string base_url) {
    auto kept = std::make_shared<Kept>();
    std::string url = std::move(base_url) + std::string(k_token_path);
    return [&client, kept, url = std::move(url)](bool fresh) {
        return from_metadata(client, url, kept, fresh);
    };
}

} // namespace oa_stream::traffic
