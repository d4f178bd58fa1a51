#include "oa_stream/probe/completions_smoke.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/net/reach_advice.hpp"

#include "completions_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

namespace oa_stream::probe {

namespace {

/// An unpaced answer cannot show whether it is held back.
constexpr std::string_view k_replay_prompt = "scenario:words;n=20;delay=25";
constexpr Millis k_replay_paced_over{430}; // nineteen pauses, less a tenth
constexpr std::string_view k_prompt =
    "Count from one to twenty in words, separated by commas. Say nothing else.";

Json facts_of(const Completion& answer) {
    Json data = Json::object();
    data["status"] = answer.response.status;
    data["headers_s"] = or_null(answer.clocks.headers);
    data["first_content_s"] = or_null(answer.clocks.first_content);
    data["end_s"] = or_null(answer.clocks.end);
    data["bytes"] = answer.response.body.size();
    data["finish"] = answer.finish;
    data["request_id"] = answer.response.headers.get("x-request-id").value_or("");
    if (answer.streamed) {
        data["order"] = answer.order;
        data["pacing"] = to_string(answer.pacing.pacing);
    }
    if (refuses_credential(answer.response.status)) {
        data["outcome"] = k_unauthorised;
    }
    return data;
}

bool reached(const net::ClientResponse& response) noexcept {
    return response.status != 0;
}

bool arrived(const Completion& answer) noexcept {
    return answer.response.failure == net::TransferFailure::none && reached(answer.response);
}

/// The request timed out.
bool was_given_up(const Completion& answer) noexcept {
    const auto failure = answer.response.failure;
    return failure == net::TransferFailure::total_timeout ||
           failure == net::TransferFailure::idle_timeout ||
           failure == net::TransferFailure::first_byte_timeout;
}

/// ERROR when nothing answered or the key was refused, otherwise FAIL.
Verdict verdict_of(const Completion& answer, const std::string& wrong) {
    const auto status = answer.response.status;
    const bool unanswered = status == 0 || refuses_credential(status);
    return wrong.empty() ? Verdict::pass : unanswered ? Verdict::error : Verdict::fail;
}

void report_answer(Run& run, std::string_view name, const Completion& answer) {
    auto wrong = answer.wrong();
    const auto verdict = verdict_of(answer, wrong);
    run.keep(run.stem(name), answer);
    run.report(name, verdict, wrong.empty() ? answer.timing() : std::move(wrong), facts_of(answer));
}

/// The lane's assistant according to GET /version: a model, recordings, or unknown because the
/// target is not a lane or an edge hides the route.
enum class Assistant { model, recordings, unknown };
Task<Assistant> assistant_of(RunPtr run) {
    const auto answer = co_await send(run, {"GET", "/version"});
    const auto json = answer.status == 200 ? parse_json(answer.body) : Result<Json>(Json());
    if (!json || member(*json, "authority") == nullptr) {
        co_return Assistant::unknown;
    }
    co_return authority::plays_recordings(*json) ? Assistant::recordings : Assistant::model;
}

/// Reads "scenarios: NAME NAME …": the turns that the target plays on request.
Task<void> learn_scenarios(RunPtr run) {
    constexpr std::string_view k_mark = "scenarios: ";
    const auto answer = co_await play(run, "capabilities", false);
    if (!answer.text.starts_with(k_mark)) {
        co_return;
    }
    std::string_view rest = std::string_view(answer.text).substr(k_mark.size());
    while (!rest.empty()) {
        run->scenarios.emplace(cut_until(rest, ' '));
    }
}

/// For a target that plays recordings, a prompt with a paced answer is known.
Task<void> choose_prompt(RunPtr run) {
    const auto assistant = co_await assistant_of(run);
    run->prompt = run->options.prompt;
    if (run->prompt.empty() && assistant == Assistant::recordings) {
        run->prompt = k_replay_prompt;
        run->paced_over = k_replay_paced_over;
    } else if (run->prompt.empty()) {
        run->prompt = k_prompt;
    }
    if (run->options.made_up_turns && assistant != Assistant::model) {
        co_await learn_scenarios(run);
    }
}

std::string
no_model(const net::ClientResponse& response, std::size_t models, const std::string& wanted) {
    if (response.status != 200) {
        const auto elsewhere = response.headers.get("location");
        return fmt::format(
            "expected 200, saw {}{}",
            response.status,
            elsewhere ? " to " + printable(*elsewhere, 160) : ""
        );
    }
    if (response.failure != net::TransferFailure::none) {
        return "the list did not arrive whole: " + printable(response.failure_text, 120);
    }
    if (!parse_json(response.body)) {
        return fmt::format(
            "it is not JSON (content-type {})",
            printable(response.headers.get("content-type").value_or("missing"), 60)
        );
    }
    return wanted.empty()
               ? "it names no model"
               : fmt::format("{} is not among {}", printable(wanted, 60), counted(models, "model"));
}

/// False when continuing is pointless.
Task<bool> check_models(RunPtr run) {
    const auto response = co_await send(run, {"GET", "/v1/models"});
    Json data = Json::object({{"status", response.status}});
    if (refuses_credential(response.status)) {
        data["outcome"] = k_unauthorised;
        run->report("models", Verdict::error, "the key was refused", std::move(data));
        run->skip_rest("the target refused the key");
        co_return false;
    }
    if (!reached(response)) {
        data["outcome"] = to_string(response.failure);
        run->report(
            "models",
            Verdict::error,
            fmt::format(
                "no answer: {}{}",
                printable(response.failure_text, 160),
                net::reach_advice(response)
            ),
            std::move(data)
        );
        run->skip_rest("the target cannot be reached");
        co_return false;
    }
    const Json body = parse_json(response.body).value_or(nullptr);
    std::vector<std::string> names;
    std::string wrong = text_view_in(body, "object") == "list" ? "" : "it is not a list";
    for (const auto& model : list_in(body, "data")) {
        names.emplace_back(string_member(model, "id").value_or(""));
        wrong = wrong.empty() ? model_fault(model) : wrong;
    }
    const auto& wanted = run->options.model;
    const bool there = wanted.empty() ? !names.empty() : contains(names, wanted);
    run->model = wanted.empty() && there ? names.front() : wanted;
    data["models"] = names;
    if (!there) {
        wrong = no_model(response, names.size(), wanted);
        wrong += response.status == 404 ? base_path_advice(run->options.target.base_url) : "";
    }
    const auto good = fmt::format("{} of {}", run->model, counted(names.size(), "model"));
    run->judge("models", wrong, good, std::move(data));
    if (run->model.empty()) {
        run->skip_rest("no model is known");
    }
    co_return !run->model.empty();
}

std::string body_difference(const Completion& a, const Completion& b) {
    const auto left = parse_json(a.response.body);
    const auto right = parse_json(b.response.body);
    if (!left || !right) {
        return "one of them is not JSON";
    }
    return whole_difference(*left, *right);
}

void check_whole_shape(Run& run) {
    if (!run.first.wrong().empty() || !run.second.wrong().empty()) {
        run.skip("whole.shape", "there are no two good answers");
        return;
    }
    run.judge("whole.shape", body_difference(run.first, run.second), "the same names and types");
}

Verdict verdict_of(Pacing pacing) noexcept {
    return pacing == Pacing::streamed   ? Verdict::pass
           : pacing == Pacing::buffered ? Verdict::fail
                                        : Verdict::inconclusive;
}

/// Frames that a careful reader accepts and a simple one does not: CR LF, lines other than data, a
/// coding.
std::string frame_fault(const Completion& stream) {
    const auto& all = stream.judgement.warnings;
    const auto found = std::ranges::find_if(all, [](const auto& one) {
        return one.rule->id.starts_with('S') || one.rule->id == "H6";
    });
    return found == all.end() ? std::string()
                              : fmt::format("{}: {}", found->rule->id, found->message);
}

void check_stream(Run& run) {
    report_answer(run, "stream.contract", run.stream);
    run.judge("stream.frames", frame_fault(run.stream), "one line of data each");
    if (!run.stream.wrong().empty()) {
        run.skip("stream.incremental", "there is no good stream");
        return;
    }
    // An undecided result is not a fault: the model may simply have been fast.
    const auto verdict = verdict_of(run.stream.pacing.pacing);
    run.report(
        "stream.incremental",
        verdict == Verdict::inconclusive ? Verdict::skipped : verdict,
        run.stream.pacing.why
    );
}

/// Text that an assistant adds to a prompt, such as the time, may vary slightly.
bool alike(std::int64_t a, std::int64_t b) {
    return std::abs(a - b) <= 16 + a / 10;
}

/// The two requests only differ in "stream", so their input counts must be equal.
void check_usage(Run& run) {
    const bool both = run.second.usage && run.stream.usage;
    const bool none = !run.second.usage && !run.stream.usage;
    if (none) {
        run.skip("usage", "the target does not know its counts");
        return;
    }
    std::string wrong;
    if (!both) {
        wrong = "only one kind of answer reports the counts";
    } else if (!alike(run.second.input, run.stream.input) ||
               !alike(run.first.input, run.second.input)) {
        wrong = fmt::format(
            "one prompt counts {}, {} and {} tokens",
            run.first.input,
            run.second.input,
            run.stream.input
        );
    } else if (!run.stream.text.empty() && (run.stream.input == 0 || run.stream.output == 0)) {
        wrong = fmt::format("{} tokens in, {} out", run.stream.input, run.stream.output);
    }
    run.judge("usage", wrong, "counted in both, the prompt alike");
}

Json side_by_side(const Completion& target, const Completion& origin) {
    return Json{{"target", facts_of(target)}, {"origin", facts_of(origin)}};
}

/// Each hop's own clocks show the slower one; here only their difference counts.
std::string slower_by(const Completion& target, const Completion& origin) {
    const auto extra = target.clocks.end.value_or(0) - origin.clocks.end.value_or(0);
    return fmt::format("{:+.0f}ms", extra * 1000);
}

bool holds_back(const Completion& target, const Completion& origin) {
    if (origin.pacing.pacing != Pacing::streamed || target.pacing.pacing == Pacing::streamed) {
        return false;
    }
    return target.pacing.pacing == Pacing::buffered ||
           comes_at_once(target.arrivals, origin.arrivals);
}

Task<void> check_edge(RunPtr run) {
    const auto direct = run->options.direct;
    if (!direct) {
        run->skip("edge.shape", "no origin was named (--direct)");
        run->skip("edge.timings", "no origin was named (--direct)");
        co_return;
    }
    const auto& options = run->options;
    const auto whole = co_await ask_completion(
        run->client, *direct, body_of(*run, false), options.limits, options.api
    );
    run->keep(run->stem("origin-whole"), whole);
    const auto stream = co_await ask_completion(
        run->client, *direct, body_of(*run, true), options.limits, options.api
    );
    run->keep(run->stem("origin-stream"), stream);
    std::string wrong = whole.wrong().empty() ? stream.wrong() : whole.wrong();
    if (!wrong.empty()) {
        run->report("edge.shape", Verdict::error, "the origin: " + wrong);
        run->skip("edge.timings", "the origin gave no good answer");
        co_return;
    }
    auto found = body_difference(run->second, whole);
    if (found.empty() && run->stream.order != stream.order) {
        found = fmt::format("streams: {} and {}", run->stream.order, stream.order);
    }
    const auto same = fmt::format("the same, streams {}", stream.order);
    run->judge("edge.shape", found, same, side_by_side(run->second, whole));
    bool held = holds_back(run->stream, stream);
    if (held && run->stream.pacing.pacing != Pacing::buffered) {
        // A model may once have been late and then fast, but a hop that holds streams holds every
        // one. A failed second answer does not invalidate the first.
        const auto repeated = co_await ask(run, body_of(*run, true));
        run->keep(run->stem("stream-again"), repeated);
        held = !repeated.wrong().empty() || holds_back(repeated, stream);
    }
    run->report(
        "edge.timings",
        held ? Verdict::fail : Verdict::pass,
        held ? "the origin streams, the target gives all at once: " + run->stream.pacing.why
             : fmt::format(
                   "whole {} and stream {} against the origin; target {}; origin {}",
                   slower_by(run->second, whole),
                   slower_by(run->stream, stream),
                   run->stream.timing(),
                   stream.timing()
               ),
        side_by_side(run->stream, stream)
    );
}

} // namespace

Task<std::vector<Check>>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every smoke
smoke_completions(net::HttpClient& client, CompletionsSmokeOptions options) {
    const auto run = std::make_shared<Run>(&client, std::move(options));
    if (!co_await check_models(run)) {
        co_return run->in_order();
    }
    co_await choose_prompt(run);
    const auto answer = [run](bool streamed) { return ask(run, body_of(*run, streamed)); };
    run->first = co_await answer(false);
    report_answer(*run, "whole.first", run->first);
    auto stored = body_of(*run, false);
    stored.erase("store"); // check_stored() sets it again, and deletes the response
    run->second = co_await ask(run, std::move(stored));
    report_answer(*run, "whole.second", run->second);
    if (!arrived(run->first) && !arrived(run->second)) {
        run->skip_rest("no answer arrives whole");
        co_return run->in_order();
    }
    check_whole_shape(*run);
    run->stream = co_await answer(true);
    run->stream.pacing = judge_pacing(run->stream.arrivals, run->paced_over);
    check_stream(*run);
    if (was_given_up(run->stream)) {
        run->skip_rest("streams do not end in time"); // dozens more would take hours
        co_return run->in_order();
    }
    check_usage(*run);
    co_await check_one_model(run);
    check_model_names(*run);
    co_await check_unknown_model(run);
    co_await check_manners(run);
    co_await check_bodies(run);
    co_await check_wire(run);
    co_await check_auth(run);
    co_await check_turns(run);
    co_await check_features(run);
    co_await check_scenarios(run);
    run->judge("request-id", run->request_id_fault, "each its own");
    co_await check_edge(run);
    co_return run->in_order();
}

} // namespace oa_stream::probe
