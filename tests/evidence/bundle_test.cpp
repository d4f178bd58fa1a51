#include "oa_stream/evidence/bundle.hpp"

#include "incident_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::evidence;
namespace fs = std::filesystem;

namespace {

BundleRules redacting() {
    return {.redact = true, .accept_changed = false};
}

} // namespace

TEST_CASE("bundle: the same runs give the same bytes, and it verifies") {
    const Scratch state;
    const auto a = failed_run(state);
    const auto b = state.ended();
    const Incident incident = incident_of({a, b});
    const auto first = write_bundle(incident, state.path / "1.tar.zst", {}, {});
    REQUIRE(first.has_value());
    fs::last_write_time(a / "report.md", fs::file_time_type::clock::now());
    const auto second = write_bundle(incident_of({b, a}), state.path / "2.tar.zst", {}, {});
    REQUIRE(second.has_value());
    CHECK(first->digest == second->digest);
    const auto found = verify_bundle(first->file);
    REQUIRE(found.has_value());
    CHECK(found->pass());
    CHECK(found->files == first->files);
    CHECK(found->checks.size() == 5); // paths, sums, manifest, two runs
}

TEST_CASE("bundle: where a secret stands it is refused by file, line and kind; then redacted") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "env:AUTH_TOKEN");
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "streams/leak.sse", "x\n\ncorrect-horse-battery\n"));
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, redactor, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().where.ends_with("streams/leak.sse:3"));
    CHECK(refused.error().message.contains("line 3: known secret env:AUTH_TOKEN"));
    CHECK_FALSE(refused.error().text().contains("correct-horse"));
    CHECK(refused.error().hint.contains("--redact"));
    CHECK_FALSE(fs::exists(out));
    for (const auto& entry : fs::directory_iterator(state.path)) {
        CHECK_FALSE(entry.path().filename().string().contains(".tmp-"));
    }
    const auto made = write_bundle(incident_of({folder}), out, redactor, redacting());
    REQUIRE(made.has_value());
    REQUIRE(made->redacted.size() == 1);
    CHECK(made->redacted[0].line == 3);
    const auto found = verify_bundle(out);
    REQUIRE(found.has_value());
    CHECK(found->pass());
}

TEST_CASE("bundle: a run that was changed since its seal is refused unless it is asked for") {
    const Scratch state;
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "report.md", "much better"));
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, {}, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().message.contains("CHANGED since the seal: report.md"));
    REQUIRE(write_bundle(incident_of({folder}), out, {}, {.accept_changed = true}).has_value());
    const auto found = verify_bundle(out);
    REQUIRE(found.has_value());
    CHECK_FALSE(found->pass()); // the run's own seal is broken, and that stays visible
}

TEST_CASE("bundle: a damaged one is never whole") {
    const Scratch state;
    const auto folder = failed_run(state);
    const auto made = write_bundle(incident_of({folder}), state.path / "b.tar.zst", {}, {});
    REQUIRE(made.has_value());
    const auto bytes = read_file(made->file);
    REQUIRE(bytes.has_value());
    const fs::path bad = state.path / "bad.tar.zst";
    REQUIRE(write_file_atomic(bad, bytes->substr(0, bytes->size() / 2)).has_value());
    CHECK_FALSE(verify_bundle(bad).has_value());
    REQUIRE(write_file_atomic(bad, "no archive at all").has_value());
    for (const fs::path& file : {bad, state.path / "absent"}) {
        const auto found = verify_bundle(file);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Code::unreadable);
    }
}
