// What the tests of this room share: running a coroutine to its end, collecting a turn, a fresh
// folder.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/task.hpp"

#include "run_task.hpp"
#include "temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace oa_test {

using namespace oa_stream;
using namespace oa_stream::authority;

/// Runs `task` on `io` and returns what it returns. A test that hangs fails after `limit`.
template <class T> T run(asio::io_context& io, Task<T> task, Millis limit = Millis(30'000)) {
    return oa_stream::test::run_task(io, std::move(task), limit);
}

/// The value, or a test failure that shows the error.
template <class T> T must(Result<T> result) {
    if (!result) {
        throw std::runtime_error("unexpected error: " + result.error().text());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

/// Everything a turn told until its end.
struct Transcript {
    EventBatch events{};
    std::optional<Error> error{};
    std::size_t batches = 0;

    [[nodiscard]] std::string text(turn::PartKind kind = turn::PartKind::text) const {
        std::vector<std::string> ids;
        std::string out;
        for (const turn::Event& event : events) {
            if (const auto* opened = std::get_if<turn::PartOpened>(&event);
                opened != nullptr && opened->kind == kind) {
                ids.push_back(opened->id);
            } else if (const auto* delta = std::get_if<turn::PartDelta>(&event);
                       delta != nullptr && std::ranges::find(ids, delta->id) != ids.end()) {
                out += delta->text;
            }
        }
        return out;
    }
    template <class Kind> [[nodiscard]] const Kind* first() const {
        for (const turn::Event& event : events) {
            if (const auto* found = std::get_if<Kind>(&event)) {
                return found;
            }
        }
        return nullptr;
    }
    [[nodiscard]] const turn::TurnEnded* ended() const { return first<turn::TurnEnded>(); }
    /// "completed", "failed", …, or the error's code when it never ended.
    [[nodiscard]] std::string outcome() const {
        if (const auto* end = ended()) {
            return std::string(turn::to_string(end->outcome));
        }
        return error ? std::string(to_string(error->code)) : "nothing";
    }
};

inline Clock::time_point in_time() {
    return Clock::now() + std::chrono::seconds(20);
}

inline Task<Transcript> drain(Turn* turn) {
    Transcript transcript;
    while (transcript.ended() == nullptr && !transcript.error) {
        auto batch = co_await turn->next(in_time());
        if (!batch) {
            transcript.error = batch.error();
            break;
        }
        ++transcript.batches;
        std::ranges::move(*batch, std::back_inserter(transcript.events));
    }
    co_return transcript;
}

/// Batches until one holds a Kind (or the turn is over).
template <class Kind> Task<Transcript> drain_until(Turn* turn) {
    Transcript transcript;
    while (transcript.first<Kind>() == nullptr && transcript.ended() == nullptr) {
        auto batch = co_await turn->next(in_time());
        if (!batch) {
            transcript.error = batch.error();
            break;
        }
        std::ranges::move(*batch, std::back_inserter(transcript.events));
    }
    co_return transcript;
}

inline TurnRequest ask(std::string prompt, std::optional<std::string> thread = {}) {
    TurnRequest request;
    request.input.emplace_back(InputText{std::move(prompt)});
    request.thread = std::move(thread);
    return request;
}

using Folder = oa_stream::test::TempFolder;

} // namespace oa_test
