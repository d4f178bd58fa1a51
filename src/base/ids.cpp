#include "oa_stream/base/ids.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace oa_stream {

namespace {

void fill_random(unsigned char* bytes, std::size_t count) {
    std::size_t have = 0;
    while (have < count) {
        const auto got = ::getrandom(bytes + have, count - have, 0);
        if (got > 0) {
            have += static_cast<std::size_t>(got);
        }
    }
}

std::string hex(const unsigned char* bytes, std::size_t count) {
    static constexpr std::string_view k_digits = "0123456789abcdef";
    std::string text;
    text.reserve(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        text += k_digits[bytes[i] >> 4U];
        text += k_digits[bytes[i] & 15U];
    }
    return text;
}

} // namespace

std::string random_hex(std::size_t bytes) {
    std::vector<unsigned char> raw(bytes);
    fill_random(raw.data(), raw.size());
    return hex(raw.data(), raw.size());
}

std::string uuid_v7() {
    std::array<unsigned char, 16> raw{};
    fill_random(raw.data(), raw.size());
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch()
    )
                         .count();
    const auto millis = static_cast<std::uint64_t>(now);
    for (std::size_t i = 0; i < 6; ++i) {
        raw[i] = static_cast<unsigned char>(millis >> (40U - 8U * i));
    }
    raw[6] = static_cast<unsigned char>(0x70U | (raw[6] & 0x0fU)); // version 7, RFC 9562
    raw[8] = static_cast<unsigned char>(0x80U | (raw[8] & 0x3fU)); // variant 10
    const std::string text = hex(raw.data(), raw.size());
    return fmt::format(
        "{}-{}-{}-{}-{}",
        text.substr(0, 8),
        text.substr(8, 4),
        text.substr(12, 4),
        text.substr(16, 4),
        text.substr(20)
    );
}

bool is_wire_id(std::string_view id) noexcept {
    return id.size() <= 128 && is_plain_word(id, "_-");
}

std::string thread_in_query(std::string_view query) {
    while (!query.empty()) {
        const auto pair = cut_until(query, '&');
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && contains(k_thread_names, pair.substr(0, equals))) {
            const auto decoded = percent_decode(pair.substr(equals + 1));
            return decoded ? std::string(trim(*decoded)) : std::string("%");
        }
    }
    return {};
}

} // namespace oa_stream
