// Reads one answer as it arrives: judges it, records its times, and keeps a bounded set of facts.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace oa_stream::probe {

/// Not movable, because the judge calls back into it. Call head(), bytes() and end() in that order.
class AnswerReader {
public:
    AnswerReader(ProbeRequest request, std::string revision_header);
    AnswerReader(const AnswerReader&) = delete;
    AnswerReader& operator=(const AnswerReader&) = delete;
    ~AnswerReader() = default;

    void head(const net::ClientResponse& head);
    /// False when no more bytes are wanted.
    [[nodiscard]] bool bytes(std::string_view bytes, Clock::time_point at);
    [[nodiscard]] bool done() const noexcept { return sample_.done; }
    /// `tail_s`: how long the body stayed open after [DONE].
    [[nodiscard]] ProbeSample end(const net::ClientResponse& response, double tail_s = 0);

private:
    using Chunk = wire::ui::Chunk;
    void on_chunk(const Chunk& chunk, std::uint64_t offset);
    void on_thread(std::string_view named);
    void on_part(const wire::ui::PartDelta& delta);
    void on_output(const std::string& call);
    void on_finish(const wire::ui::Finish& finish);
    void on_content();
    void keep(std::string_view bytes, Clock::time_point at);
    void fill_clocks(const net::ClientResponse& response);
    void fill_pacing();
    void fill_outcome(const net::ClientResponse& response);

    ProbeRequest request_;
    std::string revision_header_;
    ProbeSample sample_;
    contract::Judge judge_;
    Clock::time_point asked_ = Clock::now();
    Clock::time_point now_{};
    std::optional<Clock::time_point> first_byte_, first_event_, first_content_, last_content_;
    std::optional<Clock::time_point> last_read_;
    std::uint64_t body_bytes_ = 0;
    std::uint64_t done_offset_ = 0;
    bool event_stream_ = false;
    bool commented_ = false;
    bool chunked_ = false; ///< a chunk was read
    bool terminal_ = false;
    bool stopped_ = false;
    bool content_reported_ = false;
    bool empty_ = false; ///< the lane's own sentence replaces an answer
    std::set<std::string> unmarked_{}; ///< calls of this step that a page would run itself
};

} // namespace oa_stream::probe
