#include "oa_stream/base/secret.hpp"

#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

using namespace oa_stream;

namespace {

/// The reading end of a pipe that has this text and no writer.
int descriptor_of(std::string_view text) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    return ends[0];
}

} // namespace

TEST_CASE("secret: a token on the command line is refused and the alternative named") {
    for (const auto* text : {"hunter2hunter2", "token:abc", "", "env:", "file:"}) {
        CAPTURE(text);
        const auto secret = read_secret(text);
        REQUIRE_FALSE(secret.has_value());
        CHECK(secret.error().code == Code::usage);
        CHECK(secret.error().text().contains("env:NAME, file:PATH or fd:N"));
        CHECK_FALSE(secret.error().text().contains("hunter2"));
    }
}

TEST_CASE("secret: a text that names its place is not one itself") {
    for (const auto* text : {"env:NAME", "file:/run/token", "fd:3"}) {
        CHECK(is_secret_reference(text));
    }
    for (const auto* text : {"", "env", "hunter2", "command:cat", "metadata:", "ENV:NAME"}) {
        CHECK_FALSE(is_secret_reference(text));
    }
}

TEST_CASE("secret: from the environment, a private file or a descriptor") {
    ::setenv("OA_TEST_SECRET", "s3cret-value", 1);
    CHECK(read_secret("env:OA_TEST_SECRET").value().reveal() == "s3cret-value");
    ::setenv("OA_TEST_SECRET", "", 1);
    CHECK(read_secret("env:OA_TEST_SECRET").error().code == Code::credentials);
    ::unsetenv("OA_TEST_SECRET");
    CHECK(read_secret("env:OA_TEST_SECRET").error().code == Code::credentials);

    const auto path =
        std::filesystem::temp_directory_path() / ("oa-secret-" + std::to_string(::getpid()));
    std::ofstream(path) << "from-file\n";
    ::chmod(path.c_str(), 0644);
    CHECK(read_secret("file:" + path.string()).error().hint.text().contains("chmod 600"));
    ::chmod(path.c_str(), 0600);
    CHECK(read_secret("file:" + path.string()).value().reveal() == "from-file");
    std::filesystem::remove(path);

    const int by_fd = descriptor_of("by-fd\n");
    CHECK(read_secret("fd:" + std::to_string(by_fd)).value().reveal() == "by-fd");
    ::close(by_fd);
}

TEST_CASE("secret: a credential of systemd may be read by its group, any other file not") {
    const test::TempFolder folder;
    const auto given = folder.path / "credentials";
    std::filesystem::create_directory(given);
    const auto file = [](const std::filesystem::path& path, mode_t mode) {
        std::ofstream(path) << "given\n";
        ::chmod(path.c_str(), mode);
        return "file:" + path.string();
    };
    const auto token = file(given / "token", 0440);
    const auto outside = file(folder.path / "token", 0440);
    CHECK_FALSE(read_secret(token).has_value());
    ::setenv("CREDENTIALS_DIRECTORY", (given / ".").c_str(), 1);
    CHECK(read_secret(token).value().reveal() == "given");
    std::filesystem::create_symlink(given / "token", folder.path / "inside");
    CHECK(read_secret("file:" + (folder.path / "inside").string()).has_value());
    CHECK_FALSE(read_secret(outside).has_value());
    std::filesystem::create_symlink(folder.path / "token", given / "outside");
    CHECK_FALSE(read_secret("file:" + (given / "outside").string()).has_value());
    for (const mode_t mode : {0460U, 0444U, 0450U}) {
        CAPTURE(mode);
        CHECK_FALSE(read_secret(file(given / "other", mode)).has_value());
        std::filesystem::remove(given / "other");
    }
    ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("secret: a descriptor is read once and answers all who name it") {
    const int one = descriptor_of("for-all\n");
    const std::string reference = "fd:" + std::to_string(one);
    CHECK(read_secret(reference).value().reveal() == "for-all");
    CHECK(read_secret(reference).value().reveal() == "for-all");

    SECTION("but not for another descriptor that has its number later") {
        const int other = descriptor_of("another\n");
        REQUIRE(::dup2(other, one) == one);
        CHECK(read_secret(reference).value().reveal() == "another");
        ::close(other);
    }
    SECTION("nor once it is closed") {
        ::close(one);
        CHECK(read_secret(reference).error().code == Code::credentials);
        return;
    }
    ::close(one);
}

TEST_CASE("secret: an empty descriptor is refused each time") {
    const int none = descriptor_of("");
    const std::string reference = "fd:" + std::to_string(none);
    CHECK(read_secret(reference).error().text().contains("is empty"));
    CHECK(read_secret(reference).error().text().contains("is empty"));
    ::close(none);
}

TEST_CASE("secret: what no header can carry is refused before anything is sent") {
    struct Row {
        const char* name;
        const char* text;
        const char* secret; ///< nullptr: refused
    };
    const Row row = GENERATE(values<Row>({
        {"a line end of Windows", "TOK\r\n", "TOK"},
        {"no line end", "TOK", "TOK"},
        {"letters of other scripts", "T\u00f6K \u20ac\n", "T\u00f6K \u20ac"},
        {"line ends alone", "\n\n", nullptr},
        {"a line end of Windows alone", "\r\n", nullptr},
        {"two line ends", "TOK\n\n", nullptr},
        {"a second line", "TOK\nmore\n", nullptr},
        {"a carriage return", "TOK\r", nullptr},
        {"a tab", "TOK\tX", nullptr},
        {"an escape", "TOK\x1b[0m", nullptr},
    }));
    DYNAMIC_SECTION(row.name) {
        ::setenv("OA_TEST_SECRET", row.text, 1);
        const auto secret = read_secret("env:OA_TEST_SECRET");
        ::unsetenv("OA_TEST_SECRET");
        REQUIRE(secret.has_value() == (row.secret != nullptr));
        if (secret) {
            CHECK(secret->reveal() == row.secret);
        } else {
            CHECK(secret.error().code == Code::credentials);
            CHECK(secret.error().text().contains("env:OA_TEST_SECRET"));
            CHECK_FALSE(secret.error().text().contains("TOK"));
        }
    }
}

TEST_CASE("secret: comparison needs every byte") {
    const Secret secret("abcdef");
    CHECK(secret.equals("abcdef"));
    CHECK_FALSE(secret.equals("abcdeg"));
    CHECK_FALSE(secret.equals("abcde"));
    CHECK_FALSE(secret.equals("abcdefg"));
    CHECK_FALSE(secret.equals(""));
}
