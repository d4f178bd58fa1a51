// State shared by the steps of a control smoke. Private to the room.
#pragma once

#include "oa_stream/probe/control_smoke.hpp"
#include "oa_stream/routes/route_rules.hpp"

#include "control_shape.hpp"
#include "smoke/smoke_checks.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::probe {

enum class As {
    anyone,   ///< without a bearer
    user,     ///< with the one given
    stranger, ///< with a random one
};

/// One request to the target.
struct Question {
    std::string_view method = "GET";
    std::string path{};
    As as = As::user;
    std::optional<Json> body{};
    bool compat = true;
    std::string if_none_match{};
    std::string_view suffix{}; ///< of the kept files, when a check sends several requests
    std::size_t max_body = 4U << 20U;
    bool keep_body = true;
    bool writes = false; ///< the service records something
};

/// The result: the answer, and its JSON if it has any.
struct Answer {
    net::ClientResponse response{};
    std::optional<Json> json{};
    std::string method{};
    std::string path{};
    int attempts = 1;
    std::string revision{}; ///< the revision that answered, from the target's header for it

    [[nodiscard]] int status() const noexcept { return response.status; }
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept {
        return response.headers.get(name).value_or("");
    }
    /// The JSON, null when there is none.
    [[nodiscard]] const Json& tree() const noexcept;
    /// "HTTP 302 to /login", "HTTP 404 not_found", "refused: …".
    [[nodiscard]] std::string seen() const;
    /// "expected HTTP 200, saw …", or why it is not a complete JSON object with these members;
    /// empty when it is.
    [[nodiscard]] std::string wrong(int expected, std::span<const MemberShape> members = {}) const;
    /// The same for a refusal: status, envelope, code (if given).
    [[nodiscard]] std::string wrong_refusal(int expected, std::string_view code) const;
    [[nodiscard]] Json facts() const;
};

struct ControlRun : SmokeChecks {
    ControlRun(net::HttpClient* to, ControlSmokeOptions given)
        : SmokeChecks{control_rules(), given.id_prefix, given.on_check, &secrets}, client(to),
          options(std::move(given)), layout(options.layout) {}
    ControlRun(const ControlRun&) = delete; // the checks hold a pointer to its secrets
    ControlRun& operator=(const ControlRun&) = delete;
    ~ControlRun() = default;

    net::HttpClient* client;
    ControlSmokeOptions options;

    Redactor secrets{}; ///< given and issued secrets
    bool unreachable = false;
    int silent = 0; ///< consecutive answers that did not come, or did not end in time
    bool token_refused = false;
    ControlLayout layout; ///< detect: not known
    bool has_split = false; ///< the control status lists the route split's domains
    std::optional<routes::RouteStatus> split_status{}; ///< unset: it was not as expected
    std::string session{}; ///< id of the token's session

    /// Sends the request, stores the answer under the check's name, and registers secrets in it.
    /// Only a read whose connection breaks before any answer is repeated once, which is recorded.
    [[nodiscard]] static Task<Answer>
    ask(std::shared_ptr<ControlRun> run, std::string name, Question what);

    /// PASS with `good`, or FAIL with `wrong` (ERROR when nothing answered).
    void judge(std::string_view name, const Answer& answer, std::string wrong, std::string good);
    /// ERROR: nothing that needs the token can be checked.
    void refused_token(std::string_view name, const Answer& answer);
    [[nodiscard]] bool given_up() const noexcept { return unreachable || silent >= 2; }
    [[nodiscard]] bool with_token() const noexcept { return !options.target.bearer.empty(); }
    /// True if the request must not be sent; then skips the check with the reason.
    [[nodiscard]] bool left_out(std::string_view name, const Question& what);
};
using ControlRunPtr = std::shared_ptr<ControlRun>;

// The steps, in order.
[[nodiscard]] Task<void> control_reach(ControlRunPtr run);
[[nodiscard]] Task<void> control_anonymous(ControlRunPtr run);
[[nodiscard]] Task<void> control_status(ControlRunPtr run);
[[nodiscard]] Task<void> control_compat(ControlRunPtr run);
[[nodiscard]] Task<void> control_route_split(ControlRunPtr run);
[[nodiscard]] Task<void> control_session(ControlRunPtr run);
[[nodiscard]] Task<void> control_sync_token(ControlRunPtr run);
[[nodiscard]] Task<void> control_entry(ControlRunPtr run);
[[nodiscard]] Task<void> control_shell(ControlRunPtr run);

} // namespace oa_stream::probe
