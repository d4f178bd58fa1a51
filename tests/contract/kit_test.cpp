// Our verdict against the conformance kit's, for every case it ships and for random mutations of
// them that its oracle has judged (fixtures/…/mutations.ndjson).
#include "oa_stream/base/json.hpp"
#include "oa_stream/wire/json_scan.hpp"

#include "support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::contract;

namespace {

ResponseHead head_of(const Json& info) {
    const Json* http = member(info, "http");
    if (http == nullptr) {
        return good_head(); // what the kit takes when a case states none
    }
    ResponseHead head{.status = static_cast<int>(int_member(*http, "status").value_or(200))};
    const Json* headers = member(*http, "headers");
    if (headers == nullptr) {
        head.headers = good_head().headers;
        return head;
    }
    for (const auto& [name, value] : headers->items()) {
        head.headers.emplace_back(name, value.get<std::string>());
    }
    return head;
}

/// A case without messages answers a user's.
std::optional<Continues> continues_of(const Json& info) {
    const Json* messages = member(info, "messages");
    return messages == nullptr ? std::nullopt : parse_messages(dump_json(*messages)).value();
}

Judgement judge_case(const Json& info, std::string_view bytes, std::size_t cut) {
    Judge judge(Profile::ai_sdk, continues_of(info));
    judge.messages_known();
    judge.head(head_of(info));
    feed(judge, bytes, cut);
    return judge.finish();
}

std::set<std::string> strings(const Json& list) {
    return list.get<std::set<std::string>>();
}

} // namespace

TEST_CASE("kit: verdict, violations and warnings are the kit's on every case, at every cut") {
    // The kit's file holds the lone surrogates of its own cases: only a lenient reader takes it.
    static const Json matrix = wire::scan_json(slurp(k_kit + "matrix.json")).value.at("cases");
    static const Json info = Json::parse(slurp(k_kit + "cases.json"));
    REQUIRE(matrix.size() >= 80);
    for (const auto& [name, entry] : matrix.items()) {
        DYNAMIC_SECTION(name) {
            const std::string bytes = slurp(k_kit + "cases/" + name + ".sse");
            const Json& want = entry.at("contract");
            const Judgement whole = judge_case(info.at(name), bytes, k_whole);
            CHECK(whole.pass() == (want.at("verdict") == "accept"));
            CHECK(ids(whole.violations) == strings(want.at("violations")));
            CHECK(ids(whole.warnings) == strings(want.at("warnings")));
            for (const std::size_t cut : {1U, 7U, 64U}) {
                CAPTURE(cut);
                CHECK(listed(judge_case(info.at(name), bytes, cut)) == listed(whole));
            }
        }
    }
}

TEST_CASE("kit: random mutations of the cases break the rules that the kit's oracle named") {
    std::ifstream file(OA_SOURCE_DIR "/fixtures/conformance/ui-message-stream/mutations.ndjson");
    std::set<std::string> seen;
    int rows = 0;
    for (std::string line; std::getline(file, line); ++rows) {
        const Json row = Json::parse(line);
        std::string bytes; // stored as one code point a byte
        for (const std::string& text = row.at("bytes").get_ref<const std::string&>();
             const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte >= 0xC0) {
                bytes += static_cast<char>((byte & 3U) << 6U);
            } else if (byte >= 0x80) {
                bytes.back() =
                    static_cast<char>(static_cast<unsigned char>(bytes.back()) | (byte & 0x3FU));
            } else {
                bytes += c;
            }
        }
        CAPTURE(rows, bytes);
        for (const std::size_t cut : {k_whole, std::size_t{1}, std::size_t{7}}) {
            Judge judge(Profile::ai_sdk, continues_of(row));
            judge.messages_known();
            feed(judge, bytes, cut);
            const Judgement judgement = judge.finish();
            CHECK(ids(judgement.violations) == strings(row.at("must")));
            CHECK(ids(judgement.warnings) == strings(row.at("should")));
            seen.merge(ids(judgement.violations));
            seen.merge(ids(judgement.warnings));
        }
    }
    CHECK(rows > 300);
    // Every rule of the kit that bytes alone can break is broken by some row.
    for (const auto& [id, row] : kit_rules()) {
        CAPTURE(id);
        const Rule* rule = find_rule(id);
        REQUIRE(rule != nullptr);
        if (rule->input == Input::bytes) {
            CHECK(seen.contains(id));
        }
    }
}
