// Connections as edges and older clients use them.
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/client_certificate.hpp"

#include "completions_raw.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {

namespace {

constexpr std::string_view k_json_type = "application/json";

RawRequest posted(const Run& run, const Json& body) {
    RawRequest request;
    request.path = run.path();
    request.pieces = {dump_json(body)};
    request.headers = {{"Content-Type", std::string(k_json_type)}};
    return request;
}
void say_length(RawRequest& request) {
    request.headers.emplace_back(
        "Content-Length", fmt::format("{}", request.pieces.front().size())
    );
}

/// Refused for its temperature, so it costs no turn.
Json hot_body(const Run& run) {
    auto body = body_of(run, false);
    body["temperature"] = 7;
    body["user"] = "\xE4\xB8\x96\xE7\x95\x8C"; // two characters of three bytes
    return body;
}

Task<std::string> head_fault(RunPtr run) {
    RawRequest request{.method = "HEAD", .path = "/v1/models"};
    request.headers = {{"Connection", "close"}};
    const auto answer = co_await raw_exchange(run, std::move(request));
    if (!answer || answer->status == 0) {
        co_return std::string("HEAD /v1/models was not answered");
    }
    co_return answer->body.empty()
        ? std::string()
        : fmt::format("the answer to HEAD has a body of {} bytes", answer->body.size());
}

/// Clients send their next request on the same connection.
Task<std::string> reused_fault(RunPtr run) {
    RawRequest first{.method = "GET", .path = "/v1/models"};
    auto next = posted(*run, hot_body(*run));
    say_length(next);
    const auto answer = co_await raw_exchange(run, std::move(first), std::move(next));
    if (!answer || answer->status == 0) {
        co_return std::string("the second request on a connection that was kept is not answered");
    }
    const bool ended = answer->status == 200; // the first answer, with the connection
    co_return ended || answer->body.contains("temperature")
        ? std::string()
        : fmt::format("the second request on a connection is {}, not read", answer->status);
}

Task<std::string> continue_fault(RunPtr run) {
    auto request = posted(*run, hot_body(*run));
    say_length(request);
    request.headers.emplace_back("Expect", "100-continue");
    request.expects = true;
    const auto answer = co_await raw_exchange(run, std::move(request));
    if (!answer || answer->status == 0 || answer->status == 100) {
        co_return std::string("Expect: 100-continue is not answered within 5 s");
    }
    co_return answer->status >= 400 && answer->status < 500
        ? std::string()
        : fmt::format("a wrong body behind Expect: 100-continue is {}", answer->status);
}

Task<std::string> large_fault(RunPtr run) {
    RawRequest request;
    request.path = run->path();
    request.pieces = {R"({"model":")"};
    request.headers = {
        {"Content-Type", std::string(k_json_type)}, {"Content-Length", "1073741824"}
    };
    const auto answer = co_await raw_exchange(run, std::move(request));
    if (answer && answer->status == 413) {
        co_return std::string();
    }
    co_return !answer || answer->status == 0
        ? std::string("a Content-Length of 1 GiB is waited for, not refused with 413")
        : fmt::format("a Content-Length of 1 GiB is {}, not 413", answer->status);
}

Task<std::string> chunked_fault(RunPtr run) {
    const auto body = dump_json(hot_body(*run));
    auto request = posted(*run, hot_body(*run));
    request.pieces.clear();
    const auto cut = body.find("\xE4\xB8\x96") + 1; // inside the character
    for (const std::string_view piece :
         {std::string_view(body).substr(0, cut), std::string_view(body).substr(cut)}) {
        request.pieces.push_back(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
    }
    request.pieces.emplace_back("0\r\n\r\n");
    request.headers.emplace_back("Transfer-Encoding", "chunked");
    const auto answer = co_await raw_exchange(run, std::move(request));
    if (!answer || answer->status == 0) {
        co_return std::string("a chunked body is not answered");
    }
    co_return answer->status == 400 && answer->body.contains("temperature")
        ? std::string()
        : fmt::format("a chunked body in pieces is {}, not read", answer->status);
}

/// An edge that uses HTTP/1.0 to its origin.
Task<std::string> old_fault(RunPtr run) {
    auto request = posted(*run, body_of(*run, true));
    say_length(request);
    request.version = "1.0";
    request.within = std::min(run->options.limits.total, Millis{60000});
    const auto answer = co_await raw_exchange(run, std::move(request));
    if (!answer || answer->status == 0) {
        co_return std::string("HTTP/1.0 is not answered");
    }
    if (answer->status != 200) {
        co_return std::string(); // an edge may refuse it
    }
    if (iequals(answer->headers.get("transfer-encoding").value_or(""), "chunked")) {
        co_return std::string("the answer to HTTP/1.0 comes in chunks");
    }
    co_return answer->closed ? std::string()
                             : std::string("the connection stays open behind HTTP/1.0");
}

Task<std::string> wire_fault(RunPtr run) {
    for (const auto check :
         {head_fault, reused_fault, continue_fault, large_fault, chunked_fault, old_fault}) {
        if (auto wrong = co_await check(run); !wrong.empty()) {
            co_return wrong;
        }
    }
    co_return std::string();
}

} // namespace

Task<void> check_wire(RunPtr run) {
    if (!run->options.target.connect_to.empty()) {
        run->skip("wire", "the target is pinned to another address");
        co_return;
    }
    if (net::has_client_certificate()) {
        run->skip("wire", "its connections show no client certificate");
        co_return;
    }
    run->judge("wire", co_await wire_fault(run), "HEAD, kept, 100-continue, 413, chunks, HTTP/1.0");
}

} // namespace oa_stream::probe
