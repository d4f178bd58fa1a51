// A lane on loopback with a played authority, and a client that keeps every byte.
#pragma once

#include "oa_stream/base/log.hpp"
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/lane/id_map.hpp"
#include "oa_stream/lane/lane.hpp"
#include "oa_stream/lane/metrics.hpp"
#include "oa_stream/net/http_client.hpp"

#include "../support/loop_rig.hpp"
#include "fake_authority.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::test {

/// One streamed answer, as it comes in.
struct Stream {
    net::ClientResponse head{};
    std::string bytes;
    bool ended = false;
    net::TransferFailure failure = net::TransferFailure::none;
    std::shared_ptr<net::Transfer> transfer;
    bool paused = false; ///< take nothing more

    [[nodiscard]] bool has(std::string_view text) const { return bytes.contains(text); }
    void leave() { transfer->cancel(); }
};

class Watcher final : public lane::LaneObserver {
public:
    void request_done(const lane::RequestRecord& record) override {
        requests.push_back(record);
        metrics.request_done(record);
    }
    void compat_rejected(lane::CompatCode code, bool probe) override {
        rejected.push_back(code);
        metrics.compat_rejected(code, probe);
    }
    void turn_accepted(std::string_view route, bool probe) override {
        accepted.emplace_back(route);
        metrics.turn_accepted(route, probe);
    }
    void turn_ended(const lane::TurnOutcome& outcome) override {
        turns.push_back(outcome);
        metrics.turn_ended(outcome);
    }
    void reader_attached() override {
        ++readers;
        metrics.reader_attached();
    }
    void reader_detached() override {
        --readers;
        metrics.reader_detached();
    }

    lane::Metrics metrics{"rev-1", "1.2.3"};
    std::vector<lane::RequestRecord> requests;
    std::vector<lane::CompatCode> rejected;
    std::vector<std::string> accepted;
    std::vector<lane::TurnOutcome> turns;
    int readers = 0;
};

class LaneRig : public LoopRig {
public:
    explicit LaneRig(lane::LaneConfig config = quick());
    ~LaneRig();
    LaneRig(const LaneRig&) = delete;
    LaneRig& operator=(const LaneRig&) = delete;

    /// Fine ticks, so that tests take milliseconds; the waits themselves are long.
    [[nodiscard]] static lane::LaneConfig quick();

    [[nodiscard]] net::ClientRequest
    post(std::string_view path, std::string_view body, net::Headers headers = {}) const;
    [[nodiscard]] net::ClientResponse send(net::ClientRequest request);
    [[nodiscard]] std::shared_ptr<Stream> open(net::ClientRequest request);
    /// POST /api/chats/THREAD/stream with one user message; returns when its head arrived.
    [[nodiscard]] std::shared_ptr<Stream> chat(std::string_view thread, std::string_view text);
    [[nodiscard]] net::ClientRequest get(std::string_view path) const;
    /// From now on these tokens are asked for, each with its owner.
    void give_tokens(std::initializer_list<std::pair<const char*, const char*>> owners) const;
    void await_end(const std::shared_ptr<Stream>& stream);
    /// … and judges it.
    void await_legal(const std::shared_ptr<Stream>& stream);
    /// The newest turn completes, and that stream of it ends.
    void complete(const std::shared_ptr<Stream>& stream);

    /// Fails the test for every must rule the stream breaks.
    static void judge(
        const Stream& stream,
        contract::Profile profile = contract::Profile::ai_sdk,
        std::optional<contract::Continues> continues = {}
    );

    FakeAuthority authority{context.get_executor()};
    Watcher watcher;
    std::vector<std::string> access;
    std::vector<std::string> events;
    Log log{[this](std::string_view line) { events.emplace_back(line); }};
    std::unique_ptr<lane::IdMap> ids;
    std::unique_ptr<lane::Lane> lane;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<net::HttpClient> client;
};

/// The outcome of the one turn there was, once it is there.
[[nodiscard]] const lane::TurnOutcome& only_turn(LaneRig& rig);

[[nodiscard]] Json json_of(const net::ClientResponse& response);
/// Of a refusal.
[[nodiscard]] std::string error_code_of(const net::ClientResponse& response);
/// With that bearer token.
[[nodiscard]] net::ClientRequest as(std::string_view token, net::ClientRequest request);

[[nodiscard]] inline std::string user_message(std::string_view text, std::string_view id = "u1") {
    return fmt::format(
        R"({{"messages":[{{"id":"{}","role":"user","parts":[{{"type":"text","text":"{}"}}]}}]}})",
        id,
        text
    );
}

} // namespace oa_stream::test
