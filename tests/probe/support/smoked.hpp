// Runs a smoke against a fake lane and keeps what came out.
#pragma once

#include "oa_stream/probe/smoke.hpp"

#include "fake_lane.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe::test {

struct Smoked {
    std::vector<Check> checks;
    std::vector<RawRequest> requests;
    std::vector<std::string> threads; ///< of the turns begun
    std::size_t turns = 0;
    [[nodiscard]] const Check& check(std::string_view name) const {
        for (const Check& check : checks) {
            if (check.id.ends_with("." + std::string(name))) {
                return check;
            }
        }
        throw std::runtime_error("no check " + std::string(name));
    }
    [[nodiscard]] std::vector<std::string> failed() const {
        std::vector<std::string> ids;
        for (const Check& check : checks) {
            if (check.verdict == Verdict::fail) {
                ids.push_back(check.id);
            }
        }
        return ids;
    }
};

inline Smoked
smoke_with(LoopRig& loop, FakeLane& lane, const std::function<void(SmokeOptions&)>& with = {}) {
    const auto client = net::HttpClient::make(loop.executor());
    SmokeOptions options;
    options.target.base_url = lane.url();
    options.target.bearer = Secret(lane.token);
    options.limits = {Millis(2000), Millis(2000), Millis(2000), Millis(20000)};
    if (with) {
        with(options);
    }
    Smoked out;
    out.checks = loop.run(smoke_stream(*client, std::move(options)));
    out.requests = lane.server().requests();
    out.threads = lane.threads;
    out.turns = lane.threads.size();
    return out;
}

inline Smoked smoke(
    const std::function<void(FakeLane&)>& lane_is,
    const std::function<void(SmokeOptions&)>& with = {}
) {
    LoopRig loop;
    FakeLane lane(loop.executor());
    lane_is(lane);
    return smoke_with(loop, lane, with);
}

inline std::string replaced_once(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// The good answer of twenty words.
inline std::string good_paced_body() {
    std::string body = k_opening;
    for (const char* word :
         {"alpha ", "bravo ", "charlie ", "delta ", "echo ",   "foxtrot ", "golf ",
          "hotel ", "india ", "juliett ", "kilo ",  "lima ",   "mike ",    "november ",
          "oscar ", "papa ",  "quebec ",  "romeo ", "sierra ", "tango"}) {
        body += delta(word);
    }
    return body + k_ending;
}

} // namespace oa_stream::probe::test
