#include "fake_prometheus.hpp"

#include "oa_stream/base/text.hpp"

#include "run_task.hpp"

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::measure::test {
namespace {

std::string query_in(std::string_view url) {
    constexpr std::string_view k_name = "?query=";
    const std::size_t from = url.find(k_name) + k_name.size();
    return percent_decode(url.substr(from, url.find('&', from) - from)).value_or("");
}

std::string bucket(std::string_view le, std::string_view count) {
    return fmt::format(R"({{"metric":{{"le":"{}"}},"value":[{},"{}"]}})", le, k_now_s, count);
}

} // namespace

Script only(std::string word, std::string body) {
    return [word = std::move(word), body = std::move(body)](std::string_view query, int) {
        return Scripted{.body = query.contains(word) && !query.contains("lacks") ? body : ""};
    };
}

std::string vector_body(std::string_view result, std::string_view more) {
    return fmt::format(
        R"({{"status":"success","data":{{"resultType":"vector","result":[{}]}}{}}})", result, more
    );
}

std::string matrix_body(std::string_view result, std::string_view more) {
    return fmt::format(
        R"({{"status":"success","data":{{"resultType":"matrix","result":[{}]}}{}}})", result, more
    );
}

std::string number_body(std::string_view value, std::string_view more) {
    return vector_body(fmt::format(R"({{"metric":{{}},"value":[{},"{}"]}})", k_now_s, value), more);
}

std::string scraped(double newest_s, double step_s, int count, std::string_view labels) {
    std::string values;
    for (int i = count - 1; i >= 0; --i) {
        values += fmt::format("{}[{},\"1\"]", values.empty() ? "" : ",", newest_s - i * step_s);
    }
    return fmt::format(
        R"({{"metric":{{"job":"lane","instance":"a:1","revision":"r2"{}}},"values":[{}]}})",
        labels,
        values
    );
}

std::string up_of(std::string_view value, std::string_view instance) {
    return fmt::format(
        R"({{"metric":{{"__name__":"up","job":"lane","instance":"{}"}},"value":[{},"{}"]}})",
        instance,
        k_now_s,
        value
    );
}

std::string healthy(std::string_view query) {
    if (query.starts_with("oa_stream_build_info")) {
        return matrix_body(scraped(k_now_s - 5));
    }
    if (query.starts_with("up")) {
        return vector_body(up_of("1"));
    }
    if (query.contains("oa_stream_process_info")) { // each process is scraped once
        return vector_body("");
    }
    if (query.starts_with("max(timestamp(")) { // when, at each step
        return matrix_body("");
    }
    if (query.starts_with("count by") || query.contains("(timestamp(") ||
        query.contains("(resets(oa_stream_process_start") ||
        query.contains("changes(")) { // nor did a process begin again
        return vector_body("");
    }
    if (query.starts_with("max(count_over_time")) {
        return matrix_body(R"({"metric":{},"values":[[1000,"40"],[1600,"40"],[2200,"40"]]})");
    }
    if (query.contains("> 0) unless on (")) { // nothing was there at first sight
        return vector_body("");
    }
    if (query.starts_with("count (count_over_time(") ||
        query.starts_with("count ((count_over_time(")) { // it counts the times of whole turns
        return number_body("5");
    }
    if (query.contains("_bucket")) {
        return vector_body(
            bucket("+Inf", "995") + "," + bucket("2.5", "985") + "," + bucket("1", "900")
        );
    }
    if (query.contains("class=\"completed\"")) {
        return number_body("995");
    }
    if (query.contains("oa_stream_terminal_total")) {
        return number_body("2");
    }
    if (query.contains("oa_stream_terminal_5xx_total")) {
        return number_body("0");
    }
    return number_body(query.contains("5..") ? "3" : "1000");
}

Task<net::ClientResponse> FakePrometheus::fetch(net::ClientRequest request) {
    requests.push_back(request);
    queries.push_back(query_in(request.url));
    const auto same = std::ranges::count(queries, queries.back());
    Scripted scripted;
    if (script_) {
        scripted = script_(queries.back(), static_cast<int>(same));
    }
    net::ClientResponse out;
    out.status = scripted.failure == net::TransferFailure::none ? scripted.status : 0;
    out.failure = scripted.failure;
    out.failure_text = scripted.failure_text;
    out.headers = scripted.headers;
    const bool answered = !scripted.body.empty() || scripted.status != 200 ||
                          scripted.failure != net::TransferFailure::none;
    out.body = answered ? scripted.body : healthy(queries.back());
    // A script or healthy() that has but one number has none for the stretches of a range.
    if (request.url.contains("/query_range") && out.body.contains(R"("resultType":"vector")")) {
        out.body = matrix_body("");
    }
    co_return out;
}

std::shared_ptr<net::Transfer>
FakePrometheus::stream(net::ClientRequest /*request*/, net::StreamHandlers /*handlers*/) {
    return nullptr;
}

Question question_of(double window_s) {
    Question out;
    out.revision = "r2";
    out.window = {k_now_s - window_s, k_now_s};
    return out;
}

Result<SourceReading>
ask(FakePrometheus& prometheus, const Question& question, PrometheusOptions options) {
    asio::io_context io(1);
    if (options.url.empty()) {
        options.url = "http://prometheus.test";
    }
    options.backoff = Millis(1);
    const auto source = prometheus_source(prometheus, std::move(options));
    return oa_stream::test::run_task(io, source->read(question));
}

} // namespace oa_stream::measure::test
