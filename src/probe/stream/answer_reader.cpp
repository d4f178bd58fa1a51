#include "answer_reader.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/ui_message.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "body_tail.hpp"
#include "describe.hpp"
#include "outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace oa_stream::probe {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t k_body_start_cap = 64U << 10U;
constexpr std::size_t k_kept_cap = 8U << 20U;

template <class... F> struct Overload : F... {
    using F::operator()...;
};

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::max(0.0, seconds(to - from));
}

std::optional<double> reached(double offset) {
    return offset < 0 ? std::nullopt : std::optional(offset);
}

std::string header(const net::Headers& headers, std::string_view name) {
    return std::string(headers.get(name).value_or(""));
}

void append_capped(std::string& out, std::string_view bytes, std::size_t cap) {
    out.append(bytes.substr(0, cap - std::min(cap, out.size())));
}

bool is_head_rule(std::string_view id) {
    return id.starts_with('H');
}

// Rules whose violation means that a client cannot read the bytes at all.
bool is_malformed_rule(std::string_view id) {
    return id == "S1" || id == "S3" || id == "S5" || id == "J1" || id == "W1" || id == "W2";
}

} // namespace

AnswerReader::AnswerReader(ProbeRequest request, std::string revision_header)
    : request_(std::move(request)), revision_header_(std::move(revision_header)),
      judge_(contract::Profile::ai_sdk, request_.continues) {
    judge_.messages_known();
    judge_.on_chunk([this](const Chunk& chunk, std::uint64_t offset) { on_chunk(chunk, offset); });
    judge_.on_comment([this] { commented_ = true; });
}

void AnswerReader::head(const net::ClientResponse& head) {
    sample_.status = head.status;
    sample_.headers = head.headers;
    sample_.revision = header(head.headers, revision_header_);
    sample_.thread = header(head.headers, net::k_thread_header);
    sample_.turn = header(head.headers, net::k_turn_header);
    sample_.request_id = header(head.headers, "x-request-id");
    event_stream_ = has_media_type(head.headers, "text/event-stream");
    if (head.status == 200 && event_stream_) {
        on_thread(sample_.thread);
    }
    if (request_.keep) {
        sample_.raw_head = head.raw_head;
    }
    judge_.head({head.status, head.headers.all()});
    if (head.status == 200 && event_stream_ && request_.on_start) {
        request_.on_start(sample_);
    }
}

bool AnswerReader::bytes(std::string_view bytes, Clock::time_point at) {
    now_ = at;
    first_byte_ = first_byte_.value_or(at);
    last_read_ = at;
    body_bytes_ += bytes.size();
    if (request_.keep) {
        keep(bytes, at);
    }
    if (sample_.status != 200) {
        append_capped(sample_.body_start, bytes, k_body_start_cap);
        return body_bytes_ < k_body_start_cap;
    }
    judge_.feed(bytes);
    return !stopped_;
}

void AnswerReader::keep(std::string_view bytes, Clock::time_point at) {
    if (sample_.raw_body.size() >= k_kept_cap || sample_.timing_ndjson.size() >= k_kept_cap) {
        return;
    }
    append_capped(sample_.raw_body, bytes, k_kept_cap);
    fmt::format_to(
        std::back_inserter(sample_.timing_ndjson),
        "{{\"t\":{:.6f},\"bytes\":{}}}\n",
        seconds_between(asked_, at),
        bytes.size()
    );
}

void AnswerReader::on_chunk(const Chunk& chunk, std::uint64_t offset) {
    namespace ui = wire::ui;
    chunked_ = true;
    first_event_ = first_event_.value_or(now_);
    std::visit(
        Overload{
            [&](const ui::Start& start) {
                sample_.message_id = start.message_id.value_or("");
                if (!sample_.thread.empty() && start.metadata) {
                    on_thread(string_member(*start.metadata, "threadId").value_or(""));
                }
            },
            [&](const ui::StartStep&) {
                unmarked_.clear();
                sample_.unmarked_outputs = 0;
            },
            [&](const ui::PartDelta& delta) { on_part(delta); },
            [&](const ui::ToolInputStart&) { on_content(); },
            [&](const ui::ToolInputDelta&) { on_content(); },
            [&](const ui::ToolInputAvailable& input) {
                if (!input.provider_executed) {
                    unmarked_.insert(input.call);
                }
                on_content();
            },
            [&](const ui::ToolOutputAvailable& output) { on_output(output.call); },
            [&](const ui::ToolOutputError& output) { on_output(output.call); },
            [&](const ui::Data& data) {
                if (data.name == "error") {
                    sample_.error_code = string_member(data.data, "code").value_or("");
                }
            },
            [&](const ui::ErrorChunk&) {
                ++sample_.errors;
                terminal_ = true;
            },
            [&](const ui::Abort&) { sample_.aborted = terminal_ = true; },
            [&](const ui::Finish& finish) { on_finish(finish); },
            [&](const ui::Done&) {
                done_offset_ = sample_.done ? done_offset_ : offset;
                sample_.done = true;
            },
            [](const auto&) {},
        },
        chunk
    );
}

// A cache or a mix-up on the way: every byte is valid, but for another client. Lanes of other
// products may name threads differently.
void AnswerReader::on_thread(std::string_view named) {
    const bool own_make = sample_.headers.has(net::k_revision_header);
    if (own_make && !request_.thread.empty() && !named.empty() && named != request_.thread) {
        sample_.foreign = named;
    }
}

void AnswerReader::on_part(const wire::ui::PartDelta& delta) {
    if (delta.delta.empty()) {
        return;
    }
    if (delta.kind == wire::ui::PartKind::text) {
        append_capped(sample_.text, delta.delta, k_kept_text);
    }
    on_content();
}

// Clients check the input's chunk: without providerExecuted they run the call at once, and send a
// request when all calls of the last step have their output. After another step they send none.
void AnswerReader::on_output(const std::string& call) {
    ++sample_.tool_outputs;
    sample_.unmarked_outputs += unmarked_.contains(call) ? 1U : 0U;
    on_content();
}

void AnswerReader::on_finish(const wire::ui::Finish& finish) {
    terminal_ = true;
    if (finish.metadata) {
        sample_.terminal = string_member(*finish.metadata, "status").value_or("");
        empty_ = string_member(*finish.metadata, "notice") == encode::k_empty_answer_code;
    }
}

void AnswerReader::on_content() {
    ++sample_.content_frames;
    first_content_ = first_content_.value_or(now_);
    const double gap = last_content_ ? seconds_between(*last_content_, now_) : 0;
    if (last_content_ && request_.on_gap) {
        request_.on_gap(gap);
    }
    sample_.max_gap_s = std::max(sample_.max_gap_s, gap);
    if (!last_content_ || gap > k_same_read) {
        ++sample_.content_reads;
    }
    last_content_ = now_;
    stopped_ = stopped_ || sample_.content_frames == request_.stop_after_content;
    if (!std::exchange(content_reported_, true) && request_.on_content) {
        request_.on_content(sample_);
    }
}

ProbeSample AnswerReader::end(const net::ClientResponse& response, double tail_s) {
    sample_.status = response.status;
    sample_.tail_s = tail_s;
    const bool clean = response.failure == net::TransferFailure::none;
    if (response.status == 200) {
        const bool left = stopped_ || response.failure == net::TransferFailure::cancelled;
        sample_.judgement = judge_.finish(
            left    ? contract::End::left
            : clean ? contract::End::clean
                    : contract::End::cut
        );
    } else if (response.status != 0) {
        sample_.error_code = envelope_code(sample_.body_start);
    }
    if (empty_) { // the text is the lane's
        sample_.content_frames = sample_.content_reads = 0;
        sample_.text.clear();
        last_content_.reset();
    }
    fill_clocks(response);
    fill_pacing();
    fill_outcome(response);
    return std::move(sample_);
}

void AnswerReader::fill_clocks(const net::ClientResponse& response) {
    const net::Timings& t = response.timings;
    if (t.started != Clock::time_point{}) {
        asked_ = t.started;
    }
    Clocks& c = sample_.clocks;
    c.connect = reached(std::max(t.connected_s, t.tls_s));
    c.headers = reached(t.head_s);
    c.first_byte = reached(t.first_byte_s);
    c.end = reached(t.end_s);
    if (c.end && last_read_) {
        sample_.silence_s = std::max(0.0, *c.end - seconds_between(asked_, *last_read_));
    }
    const auto since = [&](const std::optional<Clock::time_point>& at) {
        return at ? std::optional(seconds_between(asked_, *at)) : std::nullopt;
    };
    if (!c.first_byte) {
        c.first_byte = since(first_byte_);
    }
    c.first_event = since(first_event_);
    c.first_content = empty_ ? std::nullopt : since(first_content_);
}

void AnswerReader::fill_pacing() {
    sample_.arrivals = {
        .content_frames = sample_.content_frames,
        .content_reads = sample_.content_reads,
        .first_event = sample_.clocks.first_event.value_or(0),
        .first_content = sample_.clocks.first_content.value_or(0),
        .last_content = last_content_ ? seconds_between(asked_, *last_content_) : 0,
    };
    auto [pacing, why] = judge_pacing(sample_.arrivals, request_.paced_over);
    sample_.pacing = pacing;
    sample_.pacing_why = std::move(why);
}

void AnswerReader::fill_outcome(const net::ClientResponse& response) {
    AnswerFacts facts{
        .failure = response.failure,
        .status = response.status,
        .stopped = stopped_,
        .event_stream = event_stream_,
        .headers_complete = true,
        .bytes = body_bytes_,
        .any_frame = chunked_ || commented_,
        .done = sample_.done,
        .terminal = terminal_,
        .failed_turn = sample_.errors > 0 || sample_.aborted ||
                       (!sample_.terminal.empty() && sample_.terminal != "completed"),
        .content_frames = sample_.content_frames,
        .buffered = request_.pacing == PacingMode::judge && sample_.pacing == Pacing::buffered,
        .late_end = sample_.tail_s > k_longest_tail,
    };
    // We cut off a long non-200 body ourselves; that is not a cancellation.
    if (facts.status != 200 && facts.failure == net::TransferFailure::cancelled &&
        body_bytes_ > 0) {
        facts.failure = net::TransferFailure::none;
    }
    for (const contract::Violation& v : sample_.judgement.violations) {
        const std::string_view id = v.rule->id;
        const bool late = sample_.done && v.frame != contract::k_at_end && v.offset > done_offset_;
        facts.headers_complete = facts.headers_complete && !is_head_rule(id);
        facts.malformed = facts.malformed || (is_malformed_rule(id) && !late);
        facts.broken_before_done = facts.broken_before_done || (!late && !is_head_rule(id));
        facts.broken_after_done = facts.broken_after_done || late;
    }
    facts.broken_before_done = facts.broken_before_done || !sample_.foreign.empty();
    facts.any_frame = facts.any_frame || sample_.judgement.frames > 0;
    sample_.outcome = classify(facts);
    sample_.detail = sample_.outcome == Outcome::contract_violation && !sample_.foreign.empty()
                         ? fmt::format(
                               "the answer names the conversation {}, asked was {}",
                               printable(sample_.foreign, 60),
                               printable(request_.thread, 60)
                           )
                         : describe(sample_, response.failure_text);
}

} // namespace oa_stream::probe
