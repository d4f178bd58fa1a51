#include "oa_stream/config/describe.hpp"
#include "oa_stream/config/section.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <regex>

using namespace oa_stream;
using namespace oa_stream::config;

namespace {

struct Inner {
    Millis pause{};
};
struct Outer {
    std::string name{};
    std::string driver{};
    Millis bake{};
    double rate = 0;
    std::optional<Inner> inner{};
    std::vector<Inner> list{};
    struct Two {
        std::string socket{};
    } two{};
};

constexpr auto k_two_keys =
    keys<Outer::Two>(text<&Outer::Two::socket>("socket", Need::required, "Where."));
constexpr std::array k_drivers{Variant{"one", {}}, Variant{"two", k_two_keys}};
std::span<const Variant> drivers() {
    return k_drivers;
}
void* driver_object(void* out, std::size_t index) {
    return index == 1 ? &static_cast<Outer*>(out)->two : nullptr;
}
constexpr auto k_inner_keys =
    keys<Inner>(duration<&Inner::pause>("pause", Need::required, "How long."));
constinit const Section<Inner> k_inner{{"inner", "Inside.", k_inner_keys}};
constexpr auto k_outer_keys = keys<Outer>(
    text<&Outer::name>("name", Need::required, "Its name."),
    chooser<&Outer::driver, drivers>("driver", Need::required, "Which."),
    duration<&Outer::bake>("bake", Need::optional, "How long.").or_else("5m"),
    rate<&Outer::rate>("rate", Need::optional, "How often.").or_else("2/s"),
    section<&Outer::inner, k_inner>("inner", Need::optional, "More."),
    sections<&Outer::list, k_inner>("list", Need::optional, "Many.")
);
constinit const Section<Outer> k_outer{
    {.name = "outer",
     .help = "All.",
     .keys = k_outer_keys,
     .variants = {.chooser = "driver", .all = drivers, .object = driver_object}}
};

struct Got {
    Outer out{};
    std::vector<std::string> problems{};
};
Got read(std::string_view text) {
    const auto root = parse_yaml(text, "f");
    REQUIRE(root.has_value());
    Problems problems("f");
    Got got;
    read_section(Node(*root, problems, ""), k_outer, got.out);
    problems.sort();
    for (const Problem& problem : problems.all()) {
        got.problems.push_back(problem.text());
    }
    return got;
}

} // namespace

TEST_CASE("section: a table reads its mapping, nested ones and lists of them") {
    const Got got =
        read("name: x\ndriver: one\nrate: 3/s\ninner: { pause: 1s }\nlist: [pause: 2s, pause: 3s]\n"
        );
    CHECK(got.problems.empty());
    CHECK(got.out.name == "x");
    CHECK(got.out.rate == 3);
    CHECK(got.out.inner.value().pause == Millis(1000));
    REQUIRE(got.out.list.size() == 2);
    CHECK(got.out.list[1].pause == Millis(3000));
}

TEST_CASE("section: the table's default is what an absent key gets") {
    CHECK(read("name: x\ndriver: one\n").out.bake == Millis(300000));
    CHECK(read("name: x\ndriver: one\n").out.rate == 2);
}

TEST_CASE("section: a default is taken as it stands, though a plain word could be something else") {
    static constexpr auto k_keys =
        keys<Outer>(text<&Outer::name>("name", Need::optional, "Its name.").or_else("no"));
    static constinit const Section<Outer> k_worded{{"worded", "One.", k_keys}};
    const auto root = parse_yaml("{}", "f");
    REQUIRE(root.has_value());
    Problems problems("f");
    Outer out;
    read_section(Node(*root, problems, ""), k_worded, out);
    CHECK(problems.empty());
    CHECK(out.name == "no");
}

TEST_CASE("section: a common key of some variants is read, and asked for, in those alone") {
    static constexpr auto k_keys = keys<Outer>(
        chooser<&Outer::driver, drivers>("driver", Need::required, "Which."),
        text<&Outer::name>("name", Need::required, "Its name.").in(0b01)
    );
    static constinit const Section<Outer> k_some{
        {.name = "some",
         .help = "One.",
         .keys = k_keys,
         .variants = {.chooser = "driver", .all = drivers, .object = driver_object}}
    };
    const auto got = [](std::string_view text) {
        const auto root = parse_yaml(text, "f");
        REQUIRE(root.has_value());
        Problems problems("f");
        Got out;
        read_section(Node(*root, problems, ""), k_some, out.out);
        for (const Problem& problem : problems.all()) {
            out.problems.push_back(problem.text());
        }
        return out;
    };
    using Texts = std::vector<std::string>;
    CHECK(got("driver: one\nname: x\n").out.name == "x");
    CHECK(got("driver: one\n").problems == Texts{"f:1:1: name is missing, expected a text"});
    CHECK(got("driver: two\nsocket: s\n").problems.empty());
    const Got other = got("driver: two\nsocket: s\nname: x\n");
    CHECK(other.problems == Texts{"f:3:7: name: belongs to driver one only"});
    CHECK(other.out.name.empty());
    // Of which one it is unknown, and refused already.
    CHECK(got("driver: three\nname: x\n").problems.size() == 1);
}

TEST_CASE("section: every problem of the mapping is found, each where it stands") {
    const Got got = read("driver: one\nbake: 7\ninner: { zzzz: 1s }\nlist: [pause: x]\n");
    REQUIRE(got.problems.size() == 5);
    CHECK(got.problems[0] == "f:1:1: name is missing, expected a text");
    CHECK(got.problems[1].starts_with("f:2:7: bake: '7' has no unit"));
    CHECK(got.problems[2] == "f:3:8: inner: pause is missing, expected a duration like 10m");
    CHECK(got.problems[3] == "f:3:10: unknown key 'zzzz' in inner (there are pause)");
    CHECK(got.problems[4] == "f:4:15: pause: 'x' is not a duration like 10m");
}

TEST_CASE("section: a misspelt required key is one problem, not two") {
    CHECK(
        read("name: x\ndriver: one\ninner: { pauses: 1s }\n").problems ==
        std::vector<std::string>{"f:3:10: unknown key 'pauses' in inner (did you mean pause?)"}
    );
}

TEST_CASE("section: a key of another variant is refused, and required only in its own") {
    CHECK(read("name: x\ndriver: two\nsocket: s\n").problems.empty());
    CHECK(read("name: x\ndriver: two\nsocket: s\n").out.two.socket == "s");
    CHECK(
        read("name: x\ndriver: two\n").problems ==
        std::vector<std::string>{"f:1:1: socket is missing, expected a text"}
    );
    CHECK(
        read("name: x\ndriver: one\nsocket: s\n").problems ==
        std::vector<std::string>{"f:3:9: socket: belongs to driver two only"}
    );
    CHECK(read("name: x\ndriver: three\nsocket: s\n").problems.size() == 1);
}

TEST_CASE("section: of some keys exactly one, unless a misspelt one explains the lack") {
    static constexpr std::array<std::string_view, 2> k_forms{"bake", "rate"};
    static constinit const Section<Outer> k_either{
        {.name = "either", .help = "One.", .keys = k_outer_keys, .exactly_one = k_forms}
    };
    const auto problem = [](std::string_view text) -> std::string {
        const auto root = parse_yaml(text, "f");
        Problems problems("f");
        Outer out;
        read_section(Node(*root, problems, ""), k_either, out);
        problems.sort();
        return problems.empty() ? "" : problems.all().front().text();
    };
    const std::string common = "name: x, driver: one";
    CHECK(problem("{ " + common + ", bake: 1s }").empty());
    CHECK(problem("{ " + common + " }") == "f:1:1: expected exactly one of bake and rate");
    CHECK(
        problem("{ " + common + ", bake: 1s, rate: 1/s }") ==
        "f:1:1: expected exactly one of bake and rate"
    );
    CHECK(problem("{ " + common + ", bakee: 1s }").contains("did you mean bake?"));
    CHECK(json_schema(k_either, "i", "t")["oneOf"].size() == 2);
}

TEST_CASE("section: the schema says what the reader accepts") {
    const Json schema = json_schema(k_outer, "id", "title");
    CHECK(schema["additionalProperties"] == false);
    CHECK(schema["required"] == Json::array({"name", "driver"}));
    CHECK(schema["properties"].size() == k_outer_keys.size() + 1);
    CHECK(schema["properties"]["inner"]["$ref"] == "#/$defs/inner");
    CHECK(schema["properties"]["bake"]["default"] == "5m");
    CHECK(schema["$defs"]["inner"]["required"] == Json::array({"pause"}));
    CHECK(schema["allOf"][0]["then"]["properties"]["socket"] == false);
    CHECK(schema["allOf"][1]["then"]["required"] == Json::array({"socket"}));
}

TEST_CASE("section: the schema accepts the values that the reader accepts") {
    struct Values {
        Millis time{};
        double share = 0;
        double rate = 0;
        std::vector<int> steps{};
        int whole = 0;
    };
    static constexpr auto k_keys = keys<Values>(
        duration<&Values::time>("time", Need::optional, "T."),
        percent<&Values::share>("share", Need::optional, "S."),
        rate<&Values::rate>("rate", Need::optional, "R."),
        percents<&Values::steps>("steps", Need::optional, "P."),
        whole_percent<&Values::whole>("whole", Need::optional, "W.")
    );
    static constinit const Section<Values> k_values{{"values", "All.", k_keys}};
    const Json schema = json_schema(k_values, "i", "t");
    const auto reads = [&](std::string_view key, std::string_view text) {
        const bool list = key == "steps";
        const auto root = parse_yaml(
            std::string(key) + ": " + (list ? "[" : "") + "\"" + std::string(text) + "\"" +
                (list ? "]" : ""),
            "f"
        );
        REQUIRE(root.has_value());
        Problems problems("f");
        Values out;
        read_section(Node(*root, problems, ""), k_values, out);
        return problems.empty();
    };
    constexpr std::array k_texts{"1m30s",  "05s",  "1d1h1m1s1ms", "1.5s", "30s1m",  "1m1m",
                                 "1.s",    ".5s",  "10",          "",     "5%",     "05%",
                                 "100%",   "101%", "2.5%",        "5.%",  "100.5%", "250%",
                                 "100.0%", "0%",   "2/s",         "02/m", "+20%",   "+1pp",
                                 "-1%",    "99%",  "99.9%",       "0.5",  "+2s",    "2ms"};
    for (const Key& key : k_keys) {
        Json value = schema["properties"][std::string(key.name)];
        value = key.type == Type::percents ? value["items"] : value;
        const std::regex form(value["pattern"].get<std::string>());
        for (const std::string_view text : k_texts) {
            CAPTURE(key.name, text);
            CHECK(std::regex_search(std::string(text), form) == reads(key.name, text));
        }
    }
}

TEST_CASE("section: schema and page show the range of a count") {
    struct Counted {
        int n = 0;
    };
    static constexpr auto k_keys =
        keys<Counted>(count<&Counted::n, 1, 50>("n", Need::optional, "How many."));
    static constinit const Section<Counted> k_counted{{"counted", "All.", k_keys}};
    const Json schema = json_schema(k_counted, "i", "t");
    const Json range = {{"type", "integer"}, {"minimum", 1}, {"maximum", 50}};
    CHECK(schema["properties"]["n"]["anyOf"][0] == range);
    CHECK(key_tables(k_counted).contains("| `n` | a whole number from 1 to 50 |"));
}

TEST_CASE("section: the page has a row for every key") {
    const std::string page = key_tables(k_outer);
    CHECK(page.contains("| `bake` | a duration like 10m | `5m` | How long. |"));
    CHECK(page.contains("| `socket` | a text | required | Where. Only with driver two. |"));
    CHECK(page.contains("### inner"));
}
