// route status, evaluate, verify: read the route split without changing it; verify records what it
// found.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/conclusion.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/run_command.hpp"
#include "route_args.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

using namespace routes;

void show_result(
    std::string_view name,
    Verdict verdict,
    const std::vector<Check>& checks,
    const Json& more,
    const std::string& text,
    Context& context
) {
    if (context.json) {
        Json out = plain_answer(verdict, checks);
        out.update(more);
        print_document(name, out, context);
    } else {
        show_text(text, context);
    }
    tell_route_checks(verdict, checks, context);
}

// status
// -------------------------------------------------------------------------------------------------

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
Task<Result<RouteSnapshot>> ask_status(RouteSplitClient& client, RouteTarget target) {
    co_return co_await snapshot_routes(client, target.order.looks);
}

Result<ExitCode> status(const RouteOptions& options, Context& context) {
    OA_TRY(RouteTarget target, options.checked("route status"));
    OA_TRY(const RouteSnapshot seen, look_with<RouteSnapshot>(std::move(target), &ask_status));
    const std::vector<Check> checks{memories_check(seen)};
    const Verdict verdict = run_verdict(checks);
    const Json more{
        {"status", to_json(seen.status)},
        {"agreed", seen.agreed},
        {"notes", Json::array({k_lane_untouched})}
    };
    const std::string text = route_table(seen.status) +
                             fmt::format("{}\nnote: {}\n", checks[0].detail, k_lane_untouched);
    show_result("route-status", verdict, checks, more, text, context);
    return exit_code(verdict);
}

// evaluate
// -----------------------------------------------------------------------------------------------

struct Evaluated {
    std::vector<RouteDecision> decisions; ///< the differing ones
    int asked = 0;
};

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
Task<Result<Evaluated>> ask_evaluate(RouteSplitClient& client, RouteTarget target) {
    Evaluated out;
    for (; out.asked < target.order.looks.agree; ++out.asked) {
        OA_CO_TRY(
            RouteDecision one,
            co_await client.evaluate(target.order.paths.front(), target.order.cohort_key)
        );
        const bool known = std::ranges::any_of(out.decisions, [&](const RouteDecision& other) {
            return other.target == one.target && other.reason == one.reason;
        });
        if (!known) {
            out.decisions.push_back(std::move(one));
        }
    }
    co_return out;
}

Check evaluate_check(const Evaluated& seen) {
    Check check;
    check.id = "route.evaluate";
    check.verdict = seen.decisions.size() == 1 ? Verdict::pass : Verdict::fail;
    for (const RouteDecision& one : seen.decisions) {
        check.detail += fmt::format(
            "{}{} is served by {} ({})",
            check.detail.empty() ? "" : " | ",
            one.path,
            one.target,
            one.reason
        );
    }
    check.detail += seen.decisions.size() == 1
                        ? fmt::format(", {} times over fresh connections", seen.asked)
                        : ": the processes behind the address disagree";
    return check;
}

struct EvaluateOptions : RouteOptions {
    std::string path{};
};

Result<ExitCode> evaluate(const EvaluateOptions& options, Context& context) {
    OA_TRY(RouteTarget target, options.checked("route evaluate /login"));
    target.order.paths = {options.path};
    OA_TRY(const Evaluated seen, look_with<Evaluated>(std::move(target), &ask_evaluate));
    const std::vector<Check> checks{evaluate_check(seen)};
    const Verdict verdict = run_verdict(checks);
    const RouteDecision& first = seen.decisions.front();
    const bool pinned = first.path.starts_with("/api");
    const std::string because(explain_reason(first.reason));
    Json more{{"decision", to_json(first)}, {"explained", because}};
    std::string text = fmt::format("{}\n", checks[0].detail);
    if (!because.empty()) {
        text += fmt::format("because of {}\n", because);
    }
    if (pinned) {
        text += fmt::format("note: {}\n", k_lane_untouched);
        more["notes"] = Json::array({k_lane_untouched});
    }
    show_result("route-evaluate", verdict, checks, more, text, context);
    return exit_code(verdict);
}

// verify
// -------------------------------------------------------------------------------------------------

struct Expectation {
    std::string target{}; ///< empty: as the rules determine
    std::optional<std::string> domain{};
};
struct Verified {
    RouteSnapshot snapshot;
    std::vector<RouteExpectation> wanted;
    RouteVerified seen;
};

Result<std::vector<RouteExpectation>>
wanted_of(const RouteStatus& status, const RouteTarget& target, const Expectation& expect) {
    std::vector<std::string> paths = target.order.paths;
    bool known = !expect.domain;
    for (const RouteGroup& group : status.groups) {
        const bool asked =
            expect.domain ? *expect.domain == group.domain : target.order.paths.empty();
        known = known || asked;
        if (auto path = group.front_path(); asked && !path.empty()) {
            paths.push_back(std::move(path));
        }
    }
    if (expect.domain && !known) {
        return fail(
            Code::usage, fmt::format("the service has no route domain '{}'", *expect.domain)
        );
    }
    auto out = expectations_of(status, overrides_of(status), paths);
    if (!expect.target.empty()) {
        for (RouteExpectation& one : out) {
            one.target = expect.target;
            one.reason.clear();
        }
    }
    return out;
}

struct AskVerify {
    Expectation expect;
    Task<Result<Verified>> operator()(RouteSplitClient& client, RouteTarget target) const {
        return ask(client, std::move(target), expect);
    }
    static Task<Result<Verified>>
    // NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): with_routes() holds it
    ask(RouteSplitClient& client, RouteTarget target, Expectation expect) {
        Verified out;
        OA_CO_TRY(out.snapshot, co_await snapshot_routes(client, target.order.looks));
        OA_CO_TRY(out.wanted, wanted_of(out.snapshot.status, target, expect));
        OA_CO_TRY(
            out.seen,
            co_await verify_routes(
                client,
                overrides_of(out.snapshot.status),
                out.wanted,
                target.order.cohort_key,
                target.order.looks
            )
        );
        co_return out;
    }
};

Check paths_check(const Verified& verified) {
    Check check;
    check.id = "route.paths";
    check.verdict = verified.seen.ok ? Verdict::pass : Verdict::fail;
    for (const RouteExpectation& one : verified.wanted) {
        check.data["expected"][one.path] = one.target.empty() ? "by cohort" : one.target;
    }
    check.data["looks"] = verified.seen.looks;
    check.detail = verified.seen.ok ? fmt::format(
                                          "served as expected: {}, over {} successive fresh looks",
                                          counted(verified.wanted.size(), "path"),
                                          verified.seen.row
                                      )
                                    : verified.seen.seen;
    return check;
}

struct VerifyOptions : RouteOptions {
    std::string expect{};
    std::optional<std::string> domain{};
};
constexpr auto k_expect = option<&VerifyOptions::expect>(
    names::expect,
    "TARGET",
    "Require that this serves: legacy or rust. Without it: the result of the rules."
);

Result<ExitCode> verify(const VerifyOptions& options, Context& context) {
    OA_TRY(RouteTarget target, options.checked("route verify"));
    Expectation expect{options.expect, options.domain.transform(&route_domain)};
    if (expect.target == "rust") {
        expect.target = "rust_shell";
    }
    if (!expect.target.empty() && expect.target != "rust_shell" && expect.target != "legacy") {
        return fail(
            Code::usage,
            fmt::format("'{}' serves nothing", printable(expect.target, 40)),
            names::expect,
            "legacy or rust"
        );
    }
    NewRun order{run::RunKind::route_verify, "route verify"};
    order.target["control_url"] = target.service.base_url;
    order.redactor.add_known(target.service.bearer);
    for (const Secret& secret : target.hidden) {
        order.redactor.add_known(secret, "of a header");
    }
    Screen screen(context);
    OA_TRY(run::RunSession session, begin_run(std::move(order), context, screen));
    const auto looked = look_with<Verified>(std::move(target), AskVerify{expect});
    report::Report input{.title = "route verify", .notes = {std::string(k_lane_untouched)}};
    if (!looked) { // the folder has it; the error itself is shown
        session.add("route.reach", Verdict::error, looked.error().text());
        input.headline = looked.error().text();
        (void)session.finish(
            session.conclude({.completed = true, .error = looked.error().code}), std::move(input)
        );
        return std::unexpected(looked.error());
    }
    session.replace_checks({memories_check(looked->snapshot), paths_check(*looked)});
    const Json status = to_json(looked->snapshot.status);
    session.folder().write("measure/status.json", json_document(status));
    const Check* trouble = run::first_trouble(session.checks());
    input.headline = (trouble == nullptr ? session.checks().back() : *trouble).detail;
    const run::Conclusion end = session.conclude({.completed = true});
    if (end.exit != ExitCode::ok) {
        input.next = less(session.folder().path() / run::k_report_file);
    }
    const run::RunResult result = session.finish(end, std::move(input));
    const Json more{
        {"run", result.id},
        {"evidence", result.evidence.string()},
        {"status", status},
        {"notes", Json::array({k_lane_untouched})}
    };
    std::string text = route_table(looked->snapshot.status);
    for (const Check& check : result.checks) {
        text += check_line(check) + "\n";
    }
    text += fmt::format("note: {}\n", k_lane_untouched);
    show_result("route-verify", result.end.verdict, result.checks, more, text, context);
    tell_last(
        {result.end.verdict, result.end.exit, result.id, result.evidence.string(), result.next},
        context
    );
    return result.end.exit;
}

constexpr auto k_status_options =
    options<RouteOptions>(k_route_base, k_route_auth, k_route_access, k_route_call);
constexpr auto k_evaluate_options = options<EvaluateOptions>(
    k_route_base, k_route_auth, k_route_access, k_route_cohort, k_route_call
);
constexpr auto k_verify_options = options<VerifyOptions>(
    k_route_base,
    k_route_auth,
    k_route_access,
    k_expect,
    option<&VerifyOptions::domain>(names::domain, "NAME", "Verify only this route domain."),
    k_route_path,
    k_route_cohort,
    k_route_call
);
constexpr auto k_path =
    positionals<EvaluateOptions>(parsed_positional<read_url_path, &EvaluateOptions::path>(
        "PATH", "The path as in a browser's request: /login."
    ));

} // namespace

const CommandSpec route_status_command = command<status>({
    .path = "route status",
    .summary = "Show the route split, and whether all processes agree.",
    .options = k_status_options,
    .examples =
        {
            "oa-stream route status --base-url https://control.example.org --auth env:TOKEN",
        },
    .about =
        R"(Shows which rule of the route split is in force. It uses several fresh connections, because each process
of the control service keeps its own overrides.)",
    .exits = exits::k_looks,
});
const CommandSpec route_evaluate_command = command<evaluate>({
    .path = "route evaluate",
    .summary = "Show what serves a path, and why.",
    .positionals = k_path,
    .options = k_evaluate_options,
    .examples =
        {
            "oa-stream route evaluate /login --base-url https://control.example.org --auth "
            "env:TOKEN",
        },
    .about =
        R"(Shows which site the control service selects for a path, and the rule that decides.)",
    .exits = exits::k_looks,
});
const CommandSpec route_verify_command = command<verify>({
    .path = "route verify",
    .summary = "Verify over fresh connections that paths are served as expected.",
    .options = k_verify_options,
    .examples =
        {
            "oa-stream route verify --base-url https://control.example.org --auth env:TOKEN",
            "oa-stream route verify --expect legacy --domain billing_l402 --base-url "
            "https://control.example.org --auth env:TOKEN --json",
        },
    .leaves_run = true,
    .about =
        R"(Evaluates a path of each route domain over fresh connections and fails when any of them is served by
another site than the rules or `--expect` require.)",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
