// The conversations that a run's probes may have opened, by arm.
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
    /// Distinguishes the keys of several probers, whose arms count from 0.
    [[nodiscard]] int next_flow() noexcept { return ++flow_; }

    /// Creates the conversation id of a request that is about to be sent.
    [[nodiscard]] std::string begin(int flow, std::string_view arm, std::uint64_t index) {
        return in_flight_[{flow, std::string(arm), index}] = probe::probe_thread();
    }
    /// Removes and returns the conversation of an ended request, if it may have opened one.
    [[nodiscard]] std::optional<std::string> ended(int flow, const probe::ProberSample& sample) {
        auto found = in_flight_.extract({flow, sample.arm, sample.index});
        const bool opens = !found.empty() && sample.sent && !was_refused(sample.sample.status);
        return opens ? std::optional(std::move(found.mapped())) : std::nullopt;
    }
    /// Adds a conversation named in a request that was answered with `status`; 0: without an
    /// answer.
    void add(std::string_view arm, std::string id, int status = 0) {
        if (!was_refused(status)) {
            by_arm_[std::string(arm)].push_back(std::move(id));
        }
    }
    /// Removes and returns all of them, including those of cancelled requests.
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
