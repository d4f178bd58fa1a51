#include "oa_stream/base/shell.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;

TEST_CASE("shell: a word is quoted when a shell would take it for anything else") {
    struct Row {
        std::string_view word;
        std::string_view quoted;
    };
    constexpr std::array k_rows{
        Row{"/var/lib/oa-stream", "/var/lib/oa-stream"},
        Row{"env:TOKEN", "env:TOKEN"},
        Row{"", "''"},
        Row{"/tmp/sp ace", "'/tmp/sp ace'"},
        Row{"it's", R"('it'\''s')"},
        Row{"a;b", "'a;b'"},
        Row{"$HOME", "'$HOME'"},
        Row{"~/x", "'~/x'"},
        Row{"http://h/?a=1&b=2", "'http://h/?a=1&b=2'"},
    };
    for (const Row& row : k_rows) {
        CHECK(shell_word(row.word) == row.quoted);
    }
    CHECK(less_command("/sp ace/report.md") == "less '/sp ace/report.md'");
}

TEST_CASE("suggestion: each argument is one word for a shell, whatever stands in it") {
    const Suggestion clear{"route clear", {"--auth", "file:/etc/my token", "--domain", "a;b"}};
    CHECK(clear.text() == "oa-stream route clear --auth 'file:/etc/my token' --domain 'a;b'");
    const Suggestion doctor{"doctor"};
    CHECK(text_of_all({doctor, clear}) == "oa-stream doctor && " + clear.text());
    CHECK(text_of_all({}).empty());
}
