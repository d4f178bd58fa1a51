#include "oa_stream/net/token_source.hpp"

#include "oa_stream/base/child.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/base/utf8.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

namespace oa_stream::net {
namespace {

constexpr std::string_view k_account = "/computeMetadata/v1/instance/service-accounts/default/";
constexpr std::string_view k_command = "command:";
constexpr std::string_view k_metadata = "metadata:";
constexpr Millis k_program_limit{15'000};
constexpr auto k_kept_for = std::chrono::minutes(5); ///< for a token without an expiry time
constexpr std::size_t k_longest_token = 64U << 10U;
/// The metadata server hands out a new token during the last five minutes of the old one.
constexpr auto k_margin = std::chrono::seconds(225);
constexpr std::int64_t k_longest_kept_s = 86400;

struct Kept {
    Secret token;
    Clock::time_point expires{};
    Clock::duration margin{};
    [[nodiscard]] bool good_for(Clock::duration rest) const {
        return !token.empty() && Clock::now() + rest < expires;
    }
};

/// Remaining life of a JSON Web Token; nullopt for other tokens.
std::optional<Clock::duration> life_of(std::string_view token) {
    const auto end = token_end(token);
    if (!end) {
        return std::nullopt;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(*end - std::chrono::system_clock::now());
    return std::chrono::seconds(std::clamp<std::int64_t>(left.count(), 0, k_longest_kept_s));
}

Kept kept_for(std::string token, Clock::duration life) {
    const Clock::duration margin = std::min<Clock::duration>(k_margin, life / 4);
    return {Secret(std::move(token)), Clock::now() + life, margin};
}

Result<Kept> read_answer(const ClientResponse& response, bool identity) {
    if (response.failure != TransferFailure::none || response.status != 200) {
        return fail(
            Code::credentials,
            fmt::format(
                "the metadata server gave no token: {}",
                response.status == 0 ? std::string(to_string(response.failure))
                                     : fmt::format("HTTP {}", response.status)
            ),
            {},
            "outside the platform name a token: auth: { command: […] }"
        );
    }
    if (identity) {
        const auto text = trim(response.body);
        const auto life = life_of(text);
        return life ? Result<Kept>(kept_for(std::string(text), *life))
                    : fail(
                          Code::credentials, "the metadata server's answer is not an identity token"
                      );
    }
    const auto json = parse_json(response.body);
    const auto token = json ? string_member(*json, "access_token") : std::nullopt;
    const auto lasts = json ? int_member(*json, "expires_in") : std::nullopt;
    if (!token || token->empty() || !lasts || *lasts < 0) {
        return fail(Code::credentials, "the metadata server's answer holds no token");
    }
    return kept_for(std::string(*token), std::chrono::seconds(std::min(*lasts, k_longest_kept_s)));
}

Task<Result<Secret>> from_metadata(
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives the source
    HttpClient& client,
    std::string url,
    bool identity,
    std::shared_ptr<Kept> kept,
    bool fresh
) {
    if (!fresh && kept->good_for(kept->margin)) {
        co_return kept->token;
    }
    ClientRequest request;
    request.url = std::move(url);
    request.headers.add("metadata-flavor", "Google");
    request.connect_timeout = Millis(2000);
    request.first_byte_timeout = Millis(5000);
    request.total_timeout = Millis(5000);
    request.max_body = 64U << 10U;
    const auto response = co_await client.fetch(std::move(request));
    auto got = read_answer(response, identity);
    if (got) {
        *kept = *std::move(got);
        co_return kept->token;
    }
    if (!fresh && kept->good_for(kept->margin / 2)) {
        co_return kept->token; // renewed too early to matter; the next call retries
    }
    co_return std::unexpected(std::move(got).error());
}

Task<Result<Secret>> from_hand(std::shared_ptr<Secret> kept, std::string reference, bool fresh) {
    if (!fresh) {
        co_return *kept;
    }
    if (reference.starts_with("file:")) {
        OA_CO_TRY(Secret next, read_secret(reference));
        if (!next.equals(kept->reveal())) {
            *kept = std::move(next);
            co_return *kept;
        }
    }
    co_return fail(
        Code::credentials,
        "the token was refused, and no other is configured",
        {},
        fmt::format("a fresh one goes into {}", reference)
    );
}

Task<Result<Secret>> from_command(
    asio::any_io_executor executor,
    std::vector<std::string> program,
    std::shared_ptr<Kept> kept,
    bool fresh
) {
    if (!fresh && kept->good_for(kept->margin)) {
        co_return kept->token;
    }
    ProgramCall call;
    if (program.empty()) {
        co_return fail(Code::usage, "no program is named", "command");
    }
    call.argv = std::move(program);
    // The program needs its own environment.
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) {
            call.env.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    call.limit = k_program_limit;
    call.most_output = k_longest_token;
    const std::string name = printable(call.argv.front());
    const auto end = co_await call_program(std::move(executor), std::move(call));
    const std::string token(end ? trim(end->output) : std::string_view{});
    if (end && end->exit.clean() && !token.empty() && !token.contains(' ') &&
        !find_refused_control(token)) {
        *kept = kept_for(token, life_of(token).value_or(k_kept_for));
        co_return kept->token;
    }
    if (!fresh && !kept->token.empty()) {
        co_return kept->token; // it may still be valid; the next call retries
    }
    const std::string why =
        !end ? end.error().message
        : end->exit.clean()
            ? "it printed no token"
            : end->exit.text() + (end->last_line.empty() ? "" : ": " + end->last_line);
    co_return fail(Code::credentials, fmt::format("{} gave no token: {}", name, why));
}

/// `["a","b c"]`, or words separated by blanks.
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    if (text.starts_with('[')) {
        const auto json = parse_json(text);
        for (const Json& word : json && json->is_array() ? *json : Json::array()) {
            out.push_back(word.is_string() ? word.get<std::string>() : "");
        }
        return out;
    }
    while (!(text = trim(text)).empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return out;
}

std::string metadata_server() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
    const char* host = std::getenv("GCE_METADATA_HOST");
    return fmt::format(
        "http://{}", host == nullptr || *host == '\0' ? "metadata.google.internal" : host
    );
}

} // namespace

std::optional<WallTime> token_end(std::string_view token) {
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || !token.starts_with("ey")) {
        return std::nullopt;
    }
    const auto text = base64url_decoded(token.substr(first + 1, second - first - 1));
    const auto json = text ? parse_json(*text) : fail(Code::protocol, "");
    const auto seconds = json ? int_member(*json, "exp") : std::nullopt;
    constexpr std::int64_t k_latest = 253402300799; // the year 9999
    if (!seconds || *seconds < 0 || *seconds > k_latest) {
        return std::nullopt;
    }
    constexpr std::int64_t k_last =
        std::chrono::floor<std::chrono::seconds>(WallTime::max()).time_since_epoch().count();
    return WallTime(std::chrono::seconds(std::min(*seconds, k_last)));
}

TokenSource
metadata_tokens(HttpClient& client, const std::string& base_url, const std::string& audience) {
    auto kept = std::make_shared<Kept>();
    const bool identity = !audience.empty();
    std::string url = fmt::format("{}{}", base_url, k_account);
    url += identity ? "identity?audience=" + percent_encode(audience) : "token";
    return [&client, kept, identity, url = std::move(url)](bool fresh) {
        return from_metadata(client, url, identity, kept, fresh);
    };
}

TokenSource command_tokens(asio::any_io_executor executor, std::vector<std::string> program) {
    return [executor = std::move(executor),
            program = std::move(program),
            kept = std::make_shared<Kept>()](bool fresh) {
        return from_command(executor, program, kept, fresh);
    };
}

TokenSource token_source(
    const asio::any_io_executor& executor,
    HttpClient& client,
    std::string_view reference,
    Secret first
) {
    if (reference.starts_with(k_command)) {
        return command_tokens(executor, words_of(reference.substr(k_command.size())));
    }
    if (reference.starts_with(k_metadata)) {
        return metadata_tokens(
            client, metadata_server(), std::string(reference.substr(k_metadata.size()))
        );
    }
    return [kept = std::make_shared<Secret>(std::move(first)),
            reference = std::string(reference)](bool fresh) {
        return from_hand(kept, reference, fresh);
    };
}

bool is_token_reference(std::string_view text) noexcept {
    return is_secret_reference(text) || text.starts_with(k_command) || text.starts_with(k_metadata);
}

bool is_renewed(std::string_view reference) noexcept {
    return reference.starts_with(k_command) || reference.starts_with(k_metadata) ||
           reference.starts_with("file:");
}

Result<Secret> read_token(std::string_view reference) {
    if (!reference.starts_with(k_command) && !reference.starts_with(k_metadata)) {
        return read_secret(reference);
    }
    asio::io_context loop; // nothing else in this process runs until it has its credentials
    const auto client = HttpClient::make(loop.get_executor());
    const TokenSource source = token_source(loop.get_executor(), *client, reference, {});
    Result<Secret> out = fail(Code::credentials, "no token");
    asio::co_spawn(loop, source(true), [&](const std::exception_ptr&, Result<Secret> got) {
        out = std::move(got);
        loop.stop();
    });
    loop.run();
    if (!out && out.error().where.empty()) {
        out.error().where = reference.starts_with(k_command) ? "command" : "metadata";
    }
    return out;
}

} // namespace oa_stream::net
