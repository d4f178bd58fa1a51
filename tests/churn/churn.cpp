// Clients that come, leave, dawdle and come back, against a running lane that replays recordings.
// Prints one JSON document; exit 1 when a stream broke the contract or lost or doubled anything.
#include "oa_stream/base/json.hpp"

#include "options.hpp"
#include "process_facts.hpp"
#include "round.hpp"

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <optional>

namespace {

using namespace oa_stream;
using namespace oa_stream::churn;

Json told(const Counts& counts) {
    return Json{
        {"streams", counts.streams},
        {"most_at_once", counts.most_at_once},
        {"whole", counts.whole},
        {"left", counts.left},
        {"resumed", counts.resumed},
        {"resume_gone", counts.resume_gone},
        {"resume_late", counts.resume_late},
        {"slow_whole", counts.slow_whole},
        {"slow_cut", counts.slow_cut},
        {"slow_unfinished", counts.slow_unfinished},
        {"refused", counts.refused},
        {"violations", counts.violations},
        {"lost", counts.lost},
        {"doubled", counts.doubled},
        {"altered", counts.altered},
        {"failed", counts.failed},
        {"broken", counts.broken},
        {"samples", counts.samples},
    };
}

bool is_clean(const Counts& counts) {
    return counts.violations + counts.lost + counts.doubled + counts.altered + counts.failed +
               counts.broken ==
           0;
}

struct Loaded {
    std::vector<Recording> all{};
    Recording slow{};
};

Result<Loaded> load(const Options& options) {
    Loaded loaded;
    for (const auto& name : options.captures) {
        OA_TRY(auto recording, read_recording(options.recordings, name));
        loaded.all.push_back(std::move(recording));
    }
    OA_TRY(loaded.slow, read_recording(options.recordings, options.slow_capture));
    return loaded;
}

/// Until the lane says that no stream is open; then for the time in which ended turns are kept.
Task<void> settle(const Options* options) {
    const auto executor = co_await asio::this_coro::executor;
    const auto http = net::HttpClient::make(executor);
    const auto deadline = Clock::now() + std::chrono::minutes(2);
    while (Clock::now() < deadline) {
        net::ClientRequest request;
        request.url = options->base + "/metrics";
        request.fresh_connection = true;
        const auto answer = co_await http->fetch(std::move(request));
        if (answer.body.contains("\noa_stream_active_streams 0\n")) {
            break;
        }
        co_await sleep_for(Millis(200));
    }
    co_await sleep_for(options->settle);
}

Task<void> churn_all(const Options* options, const Loaded* loaded, Json* report, bool* clean) {
    const auto executor = co_await asio::this_coro::executor;
    const auto before = facts_of(options->pid);
    (*report)["before"] =
        Json{{"resident_kib", before.resident_kib}, {"descriptors", before.descriptors}};
    for (std::size_t number = 1; number <= options->rounds; ++number) {
        auto round = std::make_shared<Round>(executor, *options, loaded->all, loaded->slow, number);
        const auto counts = co_await Round::run(round);
        const auto busy = facts_of(options->pid);
        round.reset();
        co_await settle(options);
        const auto after = facts_of(options->pid);
        auto line = told(counts);
        line["resident_kib_at_end"] = busy.resident_kib;
        line["resident_kib"] = after.resident_kib;
        line["descriptors"] = after.descriptors;
        (*report)["rounds"].push_back(std::move(line));
        *clean = *clean && is_clean(counts);
    }
}

int run(const Options& options) {
    raise_descriptor_limit();
    const auto loaded = load(options);
    if (!loaded) {
        fmt::print(stderr, "churn: {}\n", loaded.error().text());
        return 2;
    }
    asio::io_context context(1);
    Json report = Json::object();
    report["streams"] = options.streams;
    report["round_s"] = static_cast<double>(options.round.count()) / 1000;
    report["rounds"] = Json::array();
    bool clean = true;
    spawn(context.get_executor(), "churn", churn_all(&options, &*loaded, &report, &clean));
    context.run();
    fmt::print("{}\n", dump_json(report));
    return clean ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto options = parse_options(words);
    if (!options) {
        fmt::print(stderr, "churn: {}\n", options.error().text());
        return 2;
    }
    return run(*options);
}
