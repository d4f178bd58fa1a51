// Checks with made-up turns: what reaches the model, clients that leave, and the limit.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_held.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace oa_stream::probe {

namespace {

Json messages_of(std::string_view before, std::string_view mark) {
    Json list = *parse_json(before);
    Json last = Json::object({{"role", "user"}});
    last["content"] = fmt::format("scenario:find;a=MARK-;b={}", mark);
    list.push_back(std::move(last));
    return list;
}

struct PassedPart {
    std::string_view mark;
    std::string_view completions;
    std::string_view responses;
};
// clang-format off
constexpr std::array k_passed_parts{
    PassedPart{"SYSA", R"([{"role":"system","content":"MARK-SYSA"}])", R"([{"role":"system","content":"MARK-SYSA"}])"},
    PassedPart{"DEVB", R"([{"role":"developer","content":"MARK-DEVB"}])", R"([{"role":"developer","content":"MARK-DEVB"}])"},
    PassedPart{"ASSC", R"([{"role":"user","content":"go"},{"role":"assistant","content":"MARK-ASSC"}])",
         R"([{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"output_text","text":"MARK-ASSC"}]}])"},
    PassedPart{"PART", R"([{"role":"user","content":[{"type":"text","text":"one "},{"type":"text","text":"MARK-PART"}]}])",
         R"([{"role":"user","content":[{"type":"input_text","text":"one "},{"type":"input_text","text":"MARK-PART"}]}])"},
    PassedPart{"TOOL", R"([{"role":"user","content":"go"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"MARK-TOOL"}])",
         R"([{"role":"user","content":"go"},{"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"MARK-TOOL"}])"},
};
// clang-format on

Task<std::string> found(RunPtr run, Json list) {
    auto body = body_of(*run, false);
    body[run->responses() ? "input" : "messages"] = std::move(list);
    const auto answer = co_await ask(run, std::move(body));
    co_return answer.wrong().empty() ? answer.text : answer.wrong();
}

Task<std::string> passed_fault(RunPtr run) {
    for (const auto& row : k_passed_parts) {
        const auto text = co_await found(
            run, messages_of(run->responses() ? row.responses : row.completions, row.mark)
        );
        if (text != "found") {
            co_return fmt::format(
                "MARK-{} did not reach the model: {}", row.mark, printable(text, 60)
            );
        }
    }
    Json large = Json::object({{"role", "user"}});
    large["content"] = std::string(std::size_t{1} << 20U, 'l') + " MARK-LONG";
    const auto before = dump_json(Json::array({std::move(large)}));
    if (const auto end = co_await found(run, messages_of(before, "LONG")); end != "found") {
        co_return fmt::format("the end of 1 MiB did not reach the model: {}", printable(end, 60));
    }
    const auto none = co_await found(run, messages_of("[]", "NONE"));
    co_return none == "missing" ? std::string() : fmt::format("what nobody said is {}", none);
}

std::uint64_t number_behind(std::string_view text, std::string_view name) {
    const auto at = text.find(name);
    if (at == std::string_view::npos) {
        return 0;
    }
    std::uint64_t out = 0;
    const auto rest = text.substr(at + name.size());
    std::from_chars(rest.data(), rest.data() + rest.size(), out);
    return out;
}

Task<std::uint64_t> interrupted(RunPtr run) {
    const auto answer = co_await play(run, "stats", false);
    co_return number_behind(answer.text, "interrupted=");
}

/// A client that leaves interrupts its turn, within three seconds.
Task<std::string> left_fault(RunPtr run, bool streamed) {
    const auto before = co_await interrupted(run);
    {
        auto patient = std::make_shared<Run>(*run);
        patient->options.limits.first_byte = Millis{400}; // a complete answer is silent meanwhile
        const auto held =
            co_await hold_stream(patient, scenario_body(*run, "stall;n=1;ms=20000", streamed));
        held->transfer.reset();
    }
    for (const auto last = Clock::now() + Millis{3000}; Clock::now() < last;) {
        if (co_await interrupted(run) > before) {
            co_return std::string();
        }
        (void)co_await sleep_for(Millis{50});
    }
    co_return fmt::format(
        "the turn of a client that left {} continues", streamed ? "a stream" : "before the answer"
    );
}

Task<std::string> full_fault(RunPtr run, std::uint64_t limit) {
    for (const bool streamed : {true, false}) {
        const auto answer = co_await post(run, scenario_body(*run, "echo;text=ok", streamed));
        if (auto wrong = refusal_fault(answer, 429, "concurrency_exceeded"); !wrong.empty()) {
            co_return fmt::format("with {} under way: {}", counted(limit, "turn"), wrong);
        }
        if (!answer.headers.has("retry-after") ||
            answer.headers.get("x-conc-limit") != std::to_string(limit) ||
            answer.headers.get("x-conc-active") != std::to_string(limit)) {
            co_return std::string("429 without Retry-After, x-conc-limit or x-conc-active");
        }
    }
    auto hot = body_of(*run, false);
    hot["temperature"] = 7;
    const auto bad = co_await post(run, std::move(hot));
    if (auto wrong = refusal_fault(bad, 400, {}, "temperature"); !wrong.empty()) {
        co_return "a bad request at the limit: " + wrong;
    }
    const auto models = co_await send(run, {"GET", "/v1/models"});
    co_return models.status == 200 ? std::string()
                                   : fmt::format("models at the limit are {}", models.status);
}

Task<std::string> free_fault(RunPtr run) {
    for (const auto last = Clock::now() + Millis{2000}; Clock::now() < last;) {
        const auto answer = co_await play(run, "echo;text=ok", false);
        if (answer.response.status == 200) {
            co_return std::string();
        }
        (void)co_await sleep_for(Millis{50});
    }
    co_return std::string("no place is given back within 2 s");
}

/// Turns that end by themselves, and failed turns, must also free their place.
Task<std::string> kept_fault(RunPtr run, std::uint64_t limit) {
    for (std::uint64_t i = 0; i <= limit; ++i) {
        (void)co_await play(run, "fail-mid;n=1", i % 2 == 0);
    }
    co_return co_await free_fault(run);
}

Task<std::string> limit_fault(RunPtr run, std::uint64_t limit) {
    std::string wrong;
    {
        std::vector<std::shared_ptr<HeldStream>> all;
        while (all.size() < limit) {
            all.push_back(co_await hold_stream(run, scenario_body(*run, "stall;n=1;ms=20000", true))
            );
            if (all.back()->status != 200) {
                co_return fmt::format(
                    "stream {} of {} is {}", all.size(), limit, all.back()->status
                );
            }
        }
        wrong = co_await full_fault(run, limit);
    }
    if (wrong.empty()) {
        wrong = co_await free_fault(run);
    }
    if (wrong.empty()) {
        wrong = co_await kept_fault(run, limit);
    }
    co_return wrong;
}

} // namespace

Task<void> check_passed(RunPtr run) {
    run->judge("turns.told", co_await passed_fault(run), "all of it");
}

Task<void> check_left(RunPtr run) {
    auto wrong = co_await left_fault(run, true);
    if (wrong.empty()) {
        wrong = co_await left_fault(run, false);
    }
    run->judge("turns.left", wrong, "interrupted");
}

Task<void> check_limit(RunPtr run) {
    constexpr std::uint64_t k_most = 32; // what a probe may occupy
    const auto limit =
        parse_count(run->second.response.headers.get("x-conc-limit").value_or(""), 1, k_most);
    if (!limit) {
        run->skip("turns.limit", "the limit is unknown, or above 32");
        co_return;
    }
    const auto wrong = co_await limit_fault(run, *limit);
    run->wait.reset(); // the check provoked it
    run->judge("turns.limit", wrong, "429 at the limit, each time");
}

} // namespace oa_stream::probe
