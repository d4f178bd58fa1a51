// A control service of some processes, each with a memory of its own, and who asks it; all in one
// thread.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/routes/route_plan.hpp"

#include "raw_server.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::routes::testing {

using probe::test::RawRequest;
using probe::test::Script;

/// Serves all by rust_shell. Domains: auth_entry (/login), billing_l402 (/billing), chat_pilot
/// (/chat).
[[nodiscard]] RouteStatus split_status();

class ControlRig {
public:
    explicit ControlRig(std::size_t processes = 1);

    /// The overrides in it are not looked at: they are those of the memories.
    RouteStatus status = split_status();
    std::vector<Overrides> memories;
    /// The process that answers the n-th request (from 0); unset: each in turn.
    std::function<std::size_t(std::size_t nth, const RawRequest& request)> deal{};
    /// Asked first; an empty script: the usual answer.
    std::function<Script(const RawRequest& request)> instead{};
    /// What happened, in order: "status", "evaluate /login", "override auth_entry legacy", and what
    /// a test adds.
    std::vector<std::string> log{};
    /// Reads are not repeated.
    RouteSplitOptions options{};

    /// Does what is asked in that process; its answer.
    std::string carry_out(const RawRequest& request, std::size_t process);
    [[nodiscard]] const std::vector<RawRequest>& requests() const { return server_->requests(); }
    void stop_listening() { server_->stop_listening(); }
    /// How often the log has that entry.
    [[nodiscard]] std::size_t count(std::string_view entry) const;
    [[nodiscard]] RouteSplitClient client() { return {*http_, options}; }
    template <class T> T get(Task<T> task) { return loop_.run(std::move(task)); }

private:
    Script answer(const RawRequest& request);

    probe::test::LoopRig loop_;
    std::unique_ptr<probe::test::RawServer> server_;
    std::unique_ptr<net::HttpClient> http_;
    std::size_t nth_ = 0;
};

/// The last word of a request's path: "status", "evaluate" or "override".
[[nodiscard]] std::string_view call_of(const RawRequest& request);
/// `{"data": …}`, answered with 200.
[[nodiscard]] std::string data_answer(const Json& data);
/// Answered with that status, an empty object and nothing else.
[[nodiscard]] Script only(int status);

/// Looks that hurry: `agree` of them, at most 20.
[[nodiscard]] RouteLooks quick_looks(int agree = 2);

} // namespace oa_stream::routes::testing
