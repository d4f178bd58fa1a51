// Tells others what a run does, and never lets it wait. Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/run/run_session.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// Of the run, in every document.
struct HookFacts {
    std::string playbook;
    std::string kind;
    std::string target;
};

/// Each hook has a queue of its own, worked off in order, beside the run: events arrive in order,
/// and a hook that is slow delays no other. What becomes of each delivery is an event "hook" of the
/// run's timeline. A queue that is full drops what is newest, and says so. One thread.
class Hooks {
public:
    /// `session` must outlive it. A hook whose secret is missing is never called; that
    /// is noted once.
    Hooks(
        const asio::any_io_executor& executor,
        const std::vector<HookSpec>& specs,
        HookFacts facts,
        run::RunSession& session,
        const Outside& outside
    );
    /// What is under way ends: programs are killed.
    ~Hooks();
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;

    /// Returns at once. `what` is one sentence for people; `fields` become members of the document.
    void notify(HookEvent event, const std::string& what, const Json& fields = Json::object());

    /// The ids of those that ask() waits for.
    [[nodiscard]] std::vector<std::string> required() const;

    /// The same for before_stage, and waits for the hooks that are required: one check of each, or
    /// none once `stop` was requested.
    [[nodiscard]] Task<std::vector<Check>>
    ask(std::string what, Json fields, const run::StopRequest* stop);

    /// Waits until all is delivered, at most 30 s, and 10 s from when it sees that `stop` was
    /// requested; what is not delivered is given up and noted. No event is delivered afterwards.
    [[nodiscard]] Task<void> finish(const run::StopRequest* stop);

    /// A line for the report for each hook that failed.
    [[nodiscard]] std::vector<std::string> notes() const;
    /// For run.json: [{id, delivered, failed, last_error}].
    [[nodiscard]] Json summary() const;

private:
    struct State;
    struct Hook;
    struct Delivery;
    /// What was queued; with its end when it never will be delivered.
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

/// The document of an event to a program on stdin, or by POST; at most `limit` for all tries. What
/// happened: "exit 0", "HTTP 204, 2 tries". Code::precondition when the program or the server
/// refused.
[[nodiscard]] Task<Result<std::string>> deliver_to_program(
    asio::any_io_executor executor, HookSpec hook, std::string event, std::string body
);
/// Signed as Standard Webhooks 1.0.0 says: webhook-id, webhook-timestamp, webhook-signature.
/// Repeated with back-off where net::may_pass(). Only an answer of 3xx or 4xx says no.
[[nodiscard]] Task<Result<std::string>> deliver_to_server(
    std::shared_ptr<net::HttpClient> client,
    HookSpec hook,
    HookSecrets secrets,
    std::string id,
    std::string body
);

} // namespace oa_stream::playbook
