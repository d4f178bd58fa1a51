// What the thread reports about a turn that was stopped or left.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {
namespace {

constexpr Millis k_within{2000};
constexpr Millis k_look{50};

// The status of the run with that id, or of the oldest one listed when it is empty; "" when there
// is none.
std::string status_in(const Json& document, std::string_view turn) {
    std::string status;
    for (const Json& run : list_in(document, "data")) {
        if (turn.empty() || string_member(run, "id") == turn) {
            status = string_member(run, "status").value_or("");
        }
    }
    return status;
}

} // namespace

Task<StateSeen> run_state(SmokePtr smoke, std::string thread, std::string turn, Millis more) {
    const auto began = Clock::now();
    StateSeen out;
    for (;;) {
        const net::ClientResponse answer =
            co_await smoke->get("/api/chats/" + thread + "/runs?limit=10");
        const auto json = parse_json(answer.body);
        out.after_s = seconds(Clock::now() - began);
        out.http = seen(answer);
        out.status = answer.status == 200 && json ? status_in(*json, turn) : "";
        const bool over = !out.status.empty() && out.status != "running";
        if (over || answer.status != 200 || Clock::now() - began > k_within + more) {
            out.listed = answer.status == 200;
            out.absent = no_such_route(answer.status);
            out.reached = !is_unreachable(answer);
            co_return out;
        }
        std::ignore = co_await sleep_for(k_look);
    }
}

void report_state(
    Smoke& smoke, std::string_view name, const StateSeen& state, double before_s, Millis grace
) {
    if (state.absent) {
        smoke.not_applicable(name, "the target lists no runs: " + state.http);
        return;
    }
    if (!state.listed) {
        smoke.report(
            name,
            state.reached ? Verdict::fail : Verdict::error,
            "expected HTTP 200 of /runs, saw " + state.http
        );
        return;
    }
    if (state.status == "completed") {
        smoke.not_applicable(name, std::string(k_over_before));
        return;
    }
    const double limit_s = seconds(k_within + grace);
    const double after_s = before_s + state.after_s;
    const bool in_time = state.status == "interrupted" && after_s <= limit_s;
    smoke.judge(
        name,
        in_time ? ""
                : fmt::format(
                      "expected interrupted within {}, saw {} after {}",
                      seconds_text(limit_s),
                      state.status.empty() ? "no such run" : printable(state.status, 40),
                      seconds_text(after_s, limit_s)
                  ),
        "interrupted after " + seconds_text(after_s),
        Json{{"status", state.status}, {"after", after_s}}
    );
}

} // namespace oa_stream::probe
