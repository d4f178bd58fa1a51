// Replies cut anywhere, and commands with any bytes in them.
#include "resp.hpp"

#include <catch2/catch.hpp>

#include <hiredis/hiredis.h>

using namespace oa_stream;
using namespace oa_stream::store;

TEST_CASE("a reply is the same wherever its bytes are cut") {
    const std::string bytes = "*4\r\n$5\r\na\r\nbc\r\n:42\r\n$-1\r\n*2\r\n+OK\r\n$0\r\n\r\n";
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        ReplyReader reader;
        reader.feed(std::string_view(bytes).substr(0, cut));
        auto reply = reader.next();
        REQUIRE(reply);
        if (cut < bytes.size()) {
            CHECK_FALSE(reply->has_value());
            reader.feed(std::string_view(bytes).substr(cut));
            reply = reader.next();
        }
        REQUIRE(reply);
        REQUIRE(reply->has_value());
        const auto& list = **reply;
        REQUIRE(list.items.size() == 4);
        CHECK(list.at(0) == "a\r\nbc");
        CHECK(list.items[1].count() == 42);
        CHECK(list.at(1) == "42");
        CHECK(list.items[2].nil());
        CHECK(list.items[3].at(0) == "OK");
        CHECK(list.items[3].at(1).empty());
        CHECK(list.at(9).empty());
    }
}

TEST_CASE("several replies in one piece come one after the other") {
    ReplyReader reader;
    reader.feed("+one\r\n-ERR two\r\n:3\r\n");
    CHECK((*reader.next())->text == "one");
    const auto error = *reader.next();
    CHECK(error->failed());
    CHECK(error->text == "ERR two");
    CHECK((*reader.next())->number == 3);
    CHECK_FALSE(reader.next()->has_value());
}

TEST_CASE("bytes that are no reply are refused") {
    ReplyReader reader;
    reader.feed("HTTP/1.1 400 Bad Request\r\n\r\n");
    const auto reply = reader.next();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == Code::protocol);
}

TEST_CASE("a command carries any bytes") {
    std::string out;
    append_command(out, {"SET", "k", std::string("\0\r\n", 3), ""});
    constexpr char k_sent[] = "*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n";
    CHECK(out == std::string(k_sent, sizeof k_sent - 1));
}

TEST_CASE("only digits count") {
    Reply text{.kind = Reply::Kind::text, .text = "17"};
    CHECK(text.count() == 17);
    text.text = "17x";
    CHECK(text.count() == 0);
    const Reply negative{.kind = Reply::Kind::number, .number = -1};
    CHECK(negative.count() == 0);
}

TEST_CASE("a command is written as hiredis writes it") {
    const std::string long_one(70'000, 'x');
    const std::string binary("a\0\r\n$3\r\n", 9);
    const std::vector<std::string_view> words{"XADD", "", binary, long_one, "ü", "0"};
    for (std::size_t count = 1; count <= words.size(); ++count) {
        std::vector<const char*> texts;
        std::vector<std::size_t> sizes;
        for (const auto word : std::span(words).first(count)) {
            texts.push_back(word.data());
            sizes.push_back(word.size());
        }
        char* formatted = nullptr;
        const int size =
            redisFormatCommandArgv(&formatted, static_cast<int>(count), texts.data(), sizes.data());
        REQUIRE(size > 0);
        const std::string expected(formatted, static_cast<std::size_t>(size));
        redisFreeCommand(formatted);
        std::string out = "before";
        append_command(out, std::span(words).first(count));
        CHECK(out == "before" + expected);
    }
}

TEST_CASE("bytes that announce too much, or make no sense, are refused before more come") {
    const auto nested = [](int depth) {
        std::string out;
        for (int i = 0; i < depth; ++i) {
            out += "*1\r\n";
        }
        return out;
    };
    for (const std::string& bytes :
         {std::string("$1099511627776\r\n"),
          std::string("$536870913\r\nabc"),
          std::string("$99999999999999999999\r\n"),
          std::string("$-5\r\n"),
          std::string("$x\r\n"),
          std::string("*2147483648\r\n"),
          std::string("*2147483647\r\n"),
          std::string("*16777217\r\n"),
          std::string("*-7\r\n"),
          std::string("*99999999999999999999\r\n"),
          std::string(":99999999999999999999\r\n"),
          std::string("*2\r\n+OK\r\n$1099511627776\r\n"),
          nested(100),
          nested(9),
          "+" + std::string(16'385, 'x'),
          "$" + std::string(16'385, '1')}) {
        INFO(bytes.substr(0, 60));
        ReplyReader reader;
        reader.feed(bytes);
        const auto reply = reader.next();
        REQUIRE_FALSE(reply);
        CHECK(reply.error().code == Code::protocol);
    }
}

TEST_CASE("what Redis may announce is waited for") {
    for (const std::string& bytes :
         {std::string("$536870912\r\nabc"),
          std::string("*1000000\r\n+OK\r\n"),
          std::string("*1\r\n*1\r\n*1\r\n*1\r\n"),
          "-" + std::string(16'384, 'x'),
          std::string("$"),
          std::string("$5\r"),
          std::string("*2\r\n$99")}) {
        INFO(bytes.substr(0, 60));
        ReplyReader reader;
        reader.feed(bytes);
        const auto reply = reader.next();
        REQUIRE(reply);
        CHECK_FALSE(*reply);
    }
}
