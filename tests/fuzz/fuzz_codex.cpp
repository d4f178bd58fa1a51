// Codex's JSON lines: a pipe's bytes in any two pieces, what the peer makes of the lines, the turn
// that the notifications tell; and the same bytes as a recording.
#include "oa_stream/authority/capture.hpp"

#include "codex/events/codex_events.hpp"
#include "codex/process/line_splitter.hpp"
#include "codex/process/rpc_peer.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <variant>

using namespace oa_stream;
using namespace oa_stream::authority;

namespace {

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool is_end(const turn::Event& event) {
    return std::holds_alternative<turn::TurnEnded>(event);
}

/// Follows the thread that is named first.
struct Turn {
    std::optional<CodexTranslator> translator{};
    std::vector<turn::Event> events{};

    void hear(const Json& message) {
        const Json* params = member(message, "params");
        const auto thread = params == nullptr ? std::nullopt : string_member(*params, "threadId");
        if (!translator && thread) {
            translator.emplace(std::string(*thread));
        }
        if (translator) {
            translator->notification(message, events);
            require(translator->ended() == std::ranges::any_of(events, is_end));
        }
        if (const Json* item = params == nullptr ? nullptr : member(*params, "item")) {
            require(std::ranges::none_of(events_of_item(*item, 1), is_end));
        }
    }
};

std::vector<turn::Event> turn_of(std::string_view bytes, std::size_t piece) {
    static asio::io_context loop;
    Turn turn;
    const auto peer = std::make_shared<RpcPeer>(
        loop.get_executor(),
        RpcHandlers{
            .send = [](const std::string& line) { require(!line.contains('\n')); },
            .notification = [&](std::string_view, const Json& message) { turn.hear(message); },
            .request =
                [](std::string_view, const Json&, const Json&) {
                    return std::optional(Json::object({{"result", Json::object()}}));
                },
            .nonsense = [](std::string_view) {}
        }
    );
    LineSplitter lines(1U << 20U);
    const auto line = [&](std::string_view text) { peer->on_line(text); };
    const auto overlong = [](std::string_view) { require(false); };
    lines.feed(bytes.substr(0, piece), line, overlong);
    lines.feed(bytes.substr(piece), line, overlong);
    require(std::ranges::count_if(turn.events, is_end) <= 1);
    return turn.events;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), std::min(size, 1UL << 20U));
    const std::size_t piece = size == 0 ? 0 : data[size / 2] * bytes.size() / 256;
    require(turn_of(bytes, piece) == turn_of(bytes, 0));
    if (const auto capture = parse_capture(bytes, "fuzz")) {
        for (const TimedEvent& one : capture->events) {
            require(one.t_s >= 0);
        }
    }
    return 0;
}
