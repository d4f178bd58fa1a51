// Checks a Codex worker and its Khala the way a lane connects to them.
#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/worker_facts.hpp"
#include "oa_stream/base/option_names.hpp"

#include "core/run_screen.hpp"
#include "doctor.hpp"

#include <fmt/format.h>

#include <cmath>

namespace oa_stream::cli {

namespace {

using authority::WorkerFacts;
using authority::WorkerOptions;

constexpr Millis k_date_skew{2'000}; ///< a Date header has whole seconds
constexpr std::chrono::minutes k_short_life{10}; ///< too short to replace a token manually
/// The shortest life that the control service issues; a reconnect needs no more.
constexpr std::chrono::seconds k_short_sync_life{60};

/// Checks the remaining life of a token.
Check life(
    std::string id, std::optional<WallTime> end, std::chrono::seconds least, const std::string& from
) {
    if (!end) {
        return finding(std::move(id), Verdict::pass, "the token does not state its expiry", {});
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::seconds>(*end - std::chrono::system_clock::now());
    const auto verdict = left.count() <= 0 ? Verdict::fail
                         : left < least    ? Verdict::inconclusive
                                           : Verdict::pass;
    return finding(
        std::move(id),
        verdict,
        left.count() <= 0 ? fmt::format("the token ended {}s ago", -left.count())
                          : fmt::format("the token lives {}s more", left.count()),
        verdict == Verdict::pass ? "" : "put a fresh token into " + from
    );
}

std::string new_token(const WorkerOptions& options) {
    return "put the token of a login session into " + options.auth;
}

Check token(const Result<std::optional<WallTime>>& end, const WorkerOptions& options) {
    constexpr std::string_view k_id = "worker.token";
    return end ? life(std::string(k_id), *end, k_short_life, options.auth)
               : finding(std::string(k_id), Verdict::fail, end.error().text(), new_token(options));
}

Check worker(
    const Result<void>& runs, std::optional<Millis> heartbeat_age, const WorkerOptions& options
) {
    if (runs) {
        return finding(
            "worker.control",
            Verdict::pass,
            fmt::format(
                "{} runs{}",
                options.worker,
                heartbeat_age ? fmt::format(", last heartbeat {}ms ago", heartbeat_age->count())
                              : ""
            ),
            {}
        );
    }
    const Error& error = runs.error();
    if (const auto pause = authority::retry_after_of(error)) { // a limit of requests, not a fault
        return finding(
            "worker.control",
            Verdict::inconclusive,
            error.message,
            fmt::format("run doctor again in {}s", *pause)
        );
    }
    std::string fix = fmt::format("check {}", names::worker_control);
    if (error.code == Code::credentials) {
        fix = new_token(options);
    } else if (error.code == Code::precondition || error.code == Code::not_found) {
        fix = "start the worker, or name another";
    }
    return finding(
        "worker.control",
        Verdict::fail,
        error.code == Code::not_found ? "control does not know the worker " + options.worker
                                      : error.text(),
        fix
    );
}

Check clock_of(Millis ahead) {
    const bool off = std::abs(ahead.count()) > k_date_skew.count();
    return finding(
        "worker.clock",
        off ? Verdict::inconclusive : Verdict::pass,
        fmt::format("the control service's clock is {}ms ahead of this machine's", ahead.count()),
        off ? "timedatectl set-ntp true" : ""
    );
}

Check sync_token(const Result<std::optional<WallTime>>& end, const WorkerOptions& options) {
    const std::string from =
        options.khala_auth == "mint" ? "the control service (mint)" : options.khala_auth;
    if (!end) {
        return finding(
            "worker.sync-token",
            Verdict::fail,
            end.error().text(),
            "check the scopes of " + options.auth + ", or name a sync token by " +
                std::string(names::khala_auth)
        );
    }
    return life("worker.sync-token", *end, k_short_sync_life, from);
}

Check khala(const Result<void>& opened, const WorkerOptions& options) {
    if (opened) {
        return finding("worker.khala", Verdict::pass, options.topic + " is open to it", {});
    }
    return finding(
        "worker.khala",
        Verdict::fail,
        opened.error().text(),
        opened.error().code == Code::credentials
            ? fmt::format(
                  "name a sync token of the runtime's kind by {}, and compare the clocks of "
                  "control and Khala",
                  names::khala_auth
              )
            : fmt::format("check {} and the other options of Khala", names::khala_url)
    );
}

} // namespace

Result<std::vector<Check>> judge_worker(const WorkerOptions& options, Context& context) {
    Screen screen(context);
    OA_TRY(
        const auto facts,
        look_to_end<WorkerFacts>(
            [&](const asio::any_io_executor& executor) {
                return authority::look_at_worker(executor, options);
            },
            screen
        )
    );
    std::vector<Check> out{token(facts.token_end, options)};
    if (facts.ahead) {
        out.push_back(clock_of(*facts.ahead));
    }
    if (facts.worker) {
        out.push_back(worker(*facts.worker, facts.heartbeat_age, options));
    }
    if (facts.sync_token) {
        out.push_back(sync_token(*facts.sync_token, options));
    }
    if (facts.khala) {
        out.push_back(khala(*facts.khala, options));
    }
    return out;
}

} // namespace oa_stream::cli
