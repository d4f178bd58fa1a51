// Which conversations the probes of a run may have opened, by the arm they went to.
#pragma once

#include "oa_stream/probe/prober.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

class OpenedIds {
public:
    /// For the keys of one prober: its arms count from 0.
    [[nodiscard]] int next_flow() noexcept { return ++flow_; }

    /// The conversation of a request that is about to be sent.
    [[nodiscard]] std::string begin(int flow, std::string_view arm, std::uint64_t index) {
        return in_flight_[{flow, std::string(arm), index}] = probe::probe_thread();
    }
    /// The conversation of a request that is over, if it may have opened one; it is forgotten.
    [[nodiscard]] std::optional<std::string> ended(int flow, const probe::ProberSample& sample) {
        auto found = in_flight_.extract({flow, sample.arm, sample.index});
        const bool opens = !found.empty() && sample.sent && !was_refused(sample.sample.status);
        return opens ? std::optional(std::move(found.mapped())) : std::nullopt;
    }
    /// One that a request named which was answered with `status`; 0: by nobody.
    void add(std::string_view arm, std::string id, int status = 0) {
        if (!was_refused(status)) {
            by_arm_[std::string(arm)].push_back(std::move(id));
        }
    }
    /// All of them, also of requests that were cancelled; they are forgotten.
    [[nodiscard]] std::map<std::string, std::vector<std::string>> take() {
        for (auto& [key, id] : std::exchange(in_flight_, {})) {
            add(std::get<std::string>(key), std::move(id));
        }
        return std::exchange(by_arm_, {});
    }

private:
    [[nodiscard]] static bool was_refused(int status) noexcept {
        return status >= 400 && status < 500;
    }

    int flow_ = 0;
    std::map<std::tuple<int, std::string, std::uint64_t>, std::string> in_flight_{};
    std::map<std::string, std::vector<std::string>> by_arm_{};
};

} // namespace oa_stream::playbook
