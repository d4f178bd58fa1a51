// What a lane does with its store while a turn runs, one step at a time.
#pragma once

#include "fake_redis.hpp"

#include <functional>
#include <string>
#include <vector>

namespace oa_stream::test {

inline const store::ThreadKey k_chat{"ann", "c1"};
inline constexpr std::uint64_t k_fence = 7;

struct Step {
    std::string name; ///< of its command, as FakeRedis has it
    std::string right; ///< an answer with which it succeeds
    std::function<std::optional<Error>(FakeRig&)> take;
};

template <class T> std::optional<Error> error_in(const Result<T>& result) {
    return result ? std::nullopt : std::optional(result.error());
}

inline std::string acquired_answer() {
    return words({"mine", "7", "", "", "", "", "", "", "", "", "", "", ""});
}

/// The answers to pieces of a turn with these ends, of which none waits for the one before.
inline std::vector<Result<store::Written>>
append_at_once(FakeRig& rig, const std::vector<std::uint64_t>& ends) {
    std::vector<Result<store::Written>> told;
    for (const auto end : ends) {
        rig.store->append(
            {.turn = "t1", .fence = k_fence, .end = end, .bytes = "abc"},
            nullptr,
            [&told](Result<store::Written> written, auto...) { told.push_back(std::move(written)); }
        );
    }
    rig.until("the answers", [&] { return told.size() == ends.size(); });
    return told;
}

/// Each asks one thing of the server.
inline std::vector<Step> all_steps() {
    return {
        {"XADD",
         bulk("7-3"),
         [](FakeRig& rig) { return error_in(rig.run(append(*rig.store, "t1", k_fence, 3, "abc"))); }
        },
        {"acquire",
         acquired_answer(),
         [](FakeRig& rig) { return error_in(rig.run(rig.store->acquire(wish(k_chat)))); }},
        {"take_place",
         words({"full"}),
         [](FakeRig& rig) { return error_in(rig.run(rig.store->take_place(wish(k_chat)))); }},
        {"commit",
         words({"ok", "", "5"}),
         [](FakeRig& rig) {
             return error_in(rig.run(
                 rig.store->commit({.key = k_chat, .fence = k_fence, .turn = "t1", .head = "{}"})
             ));
         }},
        {"end",
         bulk("stored"),
         [](FakeRig& rig) {
             return error_in(rig.run(rig.store->end(
                 {.key = k_chat,
                  .fence = k_fence,
                  .turn = "t1",
                  .end = 7,
                  .bytes = "end.",
                  .outcome = "{}"}
             )));
         }},
        {"hold_again",
         k_one,
         [](FakeRig& rig) {
             return error_in(rig.run(rig.store->hold_again(k_chat, k_fence, "t1")));
         }},
        {"adopt",
         list({k_one, ":8\r\n"}),
         [](FakeRig& rig) {
             return error_in(rig.run(rig.store->adopt({.key = k_chat, .from = {.turn = "t1"}})));
         }},
        {"look",
         words(std::vector<std::string>(20)),
         [](FakeRig& rig) { return error_in(rig.run(rig.store->look(k_chat))); }},
        {"offer",
         k_one,
         [](FakeRig& rig) {
             std::vector<store::OfferedRow> rows{{k_chat, {.thread = "th-1"}}};
             return error_in(rig.run(rig.store->offer(std::move(rows))));
         }},
        {"SMEMBERS",
         words({"c1"}),
         [](FakeRig& rig) { return error_in(rig.run(rig.store->ids_of("ann"))); }},
        {"XRANGE",
         list({list({bulk("7-3"), words({"b", "abc"})})}),
         [](FakeRig& rig) { return error_in(rig.run(rig.store->read("t1"))); }},
        {"XREAD",
         k_nil_list,
         [](FakeRig& rig) { return error_in(rig.run(rig.store->follow({{"t1", k_fence, 0}}, 0))); }
        },
    };
}

} // namespace oa_stream::test
