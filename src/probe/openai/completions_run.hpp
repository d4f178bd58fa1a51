// State shared by the checks of smoke completions and smoke responses.
#pragma once

#include "oa_stream/probe/completions_smoke.hpp"

#include "smoke/smoke_checks.hpp"
#include "stream/completions_ask.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::probe {

struct Run : SmokeChecks {
    Run(net::HttpClient* to, CompletionsSmokeOptions given)
        : SmokeChecks{completions_rules(), given.id_prefix, given.on_check}, client(to),
          options(std::move(given)) {
        options.target.compat.reset();
    }

    net::HttpClient* client;
    CompletionsSmokeOptions options;
    std::string model{};
    std::string prompt{};
    Completion first{}, second{}, stream{};
    /// The made-up turns that the target can play (docs/completions.md); empty: a real model.
    std::set<std::string> scenarios{};
    std::set<std::string> request_ids{};
    std::string request_id_fault{}; ///< of any answer so far
    std::optional<Millis> paced_over{}; ///< for the prompt's answer, see judge_pacing()
    int retries = 3; ///< remaining retries of requests that the limit refused

    void keep(const std::string& stem, const Completion& answer) {
        if (!options.keep || answer.response.status == 0) {
            return;
        }
        const auto* suffix = answer.streamed && answer.response.status == 200 ? ".sse" : ".json";
        evidence.push_back(options.keep(stem + suffix, answer.response.body));
        evidence.push_back(options.keep(stem + ".head", answer.response.raw_head));
    }

    /// Checks that every answer has a unique id.
    void note_request_id(const net::ClientResponse& answer);
    /// False, and the check is skipped: one of the first three answers was refused.
    [[nodiscard]] bool compares_answers(std::string_view name);
    [[nodiscard]] bool responses() const { return options.api == OpenAiApi::responses; }
    [[nodiscard]] std::string path() const { return std::string(path_of(options.api)); }
    /// "completions-whole.first": of a kept file.
    [[nodiscard]] std::string stem(std::string_view name) const {
        return (responses() ? "responses-" : "completions-") + std::string(name);
    }
};
using RunPtr = std::shared_ptr<Run>;

/// One unmodified request; `path` is without the base URL.
struct Sent {
    std::string method;
    std::string path;
    std::string body{};
    std::string type = "application/json";
    bool anonymous = false;
    std::string authorization{}; ///< instead of the target's key
    net::Headers more{};
};
[[nodiscard]] Task<net::ClientResponse> send(RunPtr run, Sent sent);
/// Posts the body to the API.
[[nodiscard]] Task<net::ClientResponse> post(RunPtr run, Json body);
/// A body with the run's prompt, or another one; streamed with usage, and not stored.
[[nodiscard]] Json body_of(const Run& run, bool streamed);
[[nodiscard]] Json body_of(const Run& run, std::string_view prompt, bool streamed);
/// Requests a made-up turn, "words;n=2".
[[nodiscard]] Json scenario_body(const Run& run, std::string_view scenario, bool streamed);
/// Uses the run's limits, or these. Retries when the target has reached its limit of turns.
[[nodiscard]] Task<Completion>
ask(RunPtr run, Json body, std::optional<ProbeLimits> limits = std::nullopt);
/// Sends once, without retries, because its turns show the limit's effect.
[[nodiscard]] Task<Completion> play(RunPtr run, std::string scenario, bool streamed);

/// What is wrong with a refusal: another status, no error object, a type that does not fit the
/// status, another code or param (where they are given), inner words, no request id, no JSON.
/// Empty: nothing. A code or param that ends with '*' is the beginning of one; an empty code is any
/// that the contract has for 400.
[[nodiscard]] std::string refusal_fault(
    const net::ClientResponse& response,
    int status,
    std::string_view code = {},
    std::string_view param = {}
);
/// The same for an error that is not the request's fault: statuses from 500.
[[nodiscard]] std::string error_fault(const net::ClientResponse& response);

/// What an entry of the list, or the answer, lacks.
[[nodiscard]] std::string model_fault(const Json& model);
/// models, and who may see them
[[nodiscard]] Task<void> check_one_model(RunPtr run);
[[nodiscard]] Task<void> check_unknown_model(RunPtr run);
void check_model_names(Run& run);
[[nodiscard]] Task<void> check_auth(RunPtr run);
/// ids, texts, methods, preflight; begins no turn
[[nodiscard]] Task<void> check_manners(RunPtr run);
/// parameters and messages that must be refused, and those that must not
[[nodiscard]] Task<void> check_bodies(RunPtr run);
/// connections as edges and clients use them
[[nodiscard]] Task<void> check_wire(RunPtr run);
/// how many turns run, and what becomes of one whose client leaves
[[nodiscard]] Task<void> check_turns(RunPtr run);
/// tools, stop, formats, what goes on from an earlier response.
[[nodiscard]] Task<void> check_features(RunPtr run);
/// checks that require a target with made-up turns, including the three below
[[nodiscard]] Task<void> check_scenarios(RunPtr run);
[[nodiscard]] Task<void> check_passed(RunPtr run);
[[nodiscard]] Task<void> check_left(RunPtr run);
[[nodiscard]] Task<void> check_limit(RunPtr run);

} // namespace oa_stream::probe
