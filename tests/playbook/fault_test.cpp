#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::playbook;

TEST_CASE("fault: kind, value and stage are read") {
    CHECK(*parse_fault("error-rate=0.2@25") == Fault{"error-rate", "0.2", 25});
    CHECK(*parse_fault("malformed=1@0%") == Fault{"malformed", "1", 0});
    CHECK(*parse_fault("latency=300ms@5") == Fault{"latency", "300ms", 5});
    CHECK(*parse_fault("kill@100") == Fault{"kill", "", 100});
    CHECK(parse_fault("error-rate=0.2@25")->text() == "error-rate=0.2@25%");
}

namespace {

struct Row {
    std::string_view text, says;
};
constexpr std::array k_rows{
    Row{"error-rate=0.2", "stage is missing"},
    Row{"eror-rate=0.2@25", "did you mean error-rate?"},
    Row{"nonsense@25", "there are error-rate"},
    Row{"error-rate@25", "needs a share"},
    Row{"error-rate=2@25", "needs a share"},
    Row{"error-rate=-0.1@25", "needs a share"},
    Row{"error-rate=nan@25", "needs a share"},
    Row{"latency=300@25", "needs a duration"},
    Row{"kill=1@25", "takes no value"},
    Row{"kill@101", "not a percentage"},
    Row{"kill@", "not a percentage"},
};

} // namespace

TEST_CASE("fault: what is wrong is said, with the way out") {
    for (const Row& row : k_rows) {
        CAPTURE(row.text);
        const auto got = parse_fault(row.text);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
        CHECK(got.error().text().find(row.says) != std::string::npos);
    }
}

TEST_CASE("fault: a percent that is no stage is a usage error naming the stages") {
    const std::vector<int> stages{0, 5, 25};
    const std::vector<Fault> good{{"kill", "", 5}};
    const std::vector<Fault> bad{{"kill", "", 30}};
    CHECK(check_faults(good, stages).has_value());
    const auto got = check_faults(bad, stages);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == Code::usage);
    CHECK(got.error().text().find("0%, 5%, 25%") != std::string::npos);
}
