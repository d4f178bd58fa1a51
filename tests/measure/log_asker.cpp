// One access log source that lives on: answers a question a line of its input, "FROM TO [REVISION]"
// in seconds since 1970, with a line of JSON. What follows a log through its rotations is tested
// with it against a real lane.
#include "oa_stream/base/json.hpp"

#include "../support/run_task.hpp"
#include "sources/access_log/access_log_source.hpp"

#include <boost/asio/io_context.hpp>

#include <iostream>
#include <sstream>

using namespace oa_stream;
using measure::SourceReading;

namespace {

measure::Question question_of(const std::string& line) {
    measure::Question out;
    std::istringstream words(line);
    words >> out.window.from_s >> out.window.to_s >> out.revision;
    return out;
}

Json told(const Result<SourceReading>& reading) {
    if (!reading) {
        return {{"state", "error"}, {"why", reading.error().text()}};
    }
    const bool measured = reading->state == SourceReading::State::measured;
    return {
        {"state", measured ? "measured" : "missing"},
        {"why", reading->why},
        {"bad", reading->tally.requests.bad},
        {"total", reading->tally.requests.total},
        {"timed", reading->tally.timed()},
        {"count_error", reading->count_error},
        {"covered_s", reading->covered_s},
        {"notes", reading->notes},
    };
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context io(1);
    measure::AccessLogOptions options;
    options.paths.assign(argv + 1, argv + argc);
    const auto source = measure::access_log_source(io.get_executor(), std::move(options));
    if (!source) {
        std::cerr << source.error().text() << '\n';
        return 2;
    }
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto reading = test::run_task(io, (*source)->read(question_of(line)));
        std::cout << dump_json(told(reading)) << std::endl;
    }
    return 0;
}
