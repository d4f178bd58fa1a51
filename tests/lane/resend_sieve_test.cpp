// What is kept of a body that sends a whole chat again.
#include "bodies/resend_sieve.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

const std::string k_file(5000, 'A');

std::string image(std::string_view data = k_file) {
    return fmt::format(R"({{"type":"file","url":"data:image/png;base64,{}"}})", data);
}

std::string message(std::string_view role, std::string_view part) {
    return fmt::format(R"({{"parts":[{}],"id":"m","role":"{}"}})", part, role);
}

/// As a server does it, in pieces of `step` bytes.
std::string kept_of(std::string_view body, std::size_t step, std::size_t most = 100) {
    ResendSieve sieve;
    std::string kept;
    for (std::size_t at = 0; at < body.size(); at += step) {
        sieve.filter(body.substr(at, step), kept, most);
    }
    sieve.finish(kept);
    return kept;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), with);
    }
    return text;
}

const std::string k_old = image();
const std::string k_gone = fmt::format(R"({{"type":"file","url":"{}"}})", k_left_out);

} // namespace

TEST_CASE("sieve: old files are left out, wherever the list stands and however the body is cut") {
    const auto list = fmt::format(
        R"("messages":[{},{},{},{}])",
        message("user", k_old + "," + k_old),
        message("assistant", R"({"output":{"data":")" + k_file + R"("}})"),
        message("system", k_old),
        message("user", image(std::string(5000, 'B')))
    );
    const auto gone = replaced(
        replaced(list, k_old, k_gone), k_file, k_left_out // of the tool
    );
    for (const auto& shape : {
             R"({{"id":"c","trigger":"submit-message",{}}})",
             R"({{{},"id":"c"}})",
             "\n{{ \"id\" : [\"messages\"] ,\t{} , \"x\":{{\"messages\":[1]}} }}\n",
         }) {
        const auto body = fmt::format(fmt::runtime(shape), list);
        for (const std::size_t step : {1U, 7U, 4096U, 1U << 20U}) {
            CAPTURE(shape, step);
            CHECK(kept_of(body, step) == fmt::format(fmt::runtime(shape), gone));
            CHECK(kept_of(body, step, body.size()) == body); // it fits as it is
        }
    }
}

TEST_CASE("sieve: nothing else is left out") {
    const auto user = message("user", R"({"text":"hi"})");
    const auto with = [&](std::string_view part) {
        return fmt::format(R"({{"messages":[{},{}]}})", message("assistant", part), user);
    };
    const std::vector<std::string> whole{
        fmt::format(R"({{"messages":[{}]}})", message("user", k_old)),
        fmt::format(R"({{"messages":[{},{}]}})", user, message("assistant", k_old)),
        fmt::format(R"({{"messages":[{}],"files":"{}"}})", user, k_file),
        fmt::format(R"({{"message":{{"x":"{}"}},"messages":[{}]}})", k_file, user),
        fmt::format(R"({{"x":{{"messages":[{},{}]}}}})", message("user", k_old), user),
        with(fmt::format(R"({{"text":"{} b"}})", k_file)),
        with(fmt::format(R"({{"text":"{}\n"}})", k_file)),
        with(fmt::format(R"({{"text":"{}\""}})", k_file)),
        with(fmt::format(R"({{"text":"{}\u00fc"}})", k_file)),
        with(fmt::format("{{\"text\":\"{}\xC3\xBC\"}}", k_file)),
        with(fmt::format("{{\"text\":\"{}\xFF\"}}", k_file)), // still refused as no UTF-8
        with(fmt::format("{{\"text\":\"{}\n\"}}", k_file)),
        with(fmt::format(R"({{"{}":1}})", k_file)),
        with(fmt::format(R"(["{}"])", k_file)),
        with(fmt::format(R"({{"url":"{}"}})", k_file.substr(0, 4095))),
    };
    for (const auto& body : whole) {
        CAPTURE(body.size(), replaced(body, k_file, "F"));
        CHECK(kept_of(body, 1000) == body);
    }
}

TEST_CASE("sieve: files may have the escapes of '/', '+' and '=', wherever the body is cut") {
    const auto user = message("user", R"({"text":"hi"})");
    const auto with = [&](std::string_view url) {
        return fmt::format(
            R"({{"messages":[{},{}]}})",
            message("assistant", fmt::format(R"({{"url":"{}"}})", url)),
            user
        );
    };
    const auto body = with(
        R"(data:image\/png;base64,)" + k_file + R"(\/A\/\/9\u002bA\u002B\u002f\u002F\u003d\u003D)"
    );
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        ResendSieve sieve;
        std::string kept;
        sieve.filter(std::string_view(body).substr(0, cut), kept, 100);
        sieve.filter(std::string_view(body).substr(cut), kept, 100);
        sieve.finish(kept);
        if (kept != with(k_left_out)) {
            FAIL_CHECK("cut at " << cut);
        }
    }
    for (const auto* other : {
             R"(\\/)",
             R"(\u002)",
             R"(\u00)",
             R"(\u)",
             R"(\U002f)",
             R"(\u003c)",
             R"(\u102f)",
             R"(\x)",
             R"(\/\n)",
             R"(\u 02f)",
             R"(\/ )",
             R"(\"/)",
         }) {
        CAPTURE(other);
        for (const auto& whole : {with(k_file + other), with(other + k_file)}) {
            CHECK(kept_of(whole, 7) == whole);
        }
    }
}

TEST_CASE("sieve: files of the newest message that are too large are marked, the largest first") {
    const auto data = [](std::size_t size) { return "data:" + std::string(size, 'B'); };
    const auto part = [](std::string_view url) { return fmt::format(R"({{"url":"{}"}})", url); };
    const auto body = [&](std::string_view first, std::string_view second, std::string_view last) {
        return fmt::format(
            R"({{"messages":[{},{},{}],"trigger":"t"}})",
            message("user", k_old),
            message("user", fmt::format("{},{}", part(first), part(second))),
            message("assistant", part(last))
        );
    };
    const auto marked = [](std::string_view text, std::size_t most, std::size_t step = 700) {
        ResendSieve sieve(ResendSieve::Newest::marked);
        std::string kept;
        for (std::size_t at = 0; at < text.size(); at += step) {
            sieve.filter(text.substr(at, step), kept, most);
        }
        sieve.finish(kept);
        return replaced(kept, k_gone, k_old);
    };
    const auto small = data(5000);
    const auto large = data(9000);
    for (const std::size_t step : {1U, 700U, 1U << 20U}) {
        CHECK(
            marked(body(small, large, small), 12'000, step) == body(small, k_file_too_large, small)
        );
        CHECK(
            marked(body(large, small, ""), 1000, step) ==
            body(k_file_too_large, k_file_too_large, "")
        );
    }
    CHECK(marked(body(small, large, ""), 15'000) == body(small, large, "")); // fits without the old
    CHECK(marked(body(small, small, large), 5000) == body(small, small, large)); // does not help
    const std::string text(9000, 'B');
    CHECK(marked(body(small, text, ""), 8000) == body(small, text, ""));
    CHECK(kept_of(body(small, large, ""), 700, 9000).contains(large));
    const auto loud = "DATA:" + text;
    CHECK(marked(body(small, loud, ""), 8000) == body(small, k_file_too_large, ""));
}

TEST_CASE("sieve: who wrote the newest message is what its role says last") {
    const auto body = [](std::string_view roles) {
        return fmt::format(R"({{"messages":[{},{{{}}}]}})", message("user", k_old), roles);
    };
    const auto left_out = [&](std::string_view roles) {
        return kept_of(body(roles), 500).contains(k_left_out);
    };
    CHECK(left_out(R"("role":"user")"));
    CHECK(left_out(R"("content":"as without a role")"));
    CHECK(left_out(R"("role":"assistant","role":"user")"));
    CHECK_FALSE(left_out(R"("role":"user","role":"assistant")"));
    CHECK_FALSE(left_out(R"("role":"assistant","parts":[{"role":"user"}])"));
    CHECK(left_out(R"("role":"user","parts":[{"role":"assistant"}])"));
}

TEST_CASE("sieve: what is kept is JSON exactly when the body is") {
    std::mt19937 random(19); // NOLINT: the same cases each time
    const auto body = fmt::format(
        R"({{"id":"c","messages":[{},{},{}],"x":[{{}}]}})",
        message("user", k_old),
        message("assistant", image(R"(\/\u002b\u002F)" + k_file + R"(\/\u003d)")),
        message("user", R"({"text":"hi \" \\ "})")
    );
    const std::string_view bytes = "\"\\{}[]:,/ux \n\x01\xC3";
    std::size_t thinned = 0;
    for (int i = 0; i < 3000; ++i) {
        auto broken = body;
        for (auto changes = random() % 3; changes > 0; --changes) {
            const auto at = random() % broken.size();
            const auto kind = random() % 3;
            if (kind == 0) {
                broken.erase(at, 1 + (random() % 3));
            } else {
                broken.replace(at, kind - 1, 1, bytes[random() % bytes.size()]);
            }
        }
        broken.resize(random() % 5 == 0 ? random() % broken.size() : broken.size());
        const auto one = kept_of(broken, 1 + (random() % 6000));
        CHECK(one == kept_of(broken, 1 + (random() % 6000)));
        const auto before = parse_json(broken);
        const auto after = parse_json(one);
        CHECK(before.has_value() == after.has_value());
        thinned += one.contains(k_left_out) ? 1 : 0;
    }
    CHECK(thinned > 1000);
}
