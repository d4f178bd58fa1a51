#include "completions_ask.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include "body_tail.hpp"
#include "outcome.hpp"
#include "target_request.hpp"

#include <fmt/format.h>

#include <memory>
#include <variant>

namespace oa_stream::probe {

namespace {

namespace wire_chat = wire::completions;

constexpr std::size_t k_most_bytes = 8U << 20U;

/// Usage in the form of the Responses API.
wire_chat::Usage usage_of(const Json& usage) {
    const auto detail = [&](const char* part, const char* name) {
        return int_member(object_in(usage, part), name);
    };
    return {
        .prompt = int_member(usage, "input_tokens").value_or(0),
        .completion = int_member(usage, "output_tokens").value_or(0),
        .cached = detail("input_tokens_details", "cached_tokens"),
        .reasoning = detail("output_tokens_details", "reasoning_tokens"),
    };
}

/// Fills a Completion while its bytes arrive. Not movable, because the judge calls back into it.
class Listener {
public:
    Listener(bool streamed, OpenAiApi api)
        : api_(api), judge_(
                         api == OpenAiApi::responses ? contract::Profile::responses
                                                     : contract::Profile::chat_completions
                     ) {
        out_.streamed = streamed;
        judge_.on_response_event([this](const Json& event, std::uint64_t) { on(event); });
        judge_.on_completion([this](const wire_chat::Event& event, std::uint64_t) {
            std::visit([this](const auto& known) { on(known); }, event);
        });
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() = default;

    void head(const net::ClientResponse& response) {
        out_.clocks.headers = seconds(Clock::now() - asked_);
        judge_.head({response.status, response.headers.all()});
    }
    [[nodiscard]] net::Flow bytes(std::string_view bytes, Clock::time_point at) {
        now_ = at;
        if (!out_.clocks.first_byte) {
            out_.clocks.first_byte = seconds(at - asked_);
        }
        if (body_.size() + bytes.size() > k_most_bytes) {
            too_long_ = true;
            return net::Flow::stop;
        }
        body_ += bytes;
        judge_.feed(bytes);
        return net::Flow::go_on;
    }
    [[nodiscard]] bool done() const { return judge_.done(); }
    [[nodiscard]] Completion end(net::ClientResponse response, double tail_s) {
        if (too_long_) {
            response.failure = net::TransferFailure::too_large;
            response.failure_text = fmt::format("the answer is longer than {} bytes", k_most_bytes);
        }
        const bool clean = response.failure == net::TransferFailure::none;
        out_.clocks.end = seconds(Clock::now() - asked_);
        out_.done = done();
        out_.tail_s = tail_s;
        out_.judgement = judge_.finish(clean);
        response.body = std::move(body_);
        if (!has_media_type(response.headers, "text/event-stream")) {
            read_whole(response.body);
        }
        if (first_content_) {
            out_.arrivals = {
                frames_,
                reads_,
                out_.clocks.first_event.value_or(0),
                seconds(*first_content_ - asked_),
                seconds(last_content_ - asked_)
            };
            out_.pacing = judge_pacing(out_.arrivals, std::nullopt);
        }
        out_.response = std::move(response);
        return std::move(out_);
    }

private:
    void letter(char which) {
        if (which != 'C' || !out_.order.ends_with('C')) {
            out_.order += which;
        }
    }
    void first_event() {
        if (!out_.clocks.first_event) {
            out_.clocks.first_event = seconds(now_ - asked_);
        }
    }
    void count(const wire_chat::Usage& usage) {
        out_.usage = true;
        out_.input = usage.prompt;
        out_.output = usage.completion;
        out_.cached = usage.cached.value_or(0);
        out_.reasoning = usage.reasoning.value_or(0);
    }
    /// Handles an event of the Responses API.
    void on(const Json& event) {
        first_event();
        const auto type = text_view_in(event, "type");
        if (type == "response.created") {
            letter('R');
        } else if (type == "response.output_text.delta") {
            on_content(text_view_in(event, "delta"));
        } else if (const auto* response = member(event, "response");
                   response != nullptr && type != "response.in_progress") {
            const bool failed = type == "response.failed";
            // An error followed by this is a single end.
            if (!failed || !out_.order.ends_with('E')) {
                letter(failed ? 'E' : 'F');
            }
            read_response(*response);
        } else if (type == "error") {
            letter('E');
            out_.error_code = "error";
        }
    }
    /// Reads the final response; its text only for a whole answer.
    void read_response(const Json& response) {
        out_.id = text_in(response, "id");
        out_.created = int_member(response, "created_at");
        out_.model = text_in(response, "model");
        out_.finish = text_in(response, "status");
        out_.error_code = text_in(object_in(response, "error"), "code");
        if (const auto* usage = member(response, "usage"); usage != nullptr && usage->is_object()) {
            count(usage_of(*usage));
        }
        for (const auto& item : list_in(response, "output")) {
            if (text_view_in(item, "type") == "function_call") {
                out_.calls.push_back(
                    {text_in(item, "call_id"), text_in(item, "name"), text_in(item, "arguments")}
                );
            }
            for (const auto& part : list_in(item, "content")) {
                out_.text += out_.streamed ? "" : text_view_in(part, "text");
            }
        }
    }
    void on(const wire_chat::Chunk& chunk) {
        first_event();
        out_.id = chunk.id;
        out_.created = chunk.created;
        out_.model = chunk.model;
        for (const auto& piece : chunk.tool_calls) {
            if (piece.name) {
                out_.calls.push_back({piece.id.value_or(""), *piece.name, {}});
            }
            if (!out_.calls.empty()) {
                out_.calls.back().arguments += piece.arguments;
            }
        }
        if (chunk.role) {
            letter('R');
        }
        if (chunk.content && !chunk.content->empty()) {
            on_content(*chunk.content);
        }
        if (chunk.finish) {
            letter('F');
            out_.finish = *chunk.finish;
        }
        if (chunk.usage) {
            letter('U');
            count(*chunk.usage);
        }
    }
    void on_content(std::string_view text) {
        letter('C');
        out_.text += text;
        ++frames_;
        if (!first_content_) {
            first_content_ = now_;
            out_.clocks.first_content = seconds(now_ - asked_);
        }
        reads_ += reads_ == 0 || seconds(now_ - last_content_) > k_same_read ? 1U : 0U;
        last_content_ = now_;
    }
    void on(const wire_chat::ErrorObject& error) {
        letter('E');
        out_.error_code = error.code;
    }
    void on(const wire_chat::Done&) { letter('D'); }

    void read_whole(std::string_view body) {
        if (const auto response = parse_json(body);
            api_ == OpenAiApi::responses && response && member(*response, "output") != nullptr) {
            return read_response(*response);
        }
        const auto parsed = wire_chat::parse_answer(body);
        if (!parsed.body) {
            return;
        }
        if (const auto* answer = std::get_if<wire_chat::Answer>(&*parsed.body)) {
            out_.text = answer->content;
            out_.finish = answer->finish;
            out_.id = answer->id;
            out_.model = answer->model;
            out_.calls = answer->tool_calls;
            if (answer->usage) {
                count(*answer->usage);
            }
        } else {
            out_.error_code = std::get<wire_chat::ErrorObject>(*parsed.body).code;
        }
    }

    Completion out_{};
    OpenAiApi api_;
    contract::Judge judge_;
    std::string body_{};
    bool too_long_ = false;
    Clock::time_point asked_ = Clock::now();
    Clock::time_point now_ = asked_;
    std::optional<Clock::time_point> first_content_{};
    Clock::time_point last_content_{};
    std::uint64_t frames_ = 0;
    std::uint64_t reads_ = 0;
};

std::string time_text(const std::optional<double>& seconds) {
    return seconds ? seconds_text(*seconds) : "never";
}

} // namespace

std::string Completion::wrong() const {
    if (response.status == 0 || response.failure != net::TransferFailure::none) {
        return fmt::format(
            "the answer did not arrive whole: {} {}",
            to_string(response.failure),
            printable(response.failure_text, 120)
        );
    }
    if (response.status != 200) {
        return fmt::format("expected 200, saw {} {}", response.status, error_code);
    }
    if (!judgement.violations.empty()) {
        const auto& first = judgement.violations.front();
        return fmt::format("{}: {}", first.rule->id, first.message);
    }
    if (!streamed && has_media_type(response.headers, "text/event-stream")) {
        return "a stream, but none was asked for";
    }
    if (!error_code.empty()) {
        return fmt::format("the turn failed: {}", error_code);
    }
    if (streamed && !done) {
        return "expected a stream that ends with its final event, saw none";
    }
    return tail_s > k_longest_tail ? late_end_text(tail_s) : std::string();
}

std::string Completion::timing() const {
    if (!streamed) {
        return fmt::format("head {}, end {}", time_text(clocks.headers), time_text(clocks.end));
    }
    return fmt::format(
        "head {}, first text {}, end {}",
        time_text(clocks.headers),
        time_text(clocks.first_content),
        time_text(clocks.end)
    );
}

std::string_view path_of(OpenAiApi api) noexcept {
    return api == OpenAiApi::responses ? "/v1/responses" : "/v1/chat/completions";
}

Task<Completion> ask_completion(
    net::HttpClient* client, Target target, Json body, ProbeLimits limits, OpenAiApi api
) {
    target.compat.reset();
    auto request = target_request(target, "POST", path_of(api), limits);
    request.headers.set("content-type", "application/json");
    request.body = dump_json(body);
    request.fresh_connection = true;
    const bool streamed = bool_member(body, "stream").value_or(false);
    if (!streamed) {
        // A whole answer sends nothing until it is complete.
        request.first_byte_timeout = limits.total;
        request.idle_timeout = limits.total;
    }
    const auto listener = std::make_shared<Listener>(streamed, api);
    const auto tail = std::make_shared<BodyTail>(co_await asio::this_coro::executor);
    net::StreamHandlers handlers;
    handlers.on_head = [listener](const net::ClientResponse& head) {
        listener->head(head);
        return net::Flow::go_on;
    };
    handlers.on_bytes = [listener, tail](std::string_view bytes, Clock::time_point at) {
        const net::Flow flow = listener->bytes(bytes, at);
        tail->saw(listener->done(), at);
        return flow;
    };
    const auto transfer = client->stream(std::move(request), std::move(handlers));
    auto response = co_await transfer->done();
    co_return listener->end(std::move(response), tail->seconds_to_end());
}

} // namespace oa_stream::probe
