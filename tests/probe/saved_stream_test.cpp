// What a smoke keeps of a stream must tell the same story when it is judged again offline.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/probe/smoke.hpp"

#include "support/frames.hpp"
#include "support/raw_server.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> broken(const contract::Judgement& judgement) {
    std::vector<std::string> ids;
    for (const auto& violation : judgement.violations) {
        ids.emplace_back(violation.rule->id);
    }
    return ids;
}

ProbeSample kept_answer(Script script) {
    LoopRig loop;
    RawServer server(loop.executor(), [&](const RawRequest&) { return script; });
    const auto client = net::HttpClient::make(loop.executor());
    Target target;
    target.base_url = server.url();
    ProbeRequest request;
    request.keep = true;
    return loop.run(probe_stream(*client, target, request, {}));
}

ProbeSample kept_probe(const std::string& body) {
    const std::size_t half = body.size() / 2;
    return kept_answer(
        {Send{stream_head() + chunk(body.substr(0, half))},
         Wait{Millis(20)},
         Send{chunk(body.substr(half)) + last_chunk()}}
    );
}

/// As a run folder does it.
std::vector<std::string>
save(const fs::path& folder, const std::string& stem, const ProbeSample& sample) {
    REQUIRE(make_dirs(folder).has_value());
    std::vector<std::string> names;
    for (const auto& [suffix, bytes] : stream_files(sample)) {
        names.push_back(stem + suffix);
        REQUIRE(write_file_atomic(folder / names.back(), Redactor{}.apply(bytes)).has_value());
    }
    return names;
}

} // namespace

TEST_CASE("saved stream: bytes and head judge to the verdict of the wire") {
    const auto body = GENERATE(
        as<std::string>{},
        good_body(),
        failed_body(),
        k_start + good_body(),
        k_opening + delta("key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789 there") + k_ending,
        good_body() + frame(R"({"type":"data-late","data":1})")
    );
    const oa_stream::test::TempFolder folder;
    const ProbeSample sample = kept_probe(body);
    const auto names = save(folder.path, "one", sample);
    CHECK(
        names ==
        std::vector<std::string>{"one.sse", "one.head", "one.timing.ndjson", "one.probe.json"}
    );

    const auto head = contract::parse_head(*read_file(folder.path / "one.head"));
    REQUIRE(head.has_value());
    const std::string bytes = *read_file(folder.path / "one.sse");
    CHECK(bytes.size() == body.size());
    CHECK(bytes.find("sk-proj-abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos);
    contract::Judge judge(contract::Profile::ai_sdk);
    judge.head(*head);
    judge.feed(bytes);
    CHECK(broken(judge.finish()) == broken(sample.judgement));
}

TEST_CASE("saved stream: an output without its call is a finding, as a user's message was sent") {
    const auto output = frame(R"({"type":"tool-output-available","toolCallId":"c","output":1})");
    CHECK(
        broken(kept_probe(k_opening + output + k_ending).judgement) ==
        std::vector<std::string>{"T1"}
    );
}

TEST_CASE("saved stream: the timing covers every byte, in order") {
    const oa_stream::test::TempFolder folder;
    save(folder.path, "one", kept_probe(good_body()));
    const std::string text = *read_file(folder.path / "one.timing.ndjson");
    double last = -1;
    std::int64_t bytes = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        const auto line = parse_json(std::string_view(text).substr(at, end - at));
        REQUIRE(line.has_value());
        CHECK((*line)["t"].get<double>() >= last);
        last = (*line)["t"].get<double>();
        bytes += *int_member(*line, "bytes");
        at = end + 1;
    }
    CHECK(bytes == static_cast<std::int64_t>(good_body().size()));
    CHECK(last >= 0.02);
}

TEST_CASE("saved stream: a refusal is kept as its body") {
    const ProbeSample sample = kept_answer({Send{json_answer(503, R"({"message":"busy"})")}});
    const oa_stream::test::TempFolder folder;
    const auto names = save(folder.path, "no", sample);
    CHECK(names.front() == "no.body");
    CHECK(*read_file(folder.path / "no.body") == R"({"message":"busy"})");
}
