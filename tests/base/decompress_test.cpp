// What gzip and zstd wrote: whole, cut, damaged and swollen.
#include "oa_stream/base/decompress.hpp"
#include "oa_stream/base/file.hpp"

#include "packed.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <optional>

using namespace oa_stream;

namespace {

struct Format {
    const char* name;
    std::string (*pack)(std::string_view text);
};
constexpr std::array k_formats{Format{"gzip", test::gzip_text}, Format{"zstd", test::zstd_text}};

std::string pack(const Format& format, std::string_view text) {
    return format.pack(text);
}

struct Unpacked {
    std::string text;
    std::optional<Error> error{};
};

Unpacked drain(Result<Decompressor> reader) {
    Unpacked out;
    if (!reader) {
        out.error = std::move(reader).error();
        return out;
    }
    for (;;) {
        auto piece = reader->next();
        if (!piece) {
            out.error = std::move(piece).error();
            CHECK(reader->next().error().message == out.error->message);
            return out;
        }
        if (piece->empty()) {
            return out;
        }
        out.text += *piece;
    }
}

Unpacked unpack(std::string_view bytes, DecompressLimits limits = {}) {
    return drain(Decompressor::open_bytes(bytes, limits));
}

/// Text that no compressor makes small.
std::string noise(std::size_t size) {
    std::string out;
    unsigned seed = 7;
    while (out.size() < size) {
        seed = seed * 1664525U + 1013904223U;
        out += static_cast<char>(' ' + (seed >> 24U) % 95U);
    }
    return out;
}

} // namespace

TEST_CASE("decompress: what was packed comes back, in pieces, members one after the other") {
    const auto format = GENERATE(from_range(k_formats));
    DYNAMIC_SECTION(format.name) {
        const std::string text = noise(300'000);
        const std::string packed = pack(format, text);
        CHECK(to_string(compression_of(packed)) == format.name);
        const auto whole = unpack(packed);
        CHECK_FALSE(whole.error.has_value());
        CHECK(whole.text == text);
        constexpr DecompressLimits k_one{.one_member = true};
        CHECK(unpack(packed, k_one).text == text);
        for (const std::string& behind :
             {pack(format, "tail\n"), pack(format, ""), std::string("x")}) {
            const auto more = unpack(packed + behind, k_one);
            CHECK(more.text == text);
            REQUIRE(more.error.has_value());
            CHECK(more.error->code == Code::protocol);
        }
        const auto twice = unpack(packed + pack(format, "tail\n"));
        CHECK_FALSE(twice.error.has_value());
        CHECK(twice.text == text + "tail\n");
        CHECK(unpack(pack(format, "")).text.empty());
        CHECK_FALSE(unpack(pack(format, "")).error.has_value());
    }
}

TEST_CASE("decompress: a file is read as bytes in memory are") {
    const test::TempFolder folder;
    const auto path = folder.path / "log.1.gz";
    const std::string text = noise(200'000);
    REQUIRE(write_file_atomic(path, pack(k_formats[0], text)).has_value());
    CHECK(drain(Decompressor::open(path)).text == text);
    CHECK(drain(Decompressor::open(folder.path / "none")).error->code == Code::unreadable);
}

TEST_CASE("decompress: cut or damaged input is an error, never a short text without one") {
    const auto format = GENERATE(from_range(k_formats));
    DYNAMIC_SECTION(format.name) {
        const std::string text = noise(100'000);
        const std::string packed = pack(format, text);
        for (const std::size_t size : {std::size_t{5}, packed.size() / 2, packed.size() - 3}) {
            CAPTURE(size);
            const auto cut = unpack(std::string_view(packed).substr(0, size));
            REQUIRE(cut.error.has_value());
            CHECK(cut.error->code == Code::protocol);
            CHECK(text.starts_with(cut.text));
        }
        std::string flipped = packed;
        flipped[packed.size() - 1] ^= 1;
        CHECK(unpack(flipped).error.has_value());
        const auto torn = unpack(packed + packed.substr(0, packed.size() / 2));
        REQUIRE(torn.error.has_value());
        CHECK(torn.error->message == "damaged: cut short");
    }
}

TEST_CASE("decompress: only gzip and zstd, by their first bytes") {
    for (const std::string_view bytes :
         {"", "x", "plain text\n", "BZh91AY", "\x1f", "PK\x03\x04"}) {
        CAPTURE(bytes);
        CHECK(compression_of(bytes) == Compression::none);
        CHECK(unpack(bytes).error->code == Code::protocol);
    }
}

TEST_CASE("decompress: a bomb is refused as soon as it shows") {
    const auto format = GENERATE(from_range(k_formats));
    DYNAMIC_SECTION(format.name) {
        const std::string packed = pack(format, std::string(std::size_t{4} << 20U, 'a'));
        const auto swollen = unpack(packed, {.ratio = 100, .grace = 100'000});
        REQUIRE(swollen.error.has_value());
        CHECK(swollen.error->code == Code::too_large);
        CHECK(swollen.error->message == "unpacks to more than 100 times its size");
        CHECK(swollen.text.size() < 400'000 + packed.size() * 100);
        const auto capped = unpack(packed, {.output = 1'000'000, .grace = 100'000'000});
        REQUIRE(capped.error.has_value());
        CHECK(capped.error->message == "unpacks to more than 1000000 bytes");
        CHECK(capped.text.size() <= 1'000'000);
        CHECK_FALSE(unpack(packed).error.has_value());
    }
}
