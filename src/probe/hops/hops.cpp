// Runs the trials of each hop, all in parallel.
#include "oa_stream/probe/hops.hpp"

#include "oa_stream/authority/kind.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/prober.hpp"

#include "hops_reads.hpp"
#include "load/latch.hpp"
#include "stream/completions_ask.hpp"
#include "stream/target_request.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr std::size_t k_most_hops = 6;
constexpr auto k_word_every = Millis{static_cast<Millis::rep>(k_word_every_s * 1000)};
/// Extra time of a trial beyond the silence or length that it requests.
constexpr Millis k_margin{15'000};

struct Trials {
    Trials(const asio::any_io_executor& executor, HopOptions asked)
        : options(std::move(asked)), over(executor) {}
    net::HttpClient* client = nullptr;
    HopOptions options;
    bool plays = false; ///< it plays recorded turns, so a silence can be requested
    std::string model{}; ///< for chat completions; empty: there are none
    std::vector<HopSeen> seen{};
    std::size_t pending = 0;
    Latch over;

    [[nodiscard]] Target target(std::size_t hop) const {
        Target out = options.target;
        out.base_url = options.hops[hop].base_url;
        out.connect_to.clear();
        return out;
    }
    [[nodiscard]] ProbeLimits patient() const {
        ProbeLimits out = options.limits;
        const Millis longest = options.longest + k_margin;
        out.first_byte = std::max(out.first_byte, longest);
        out.stall = std::max(out.stall, longest);
        out.total = longest + 2 * k_margin; // so that every trial has ended before they are judged
        return out;
    }
    void done() {
        if (--pending == 0) {
            over.open();
        }
    }
};
using TrialsPtr = std::shared_ptr<Trials>;

Task<ProbeSample>
ask_turn(TrialsPtr trials, std::size_t hop, std::string prompt, std::string accept_encoding) {
    const std::string thread = fresh_thread("oaprobe_hop");
    if (trials->options.on_turn) {
        trials->options.on_turn(thread);
    }
    ProbeRequest request = probe_request(thread, prompt);
    request.keep = true;
    request.accept_encoding = std::move(accept_encoding);
    ProbeSample sample = co_await probe_stream(
        *trials->client, trials->target(hop), std::move(request), trials->patient()
    );
    if (trials->options.on_answer) {
        trials->options.on_answer(thread, sample);
    }
    co_return sample;
}

Task<void> try_silence(TrialsPtr trials, std::size_t hop) {
    trials->seen[hop].silent = co_await ask_turn(
        trials, hop, fmt::format("scenario:stall;n=4;ms={}", trials->options.longest.count()), {}
    );
    trials->done();
}

Task<void> try_duration(TrialsPtr trials, std::size_t hop) {
    const auto words = std::max<Millis::rep>(8, trials->options.longest / k_word_every);
    trials->seen[hop].steady = co_await ask_turn(
        trials, hop, fmt::format("scenario:words;n={};delay={}", words, k_word_every.count()), {}
    );
    trials->done();
}

Task<void> try_whole(TrialsPtr trials, std::size_t hop) {
    const auto ms = trials->options.longest.count();
    Json message = Json::object({{"role", "user"}});
    message["content"] = fmt::format("scenario:stall;n=2;ms={}", ms);
    Json body = Json::object({{"model", trials->model}});
    body["messages"] = Json::array({std::move(message)});
    const Completion answer = co_await ask_completion(
        trials->client, trials->target(hop), std::move(body), trials->patient()
    );
    const net::ClientResponse& response = answer.response;
    WholeAnswer out{
        .status = response.status,
        .end_s = response.timings.end_s,
        .why = response.status == 0 ? std::string(net::to_string(response.failure))
                                    : fmt::format("HTTP {}", response.status),
    };
    if (response.failure != net::TransferFailure::none && response.status == 200) {
        out.status = 0; // a head, and then nothing
        out.why = net::to_string(response.failure);
    }
    trials->seen[hop].whole = std::move(out);
    trials->done();
}

Task<void> try_plain(TrialsPtr trials, std::size_t hop) {
    const std::string prompt =
        trials->plays ? "scenario:words;n=12;delay=100" : std::string(k_counting_prompt);
    trials->seen[hop].plain = co_await ask_turn(trials, hop, prompt, "gzip, deflate, br");
    trials->done();
}

/// A separate client has a separate pool, with only this connection.
Task<void> try_idle(TrialsPtr trials, std::size_t hop, Millis idle) {
    const auto client = net::HttpClient::make(co_await asio::this_coro::executor);
    net::ClientRequest request =
        target_request(trials->target(hop), "GET", "/healthz", trials->options.limits);
    const net::ClientResponse first = co_await client->fetch(request);
    (void)co_await sleep_for(idle);
    const net::ClientResponse second = co_await client->fetch(request);
    const bool kept = first.status != 0 && second.status != 0 && second.timings.connected_s <= 0;
    auto& list = trials->seen[hop].idle;
    list.push_back({seconds(idle), kept});
    std::ranges::sort(list, {}, &IdleConnection::idle_s);
    trials->done();
}

/// The answer of the innermost hop; null when it is not JSON.
Task<Json> get_from_lane(TrialsPtr trials, std::string path) {
    net::ClientRequest request = target_request(
        trials->target(trials->seen.size() - 1), "GET", path, trials->options.limits
    );
    const net::ClientResponse answer = co_await trials->client->fetch(std::move(request));
    co_return answer.status == 200 ? parse_json(answer.body).value_or(nullptr) : Json(nullptr);
}

Task<void> learn(TrialsPtr trials) {
    const Json version = co_await get_from_lane(trials, "/version");
    trials->plays = authority::plays_recordings(version);
    const Json models = co_await get_from_lane(trials, "/v1/models");
    if (const Json& list = list_in(models, "data"); !list.empty()) {
        trials->model = text_in(list.front(), "id");
    }
}

void start(const TrialsPtr& trials, const asio::any_io_executor& executor) {
    const auto run = [&](Task<void> trial) {
        ++trials->pending;
        spawn(executor, "hops", std::move(trial));
    };
    const Millis longest = trials->options.longest;
    for (std::size_t hop = 0; hop < trials->seen.size(); ++hop) {
        run(try_plain(trials, hop));
        for (const Millis idle : {longest / 4, longest / 2, longest}) {
            run(try_idle(trials, hop, idle));
        }
        if (trials->plays) {
            run(try_silence(trials, hop));
            run(try_duration(trials, hop));
            if (trials->model.empty()) {
                trials->seen[hop].whole = WholeAnswer{.status = 404};
            } else {
                run(try_whole(trials, hop));
            }
        }
    }
}

} // namespace

Result<std::vector<Hop>> parse_hops(std::string_view text) {
    constexpr std::string_view k_like =
        "like client=https://chat.example.org,origin=http://10.0.0.7:8080";
    std::vector<Hop> out;
    while (!text.empty()) {
        const std::string_view one = trim(cut_until(text, ','));
        const auto equals = std::min(one.find('='), one.size());
        const std::string name(one.substr(0, equals));
        if (name == k_authority_hop && equals == one.size() && text.empty() && !out.empty()) {
            out.push_back({name, {}}); // the last hop has no address
            break;
        }
        const bool known = contains(out, name, &Hop::name);
        if (name.empty() || name != printable(name, 40) || equals + 1 >= one.size() || known) {
            return fail(
                Code::usage,
                known ? fmt::format("hop '{}' is named twice", name)
                      : fmt::format("'{}' is not a name and an address", printable(one, 80)),
                {},
                std::string(k_like)
            );
        }
        std::string url(one.substr(equals + 1));
        while (url.ends_with('/')) {
            url.pop_back();
        }
        out.push_back({name, std::move(url)});
    }
    if (out.size() < 2 || out.size() > k_most_hops) {
        return fail(Code::usage, "two to six hops are compared", {}, std::string(k_like));
    }
    return out;
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every trial
Task<std::vector<Check>> probe_hops(net::HttpClient& client, HopOptions options) {
    const auto executor = co_await asio::this_coro::executor;
    const auto trials = std::make_shared<Trials>(executor, std::move(options));
    trials->client = &client;
    for (const Hop& hop : trials->options.hops) {
        if (!hop.base_url.empty()) {
            trials->seen.push_back({.name = hop.name});
        }
    }
    co_await learn(trials);
    start(trials, executor);
    co_await trials->over.wait(trials->options.longest + 4 * k_margin);
    auto checks = judge_hops(trials->seen, trials->options.longest, trials->options.id_prefix);
    if (trials->seen.size() < trials->options.hops.size()) {
        checks.push_back(
            judge_authority(trials->seen.back(), trials->options.longest, trials->options.id_prefix)
        );
    }
    for (const Check& check : checks) {
        if (trials->options.on_check) {
            trials->options.on_check(check);
        }
    }
    co_return checks;
}

} // namespace oa_stream::probe
