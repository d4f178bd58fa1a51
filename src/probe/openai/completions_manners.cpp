// Ids, texts, methods and preflight: the requirements for every answer.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_run.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace oa_stream::probe {

namespace {

constexpr std::int64_t k_day = 86'400; // clocks may differ

std::optional<std::int64_t> made_at(const Run& run, const Completion& answer) {
    if (answer.streamed) {
        return answer.created;
    }
    const auto body = parse_json(answer.response.body);
    return body ? int_member(*body, run.responses() ? "created_at" : "created") : std::nullopt;
}

void check_ids(Run& run) {
    if (!run.compares_answers("ids")) {
        return;
    }
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::string wrong;
    if (run.first.id == run.second.id || run.second.id == run.stream.id ||
        run.first.id == run.stream.id || run.first.id.empty()) {
        wrong = fmt::format("two answers have the id {}", printable(run.first.id, 60));
    }
    for (const auto* answer : {&run.first, &run.second, &run.stream}) {
        const auto made = made_at(run, *answer);
        if (wrong.empty() && (!made || std::abs(*made - now) > k_day)) {
            wrong = fmt::format("created at {}, now is {}", made.value_or(0), now);
        }
    }
    run.judge("ids", wrong, "each its own, made now");
}

/// A model's wording may vary; a target with identical whole answers must stream the same text,
/// too.
void check_text(Run& run) {
    if (!run.compares_answers("text")) {
        return;
    }
    const bool steady = run.first.text == run.second.text;
    std::string wrong;
    for (const auto* answer : {&run.first, &run.second, &run.stream}) {
        if (wrong.empty() && answer->text.contains("\xEF\xBF\xBD")) {
            wrong = fmt::format("U+FFFD in the text \"{}\"", printable(answer->text, 80));
        }
    }
    if (wrong.empty() && steady && run.stream.text != run.first.text) {
        wrong = fmt::format(
            R"(twice "{}", streamed "{}")",
            printable(run.first.text, 60),
            printable(run.stream.text, 60)
        );
    }
    if (wrong.empty() && !run.first.text.empty() && run.stream.text.empty()) {
        wrong = "there is a text, but not in the stream";
    }
    run.judge("text", wrong, steady ? "the same, whole and streamed" : "a text in each");
}

Task<std::string> method_fault(RunPtr run) {
    const std::string path = run->path();
    for (const std::string method : {"PUT", "GET", "DELETE", "PATCH"}) {
        const auto answer = co_await send(run, {method, path, method == "PUT" ? "{}" : ""});
        auto wrong = refusal_fault(answer, 405, "method_not_allowed");
        if (wrong.empty() && !answer.headers.get("allow").value_or("").contains("POST")) {
            wrong = "405 whose Allow has no POST";
        }
        if (!wrong.empty()) {
            co_return fmt::format("{} {}: {}", method, path, wrong);
        }
    }
    for (const std::string method : {"GET", "POST"}) {
        const auto answer =
            co_await send(run, {method, "/v1/no/such/path", method == "POST" ? "{}" : ""});
        if (auto wrong = refusal_fault(answer, 404, "not_found"); !wrong.empty()) {
            co_return fmt::format("{} /v1/no/such/path: {}", method, wrong);
        }
    }
    const auto head = co_await send(run, {"HEAD", "/v1/models"});
    if (head.status != 200) {
        co_return fmt::format("HEAD /v1/models is {}", head.status);
    }
    const auto other = co_await send(run, {"HEAD", path});
    co_return other.status == 405 ? std::string()
                                  : fmt::format("HEAD {} is {}", path, other.status);
}

std::string methods_of(const net::ClientResponse& answer) {
    return std::string(answer.headers.get("allow").value_or("")) + " " +
           std::string(answer.headers.get("access-control-allow-methods").value_or(""));
}

/// A page of another origin must be able to read errors wherever it can read answers.
Task<std::string> cors_fault(RunPtr run) {
    const std::string path = run->path();
    net::Headers origin;
    origin.set("origin", "https://app.example");
    Sent asked{"OPTIONS", path};
    asked.anonymous = true;
    asked.more = origin;
    asked.more.set("access-control-request-method", "POST");
    asked.more.set("access-control-request-headers", "authorization, content-type");
    const auto granted = co_await send(run, std::move(asked));
    if (!granted.headers.has("access-control-allow-origin")) {
        co_return std::string();
    }
    const auto names = to_lower(granted.headers.get("access-control-allow-headers").value_or(""));
    if (!methods_of(granted).contains("POST") ||
        (names != "*" && (!names.contains("authorization") || !names.contains("content-type")))) {
        co_return std::string("a preflight is granted, but not POST with authorization");
    }
    Sent refused{"POST", path, "[]"};
    refused.more = origin;
    const auto error = co_await send(run, std::move(refused));
    co_return error.headers.has("access-control-allow-origin")
        ? std::string()
        : std::string("an error has no access-control-allow-origin, the preflight has");
}

Task<void> check_preflight(RunPtr run) {
    std::string wrong;
    for (const std::string_view path :
         {path_of(run->options.api), std::string_view("/v1/models")}) {
        Sent sent{"OPTIONS", std::string(path)};
        sent.anonymous = true;
        const auto answer = co_await send(run, std::move(sent));
        const std::string_view method = path == "/v1/models" ? "GET" : "POST";
        if (wrong.empty() && answer.status != 200 && answer.status != 204) {
            wrong = fmt::format("OPTIONS {} without a key is {}", path, answer.status);
        }
        if (wrong.empty() && !methods_of(answer).contains(method)) {
            wrong = fmt::format("OPTIONS {} does not name {}", path, method);
        }
    }
    if (wrong.empty()) {
        wrong = co_await cors_fault(run);
    }
    run->judge("preflight", wrong, "answered without a key");
}

} // namespace

Task<void> check_manners(RunPtr run) {
    check_ids(*run);
    check_text(*run);
    run->judge("methods", co_await method_fault(run), "405 with Allow, 404");
    co_await check_preflight(run);
}

} // namespace oa_stream::probe
