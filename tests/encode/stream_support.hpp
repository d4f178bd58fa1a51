// What the tests of this room share: a turn through Normaliser and UiEncoder, and the judge on it.
#pragma once

#include "oa_stream/authority/capture.hpp"
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/encode/normaliser.hpp"
#include "oa_stream/encode/ui_encoder.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode::test {

[[nodiscard]] UiEncoderOptions options();

/// Normalised; a source without an end ends as `authority_lost`.
[[nodiscard]] std::vector<turn::Event> normalised(std::vector<turn::Event> events);

/// The bytes of already normalised events. Throws std::runtime_error when the encoder refuses one.
[[nodiscard]] std::string
encoded(const std::vector<turn::Event>& events, UiEncoderOptions with = options());

/// The stream a client of this capture's turn would get.
[[nodiscard]] std::string stream_of(const authority::Capture& capture);

/// The "data:" payloads of a stream, "[DONE]" included.
[[nodiscard]] std::vector<std::string> frames_of(std::string_view stream);

/// Types of the frames' chunks: "start", "text-delta", "[DONE]".
[[nodiscard]] std::vector<std::string> types_of(std::string_view stream);

/// Every violation and warning, one a line; empty for a stream that breaks nothing.
enum class Warnings { ignored, counted };
[[nodiscard]] std::string judged(std::string_view stream, Warnings warnings = Warnings::counted);

/// All text of the parts of one kind, in order.
[[nodiscard]] std::string joined_deltas(std::string_view stream, std::string_view type);

/// Random choices that repeat: the same seed draws the same.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_);
    }
    template <class T> const T& pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }

private:
    std::mt19937_64 engine_;
};

/// Texts to draw from: empty, plain, cut inside a character, not UTF-8, and `more`.
[[nodiscard]] std::vector<std::string> hard_texts(const std::vector<std::string>& more);

} // namespace oa_stream::encode::test
