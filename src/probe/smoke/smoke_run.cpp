#include "smoke_run.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "stream/describe.hpp"
#include "stream/outcome.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::probe {
namespace {

net::ClientRequest whole(net::ClientRequest request) {
    request.max_body = 1U << 20U;
    request.fresh_connection = true;
    return request;
}

} // namespace

std::string Smoke::thread() const {
    return fresh_thread("oasmoke");
}

Task<net::ClientResponse> Smoke::fetch(net::ClientRequest request) {
    auto answer = co_await client->fetch(whole(std::move(request)));
    note_wait(answer.status, answer.headers);
    co_return answer;
}

Task<net::ClientResponse> Smoke::look(std::string path) const {
    net::ClientRequest request = target_request(options.target, "GET", path, options.limits);
    request.headers.set("accept", "application/json");
    co_return co_await client->fetch(whole(std::move(request)));
}

Task<net::ClientResponse> Smoke::get(std::string path) {
    auto answer = co_await look(std::move(path));
    note_wait(answer.status, answer.headers);
    co_return answer;
}

Task<net::ClientResponse> Smoke::refused_post(Target target, std::string body) {
    net::ClientRequest request = target_request(target, "POST", "/api/chat/stream", options.limits);
    request.headers.set("accept", "text/event-stream, application/json");
    request.headers.set("content-type", "application/json");
    request.body = std::move(body);
    co_return co_await fetch(std::move(request));
}

void Smoke::note_turn(const std::string& thread, const ProbeSample& answer) {
    const bool refused = answer.status >= 400 && answer.status < 500;
    if (!refused && !contains(opened, thread)) {
        opened.push_back(thread);
        if (options.on_opened) {
            options.on_opened(thread);
        }
    }
    if (answer.status == 200 && answer.outcome != Outcome::wrong_content_type) {
        ++turns;
        add_once(threads, thread);
    }
}

Task<ProbeSample> Smoke::probe(std::string name, std::string thread, ProbeRequest request) {
    request.keep = true;
    request.thread = thread;
    const bool starts = request.method == "POST";
    if (starts && options.on_turn) {
        options.on_turn(thread);
    }
    ProbeSample sample =
        co_await probe_stream(*client, options.target, std::move(request), options.limits);
    note_wait(sample.status, sample.headers);
    if (starts) {
        note_turn(thread, sample);
    }
    if (options.keep) {
        std::string stem = name;
        std::ranges::replace(stem, '+', '-');
        for (std::string& path : options.keep(stem, sample)) {
            kept[name].push_back(std::move(path));
        }
    }
    co_return sample;
}

std::string seen(const net::ClientResponse& answer) {
    if (answer.status == 0) {
        return fmt::format(
            "{}: {}", net::to_string(answer.failure), printable(answer.failure_text)
        );
    }
    std::string text = fmt::format("HTTP {}", answer.status);
    if (answer.status / 100 == 3) { // usually a login page
        const std::string_view to = answer.headers.get("location").value_or("");
        return fmt::format(
            "{} to {}", text, printable(to.empty() ? "nowhere" : to.substr(0, to.find('?')), 80)
        );
    }
    if (const std::string code = envelope_code(answer.body); !code.empty()) {
        text += " " + printable(code, 60);
    }
    return text;
}

bool is_unreachable(const net::ClientResponse& answer) noexcept {
    using enum net::TransferFailure;
    return answer.status == 0 && (answer.failure == dns || answer.failure == refused ||
                                  answer.failure == tls || answer.failure == connect_timeout);
}

bool no_such_route(int status) noexcept {
    return status == 404 || status == 405 || status == 501;
}

bool lists_turns(const Smoke& smoke) {
    const auto it = smoke.done.find("content.messages");
    return it != smoke.done.end() && it->second.verdict == Verdict::pass;
}

bool refused_us(const Smoke& smoke) {
    return std::ranges::all_of(smoke.happy, [](const Happy& happy) {
        return happy.sample.outcome == Outcome::unauthorised;
    });
}

std::string judge_refusal(const net::ClientResponse& answer, int status, std::string_view code) {
    if (answer.status != status) {
        return fmt::format("expected HTTP {}, saw {}", status, seen(answer));
    }
    if (has_media_type(answer.headers, "text/event-stream")) {
        return "a refusal came as an event stream";
    }
    if (!has_media_type(answer.headers, "application/json")) {
        return fmt::format(
            "HTTP {} is not JSON: content-type {}",
            status,
            printable(answer.headers.get("content-type").value_or("missing"), 80)
        );
    }
    const auto json = parse_json(answer.body);
    if (!json) {
        return fmt::format("the body of HTTP {} is not JSON: {}", status, json.error().message);
    }
    const Json& error = object_in(*json, "error");
    const auto got = string_member(error, "code");
    if (!string_member(*json, "message") || !got || !string_member(error, "message")) {
        return fmt::format("HTTP {} lacks the envelope message, error.code, error.message", status);
    }
    if (!code.empty() && *got != code) {
        return fmt::format("expected code {}, saw {}", code, printable(*got, 60));
    }
    return {};
}

void report_refusal(
    Smoke& smoke, std::string_view name, const net::ClientResponse& answer, const std::string& wrong
) {
    Json data;
    data["status"] = answer.status;
    data["code"] = envelope_code(answer.body);
    data["request_id"] = std::string(answer.headers.get("x-request-id").value_or(""));
    smoke.wait = asked_to_wait(answer.status, answer.headers); // of this answer alone
    if (is_unreachable(answer)) {
        smoke.report(name, Verdict::error, seen(answer), std::move(data));
    } else {
        smoke.judge(name, wrong, seen(answer) + " before the stream", std::move(data));
    }
}

} // namespace oa_stream::probe
