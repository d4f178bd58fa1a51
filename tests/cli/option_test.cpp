#include "oa_stream/config/units.hpp"

#include "core/commands.hpp"
#include "slo/slo_args.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

using Millis = std::chrono::milliseconds;
enum class Mode { on, off };

struct Inner {
    std::optional<Millis> wait{};
};
struct Shared {
    std::string name{};
};
struct Group : Inner, Shared {
    int count = 0;
};
struct Front {
    long room = 7;
};
/// The bases lie at other offsets than in Group, so that each row has to find its own.
struct Options : Front, Group {
    Mode mode = Mode::off;
    std::vector<std::uint64_t> numbers{};
    std::optional<Inner> maybe{};
    bool probes = true;
    double share = 0;
    std::string given{};
    std::vector<std::string> words{};
    std::string secret{};
    std::vector<std::string> minted{};
};

Result<void> join(std::span<const std::string> values, Options& options) {
    for (const std::string& value : values) {
        options.given += value + ";";
    }
    return {};
}

constexpr std::array<std::string_view, 2> k_modes{"on", "off"};
constexpr auto k_group = options<Group>(
    option<&Shared::name>("--name", "NAME", "Name it."),
    option<&Group::count>("--count", "N", "Count.").range(2, 5).or_else("3")
);
constexpr auto k_options = options<Options>(
    k_group,
    option<&Options::mode>("--mode", k_modes, "Set the mode."),
    option<&Options::numbers>("--number", "N", "Add a number.").range(0, 9),
    option<&Options::maybe, &Inner::wait>("--wait", "D", "Wait.").range(100, 60'000),
    off_flag<&Options::probes>("--no-probes", "Send none."),
    parsed<config::read_share, &Options::share>("--share", "SHARE", "Take a share."),
    custom<Options, join>("--join", "TEXT", "Join.", true),
    option<&Options::secret>("--secret", "REF", "Read the secret."),
    option<&Options::minted>("--minted", "mint|REF", "Mint it, or read it.")
);
constexpr auto k_words =
    positionals<Options>(positional<&Options::words>("WORD", "Words.").up_to(3));

Result<Options> read(std::map<std::string, std::vector<std::string>, std::less<>> given) {
    Options out;
    Args args;
    args.given = std::move(given);
    OA_CHECK(read_rows(
        TableOf<Options, PositionalSpec>(k_words),
        TableOf<Options, OptionSpec>(k_options),
        args,
        &out
    ));
    return out;
}

} // namespace

TEST_CASE("option: each row fills its own member, also of a group within a base") {
    const auto got = read({{"--name", {"x"}},
                           {"--count", {"5"}},
                           {"--mode", {"on"}},
                           {"--number", {"1", "9"}},
                           {"--wait", {"2s"}},
                           {"--no-probes", {}},
                           {"--share", {"5%"}},
                           {"--join", {"a", "b"}},
                           {"WORD", {"v", "w"}}}
    ).value();
    CHECK(got.name == "x");
    CHECK(got.count == 5);
    CHECK(got.mode == Mode::on);
    CHECK(got.numbers == std::vector<std::uint64_t>{1, 9});
    CHECK(got.maybe.value().wait == Millis(2000));
    CHECK_FALSE(got.probes);
    CHECK(got.share == 0.05);
    CHECK(got.given == "a;b;");
    CHECK(got.words == std::vector<std::string>{"v", "w"});
}

TEST_CASE("option: what was not given keeps its default, of the row or of the member") {
    const auto got = read({}).value();
    CHECK(got.count == 3);
    CHECK(got.mode == Mode::off);
    CHECK(got.room == 7);
    CHECK(got.probes);
    CHECK_FALSE(got.maybe);
}

TEST_CASE("option: an error names the option, the value and what is expected") {
    struct Row {
        const char* option;
        const char* value;
        const char* text;
    };
    static constexpr std::array k_rows{
        Row{"--count", "6", "--count: '6' is not a whole number from 2 to 5"},
        Row{"--count", "2.5", "--count: '2.5' is not a whole number from 2 to 5"},
        Row{"--number", "-1", "--number: '-1' is not a whole number from 0 to 9"},
        Row{"--mode", "of", "--mode: 'of' is not a possible value (on or off)"},
        Row{"--wait",
            "3",
            "--wait: '3' is not a duration (a number with a unit: 250ms, 10s, 5m, 2h, 30d)"},
        Row{"--wait", "99ms", "--wait: 99ms is too short (at least 100ms)"},
        Row{"--wait", "61s", "--wait: 61s is too long (at most 1m)"},
        Row{"--share", "101%", "--share: '101%' is more than 100%"},
        Row{"--share", "nan", "--share: 'nan' is not a percentage like 5%"},
    };
    const auto row = GENERATE(from_range(k_rows));
    CAPTURE(row.option, row.value);
    const auto got = read({{row.option, {row.value}}});
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::usage);
    CHECK(got.error().text() == row.text);
}

TEST_CASE("option: a secret that was typed is refused, though nobody would read it") {
    for (const char* option : {"--secret", "--minted"}) {
        for (const char* value : {"hunter2", "", "token:hunter2"}) {
            CAPTURE(option, value);
            const auto got = read({{option, {value}}});
            REQUIRE_FALSE(got);
            CHECK(got.error().code == Code::usage);
            CHECK(got.error().text().starts_with(std::string(option) + ": a token on the command"));
            CHECK_FALSE(got.error().text().contains("hunter2"));
        }
    }
    CHECK_FALSE(read({{"--secret", {"mint"}}}));
    CHECK_FALSE(read({{"--minted", {"env:A", "hunter2"}}}));
    CHECK(read({{"--secret", {"command:pass show chat"}}}).value().secret.starts_with("command:"));
    CHECK(read({{"--minted", {"mint", "file:/run/token"}}}).value().minted.size() == 2);
}

TEST_CASE("option: an address to connect to is one before anything is sent there") {
    for (const char* text : {"127.0.0.1:80", "[::1]:8080", "lane.example:1", "lane.example"}) {
        CAPTURE(text);
        CHECK(read_connect_to(text).value() == text);
    }
    for (const char* text :
         {"",
          ":80",
          "::1:8080",
          "a:0",
          "a:65536",
          "a:",
          "unix:/run/lane.sock",
          "http://a:80",
          "127.0.0.1@a:80",
          "a:80,b:81",
          "a b:80"}) {
        CAPTURE(text);
        REQUIRE_FALSE(read_connect_to(text));
        CHECK(read_connect_to(text).error().code == Code::usage);
        CHECK(read_connect_to(text).error().text().contains("is not HOST:PORT"));
    }
}

TEST_CASE("option: the default of every row is a value that the row takes") {
    for (const CommandSpec& command : all_commands()) {
        CAPTURE(command.path);
        REQUIRE(command.read != nullptr);
        const auto read = command.read(command, Args{});
        CHECK((read ? "" : read.error().text()) == "");
    }
}

TEST_CASE("option: a share of slo needs its % from 1 on, and a wrong event names no other place") {
    CHECK(read_exact_share("99.9%").value() == measure::Fraction{999, 1000});
    CHECK(read_exact_share("0.999").value() == measure::Fraction{999, 1000});
    CHECK(read_exact_share("150%").value() == measure::Fraction{150, 100});
    CHECK_FALSE(read_exact_share("1"));
    CHECK(measure::parse_bad_events("foo").error().where.empty());
}
