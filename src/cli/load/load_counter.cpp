#include "load_counter.hpp"

#include "oa_stream/measure/exposition.hpp"
#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <chrono>
#include <cmath>
#include <vector>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_first_scrapes = 8;

} // namespace

void LoadCounter::add(std::string_view exposition) {
    auto scrape = measure::parse_exposition(exposition);
    if (!scrape || !measure::sum_of(*scrape, {&telemetry::metric("http_requests_total")})) {
        return;
    }
    const std::size_t known = processes_.all().size();
    (void)processes_.add(
        measure::merged_series(*std::move(scrape), false),
        ++ticks_,
        unix_seconds(std::chrono::system_clock::now())
    );
    late_ = late_ || (begun_ && processes_.all().size() > known);
}

std::optional<std::uint64_t> LoadCounter::counted(std::string_view route) const {
    const std::vector<std::string> routes{std::string(route)};
    double sum = 0;
    for (const measure::ScrapedProcess& one : processes_.all()) {
        sum += measure::sum_of(one.counters.rose(), telemetry::requests_term(routes)).value_or(0);
    }
    if (processes_.all().empty() || late_) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(std::llround(sum));
}

std::size_t LoadCounter::scrapes() const noexcept {
    const std::size_t known = processes_.all().size();
    return known == 0 ? k_first_scrapes : known == 1 ? 1 : 2 * known + 1;
}

} // namespace oa_stream::cli
