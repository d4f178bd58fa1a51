// What a Prometheus may answer: no crash, and nothing unknown is ever taken for a number.
#include "oa_stream/measure/prometheus_answer.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace oa_stream::measure::prometheus;

namespace {

constexpr int k_statuses[]{200, 400, 401, 404, 422, 429, 503};

void judge(const Answer& answer) {
    const Reading reading = reading_of(answer);
    const bool number = reading.state == Reading::State::value;
    if (number && (!std::isfinite(reading.value) || !answer.warnings.empty())) {
        std::abort();
    }
    const Answer merged = merge_replicas(answer, k_replica_labels);
    if (merged.series.size() > answer.series.size()) {
        std::abort();
    }
    if (const auto buckets = buckets_of(merged)) {
        for (std::size_t i = 1; i < buckets->size(); ++i) {
            if ((*buckets)[i].count < (*buckets)[i - 1].count) {
                std::abort();
            }
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const int status = k_statuses[data[0] % std::size(k_statuses)];
    const auto type = static_cast<ResultType>(data[0] / 16 % 4);
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto answer =
        parse_answer(status, body, type, {.bytes = 4096, .series = 20, .points = 100});
    if (answer && status == 200 && type != ResultType::string) {
        judge(*answer);
    }
    return 0;
}
