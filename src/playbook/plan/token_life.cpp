#include "token_life.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/token_source.hpp"

#include "plan_times.hpp"

#include <fmt/format.h>

#include <chrono>

namespace oa_stream::playbook {
namespace {

/// Access tokens of Google's platform live for an hour; some minutes may have passed already.
constexpr auto k_usual_life = std::chrono::minutes(50);

/// Read once: no new token can arrive while the run lasts.
bool is_read_once(const std::optional<AuthRef>& auth) {
    return auth && (auth->reference.starts_with("env:") || auth->reference.starts_with("fd:"));
}

Result<void> check_end(std::string_view key, std::string_view token, Millis longest, WallTime now) {
    const auto end = net::token_end(token);
    if (!end || *end >= now + longest) {
        return {};
    }
    return fail(
        Code::credentials,
        *end <= now ? fmt::format("the token ended at {}", rfc3339_millis(*end))
                    : fmt::format(
                          "the token ends at {}, and this run may last until {}",
                          rfc3339_millis(*end),
                          rfc3339_millis(now + longest)
                      ),
        std::string(key),
        "get a fresh one that lives longer"
    );
}

} // namespace

Result<std::vector<std::string>>
check_token_lives(const Playbook& playbook, const Outside& outside, WallTime now) {
    std::vector<std::string> out;
    if (playbook.kind == Kind::rollback) {
        return out; // a rollback is tried with whatever there is
    }
    const Millis longest = times_of(playbook).worst;
    if (is_read_once(playbook.target.auth)) {
        OA_CHECK(check_end("target.auth", outside.user_token.reveal(), longest, now));
    }
    if (playbook.routes && is_read_once(playbook.routes->auth)) {
        OA_CHECK(check_end("routes.auth", outside.control_token.reveal(), longest, now));
    }
    const auto platform =
        playbook.traffic.settings ? playbook.traffic.settings->credential() : std::nullopt;
    if (!is_read_once(platform)) {
        return out;
    }
    OA_CHECK(check_end("traffic.auth", outside.platform_token.reveal(), longest, now));
    const bool known = net::token_end(outside.platform_token.reveal()).has_value();
    if (!known && !outside.platform_token.empty() && longest > k_usual_life) {
        out.push_back(fmt::format(
            "traffic.auth ({}) is read once, and this run may last {}: a token that ends before "
            "leaves the canary its share. Use auth: {{ file: … }} that is renewed, or leave auth "
            "out (metadata server)",
            platform->reference.substr(0, platform->reference.find(':')),
            format_duration(longest)
        ));
    }
    return out;
}

} // namespace oa_stream::playbook
