// Keeps a random sample of a stage's conversations of pinned probes until its end: each has the
// same chance, whenever it was opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

class ThreadSample {
public:
    /// Sets how many of each arm are kept from now on.
    void keep(std::size_t most) noexcept { most_ = most; }

    /// Adds a conversation of an arm. Returns the one, this or an earlier one, that is not kept.
    [[nodiscard]] std::optional<std::string> add(std::string_view arm, std::string id) {
        if (most_ == 0) {
            return id;
        }
        Arm& kept = arms_[std::string(arm)];
        ++kept.seen;
        if (kept.ids.size() < most_) {
            kept.ids.push_back(std::move(id));
            return std::nullopt;
        }
        const auto at = std::uniform_int_distribution<std::uint64_t>(0, kept.seen - 1)(random_);
        if (at < kept.ids.size()) {
            std::swap(kept.ids[at], id);
        }
        return id;
    }
    /// Removes and returns the kept ones, by arm; later ones form a new sample.
    [[nodiscard]] std::map<std::string, std::vector<std::string>> take() {
        std::map<std::string, std::vector<std::string>> out;
        for (auto& [arm, kept] : std::exchange(arms_, {})) {
            out[arm] = std::move(kept.ids);
        }
        return out;
    }

private:
    struct Arm {
        std::uint64_t seen = 0;
        std::vector<std::string> ids{};
    };
    std::size_t most_ = 0;
    std::map<std::string, Arm> arms_{};
    std::mt19937_64 random_{std::random_device{}()};
};

} // namespace oa_stream::playbook
