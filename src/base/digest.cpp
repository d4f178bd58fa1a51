#include "oa_stream/base/digest.hpp"

#include "oa_stream/base/lines.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <new>
#include <span>

namespace oa_stream {
namespace {

/// Fetched once: with EVP_sha256() each digest asks all providers for it, which takes longer than a
/// short text.
const EVP_MD* sha256_method() {
    static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> fetched(
        EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free
    );
    return fetched.get();
}

class Sha256 {
public:
    Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        if (!context_ || EVP_DigestInit_ex(context_.get(), sha256_method(), nullptr) != 1) {
            throw std::bad_alloc(); // the only way in which the library can fail here
        }
    }
    void update(std::string_view bytes) {
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    }
    [[nodiscard]] std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
        constexpr std::string_view k_digits = "0123456789abcdef";
        std::string out;
        out.reserve(std::size_t{2} * size);
        for (const unsigned byte : std::span(digest).first(size)) {
            out += k_digits[byte >> 4U];
            out += k_digits[byte & 0xFU];
        }
        return out;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

int base64url_digit(char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

} // namespace

std::string sha256_hex(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.hex();
}

Result<std::string> sha256_of_file(const std::filesystem::path& path) {
    std::error_code absent;
    const auto there = std::filesystem::status(path, absent);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
        return fail(Code::unreadable, "it is not a regular file", path.string());
    }
    std::ifstream file(path, std::ios::binary);
    std::array<char, 64U << 10U> buffer{};
    Sha256 hash;
    while (file.read(buffer.data(), buffer.size()) || file.gcount() > 0) {
        hash.update({buffer.data(), static_cast<std::size_t>(file.gcount())});
    }
    if (!file.eof()) {
        return fail(Code::unreadable, "cannot read", path.string());
    }
    return hash.hex();
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    const unsigned char* const done = HMAC(
        EVP_sha256(),
        key.data(),
        static_cast<int>(key.size()),
        reinterpret_cast<const unsigned char*>(bytes.data()), // NOLINT(*-reinterpret-cast)
        bytes.size(),
        digest.data(),
        &size
    );
    if (done == nullptr) {
        throw std::bad_alloc(); // the only way in which the library can fail here
    }
    return {digest.begin(), digest.begin() + size};
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view k_digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group = group << 8U | (i < here ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= here ? k_digits[group >> (18 - 6 * i) & 0x3FU] : '=';
        }
    }
    return out;
}

std::optional<std::string> base64url_decoded(std::string_view text) {
    std::string out;
    unsigned bits = 0;
    int held = 0;
    for (const char c : text) {
        const int value = base64url_digit(c);
        if (value < 0) {
            return std::nullopt;
        }
        bits = (bits << 6U) | static_cast<unsigned>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.push_back(static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xffU));
        }
    }
    return out;
}

std::vector<SumLine> sum_lines(std::string_view text) {
    constexpr std::size_t k_hex = 64;
    std::vector<SumLine> out;
    while (!text.empty()) {
        SumLine line{.whole = cut_line(text)};
        if (line.whole.size() >= k_hex + 3 && line.whole.substr(k_hex, 2) == "  " &&
            line.whole.find_first_not_of("0123456789abcdef") == k_hex) {
            line.digest = line.whole.substr(0, k_hex);
            line.file = line.whole.substr(k_hex + 2);
        }
        out.push_back(line);
    }
    return out;
}

} // namespace oa_stream
