// Notifies hooks of a run's events without delaying the run. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/run/run_session.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// Facts of the run, included in every document.
struct HookFacts {
    std::string playbook;
    std::string kind;
    std::string target;
};

/// Each hook has its own queue, processed in order beside the run: events arrive in order, and a
/// slow hook delays no other. Each delivery's result is a "hook" event in the run's timeline. A
/// full queue drops the newest event and reports it. Not thread-safe.
class Hooks {
public:
    /// `session` must outlive it. A hook whose secret is missing is never called; that is noted
    /// once.
    Hooks(
        const asio::any_io_executor& executor,
        const std::vector<HookSpec>& specs,
        HookFacts facts,
        run::RunSession& session,
        const Outside& outside
    );
    /// Ends deliveries under way: programs are killed.
    ~Hooks();
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;

    /// Returns at once. `what` is one sentence for display; `fields` become members of the
    /// document.
    void notify(HookEvent event, const std::string& what, const Json& fields = Json::object());

    /// The ids of the hooks that ask() waits for.
    [[nodiscard]] std::vector<std::string> required() const;

    /// Notifies before_stage and waits for the required hooks: one check each, or none once `stop`
    /// was requested.
    [[nodiscard]] Task<std::vector<Check>>
    ask(std::string what, Json fields, const run::StopRequest* stop);

    /// Waits until everything is delivered, at most 30 s, and 10 s after it sees that `stop` was
    /// requested; undelivered events are dropped and noted. Nothing is delivered afterwards.
    [[nodiscard]] Task<void> finish(const run::StopRequest* stop);

    /// One line for the report per failed hook.
    [[nodiscard]] std::vector<std::string> notes() const;
    /// For run.json: [{id, delivered, failed, last_error}].
    [[nodiscard]] Json summary() const;

private:
    struct State;
    struct Hook;
    struct Delivery;
    /// Queues a delivery; if it will never be delivered, its result is already set.
    [[nodiscard]] std::shared_ptr<Delivery> queue(
        const std::shared_ptr<Hook>& hook,
        HookEvent event,
        const std::string& what,
        const Json& fields
    );
    [[nodiscard]] std::string document_of(
        HookEvent event, const std::string& id, const std::string& what, const Json& fields
    ) const;
    [[nodiscard]] static Task<void> work(std::shared_ptr<State> state, std::shared_ptr<Hook> hook);

    std::shared_ptr<State> state_;
};

/// Sends an event's document to a program on stdin or by POST, within `limit` for all retries.
/// Returns the result: "exit 0", "HTTP 204, 2 tries". Code::precondition when the program or the
/// server refused.
[[nodiscard]] Task<Result<std::string>> deliver_to_program(
    asio::any_io_executor executor, HookSpec hook, std::string event, std::string body
);
/// Signed according to Standard Webhooks 1.0.0: webhook-id, webhook-timestamp, webhook-signature.
/// Retried with back-off where net::may_pass(). Only a 3xx or 4xx answer is a refusal.
[[nodiscard]] Task<Result<std::string>> deliver_to_server(
    std::shared_ptr<net::HttpClient> client,
    HookSpec hook,
    HookSecrets secrets,
    std::string id,
    std::string body
);

} // namespace oa_stream::playbook
