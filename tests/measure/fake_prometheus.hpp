// A Prometheus that answers as a test says, without a network.
#pragma once

#include "oa_stream/measure/prometheus_source.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure::test {

inline constexpr double k_now_s = 1'795'158'000;

struct Scripted {
    int status = 200;
    std::string body{};
    net::TransferFailure failure = net::TransferFailure::none;
    std::string failure_text{};
    net::Headers headers{};
};
/// An answer for the query, or an empty body for the healthy one.
using Script = std::function<Scripted(std::string_view query, int attempt)>;
/// `body` for the queries that contain `word`, the healthy answer for others.
[[nodiscard]] Script only(std::string word, std::string body);

class FakePrometheus final : public net::HttpClient {
public:
    explicit FakePrometheus(Script script = {}) : script_(std::move(script)) {}

    [[nodiscard]] Task<net::ClientResponse> fetch(net::ClientRequest request) override;
    [[nodiscard]] std::shared_ptr<net::Transfer>
    stream(net::ClientRequest request, net::StreamHandlers handlers) override;

    std::vector<net::ClientRequest> requests{};
    std::vector<std::string> queries{};

private:
    Script script_;
};

[[nodiscard]] std::string vector_body(std::string_view result, std::string_view more = "");
[[nodiscard]] std::string matrix_body(std::string_view result, std::string_view more = "");
/// One series without labels.
[[nodiscard]] std::string number_body(std::string_view value, std::string_view more = "");
/// A series of build_info scraped every `step_s` up to `newest_s`, `count` times.
[[nodiscard]] std::string
scraped(double newest_s, double step_s = 15, int count = 40, std::string_view labels = "");
[[nodiscard]] std::string up_of(std::string_view value, std::string_view instance = "a:1");

/// What a healthy lane with 1000 requests, 3 of them 503, 2 failed turns, looks like.
[[nodiscard]] std::string healthy(std::string_view query);

[[nodiscard]] Question question_of(double window_s = 600);
[[nodiscard]] Result<SourceReading>
ask(FakePrometheus& prometheus, const Question& question, PrometheusOptions options = {});

} // namespace oa_stream::measure::test
