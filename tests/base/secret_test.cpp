#include "oa_stream/base/secret.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace oa_stream;

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
    CHECK(read_secret("file:" + path.string()).error().hint.contains("chmod 600"));
    ::chmod(path.c_str(), 0600);
    CHECK(read_secret("file:" + path.string()).value().reveal() == "from-file");
    std::filesystem::remove(path);

    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], "by-fd\n", 6) == 6);
    ::close(ends[1]);
    CHECK(read_secret("fd:" + std::to_string(ends[0])).value().reveal() == "by-fd");
    ::close(ends[0]);
}

TEST_CASE("secret: comparison needs every byte") {
    const Secret secret("abcdef");
    CHECK(secret.equals("abcdef"));
    CHECK_FALSE(secret.equals("abcdeg"));
    CHECK_FALSE(secret.equals("abcde"));
    CHECK_FALSE(secret.equals("abcdefg"));
    CHECK_FALSE(secret.equals(""));
}
