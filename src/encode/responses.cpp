#include "oa_stream/encode/responses.hpp"

#include "oa_stream/contract/responses_machine.hpp"
#include "oa_stream/encode/openai_errors.hpp"
#include "oa_stream/wire/sse.hpp"

#include "completion_turn.hpp"
#include "openai_answer.hpp"
#include "response_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::encode {

using namespace response;

namespace {

struct ResponseState {
    ResponseState(ResponseIdentity with, bool is_streamed, TextRoom room)
        : identity(std::move(with)), turn(identity.demands), streamed(is_streamed),
          gathered(std::move(room)) {}
    ResponseState(const ResponseState&) = delete; // the callback captures `this`
    ResponseState& operator=(const ResponseState&) = delete;
    ~ResponseState() = default;

    /// A part of the turn that is being sent.
    struct Open {
        std::string part; ///< the part's id in the turn
        const ItemKind* kind;
        std::size_t index; ///< index in the output
        std::string item;  ///< item id
        std::string text{};
        turn::TextPhase phase{};
    };

    ResponseIdentity identity;
    CompletionTurn turn;
    bool streamed;
    Gathered gathered;
    contract::ResponsesMachine machine{};
    std::string refusal{}; ///< the must-rule that the last event broke
    contract::ResponsesMachine::Report report = refuse_into(refusal);
    std::int64_t next = 0; ///< next sequence number
    std::vector<Open> open{};
    std::optional<Open> open_text{}; ///< a complete message, unless the turn's end is next
    std::vector<Json> output{}; ///< finished items; null for an open one
    bool begun = false;
    bool ended = false;
    std::expected<Json, turn::Failure> result{std::unexpect};
    TurnSummary summary{};

    /// The only place that writes bytes: an event that the machine refuses is not written.
    [[nodiscard]] Result<void> send(std::string_view type, Json rest, std::string& out) {
        Json event = Json::object({{"type", type}, {"sequence_number", next}});
        for (auto& [name, value] : rest.items()) {
            event[name] = std::move(value);
        }
        refusal.clear();
        machine.step(event, type, report);
        if (!refusal.empty()) {
            return fail(Code::internal, "the contract refuses an event, " + refusal);
        }
        ++next;
        if (streamed) {
            wire::append_sse_event(out, type, dump_json(event));
            ++summary.frames;
        }
        return {};
    }

    [[nodiscard]] Json response(std::string_view status) const {
        Json out = identity.response;
        out["status"] = status;
        out["error"] = nullptr;
        out["incomplete_details"] = nullptr;
        out["output"] = Json::array();
        for (const Json& item : output) {
            if (!item.is_null()) {
                out["output"].push_back(item);
            }
        }
        out["usage"] = nullptr;
        return out;
    }

    [[nodiscard]] Result<void> begin(std::string& out) {
        if (std::exchange(begun, true)) {
            return {};
        }
        Json now = Json::object({{"response", response("in_progress")}});
        OA_CHECK(send("response.created", now, out));
        return send("response.in_progress", std::move(now), out);
    }

    [[nodiscard]] std::string new_id(std::string_view prefix) const {
        const auto id = string_member(identity.response, "id").value_or("");
        return fmt::format("{}{}{:02}", prefix, id.substr(id.find('_') + 1), output.size());
    }

    [[nodiscard]] static Json place(const Open& of) {
        Json out = Json::object({{"item_id", of.item}, {"output_index", of.index}});
        if (!of.kind->index.empty()) {
            out[std::string(of.kind->index)] = 0;
        }
        return out;
    }

    [[nodiscard]] static Json item_of(const Open& of, std::string_view status) {
        const bool done = status != k_in_progress;
        Json item = Json::object({{"id", of.item}, {"type", of.kind->item}});
        if (of.kind == &k_message) {
            item["status"] = status;
            item["role"] = "assistant";
            if (const auto phase = turn::to_string(of.phase); !phase.empty()) {
                item["phase"] = phase;
            }
        }
        item[std::string(of.kind->member)] =
            done ? Json::array({part_of(*of.kind, of.text)}) : Json::array();
        return item;
    }

    [[nodiscard]] Result<void>
    send_item(std::string_view what, std::size_t index, Json item, std::string& out) {
        Json event = Json::object({{"output_index", index}});
        event["item"] = std::move(item);
        return send(fmt::format("response.output_item.{}", what), std::move(event), out);
    }

    [[nodiscard]] Result<void> send_part(const Open& of, std::string_view what, std::string& out) {
        Json event = place(of);
        event["part"] = part_of(*of.kind, of.text);
        return send(fmt::format("{}.{}", of.kind->part, what), std::move(event), out);
    }

    [[nodiscard]] Result<void> open_part(const turn::PartOpened& event, std::string& out) {
        const ItemKind& kind = kind_of(event.kind);
        if (&kind == &k_reasoning && !identity.reasoning) {
            return {};
        }
        open.push_back({event.id, &kind, output.size(), new_id(kind.prefix), {}, event.phase});
        output.emplace_back();
        OA_CHECK(send_item("added", open.back().index, item_of(open.back(), k_in_progress), out));
        return send_part(open.back(), "added", out);
    }

    [[nodiscard]] Result<void> delta(const turn::PartDelta& event, std::string& out) {
        const auto of = std::ranges::find(open, event.id, &Open::part);
        if (of == open.end() || event.text.empty()) {
            return {};
        }
        const auto text = valid(event.text);
        summary.content = true;
        if (!gathered.add(text.size())) {
            return outgrow(out);
        }
        of->text += text;
        Json piece = place(*of);
        piece["delta"] = text;
        if (of->kind == &k_message) {
            piece["logprobs"] = Json::array();
        }
        return send(fmt::format("{}.delta", of->kind->text), std::move(piece), out);
    }

    [[nodiscard]] Result<void> close_part(const turn::PartClosed& event, std::string& out) {
        const auto at = std::ranges::find(open, event.id, &Open::part);
        if (at == open.end()) {
            return {};
        }
        Open of = std::move(*at);
        open.erase(at);
        if (of.kind != &k_message) {
            return finish(of, k_completed, out);
        }
        open_text = std::move(of);
        return {};
    }

    [[nodiscard]] Result<void> finish(const Open& of, std::string_view status, std::string& out) {
        Json whole = place(of);
        whole["text"] = of.text;
        if (of.kind == &k_message) {
            whole["logprobs"] = Json::array();
        }
        OA_CHECK(send(fmt::format("{}.done", of.kind->text), std::move(whole), out));
        OA_CHECK(send_part(of, "done", out));
        output[of.index] = item_of(of, status);
        return send_item("done", of.index, output[of.index], out);
    }

    /// Codex reports a call when it is complete, so its start and its arguments are sent at once.
    [[nodiscard]] Result<void> send_call(const turn::ClientCall& call, std::string& out) {
        const auto arguments = valid(call.arguments);
        summary.content = true;
        if (!gathered.add(arguments.size())) {
            return outgrow(out);
        }
        const Open of{"", &k_function_call, output.size(), new_id(k_function_call.prefix)};
        output.emplace_back();
        Json item = Json::object({{"id", of.item}, {"type", of.kind->item}});
        item["status"] = "in_progress";
        item["arguments"] = "";
        item["call_id"] = call.call;
        item["name"] = call.name;
        OA_CHECK(send_item("added", of.index, item, out));
        if (!arguments.empty()) {
            Json piece = place(of);
            piece["delta"] = arguments;
            OA_CHECK(send(fmt::format("{}.delta", of.kind->text), std::move(piece), out));
        }
        Json whole = place(of);
        whole["name"] = call.name;
        whole["arguments"] = arguments;
        OA_CHECK(send(fmt::format("{}.done", of.kind->text), std::move(whole), out));
        item["status"] = "completed";
        item["arguments"] = arguments;
        output[of.index] = item;
        return send_item("done", of.index, std::move(item), out);
    }

    [[nodiscard]] Result<void> outgrow(std::string& out) {
        turn.fail(Gathered::outgrown());
        const auto& ending = turn.ending();
        return ending ? end(*ending, out) : Result<void>{};
    }

    [[nodiscard]] Result<void> end(const CompletionTurn::Ending& ending, std::string& out) {
        const std::string_view status = !ending                 ? "failed"
                                        : turn::is_cut(*ending) ? "incomplete"
                                                                : k_completed;
        if (const auto last_text = std::exchange(open_text, std::nullopt)) {
            const auto end = status == k_completed ? k_completed : "incomplete";
            OA_CHECK(finish(*last_text, end, out));
        }
        Json last = response(status);
        if (!ending) {
            // The event `error` precedes response.failed, as in OpenAI's streams: many clients read
            // only one of the two, and would otherwise treat the text so far as a complete answer.
            const auto error = openai_error_of(ending.error(), summary.content).error;
            last["error"] = failed_json(error, ending.error().cause);
            Json event = Json::object({{"error", error_json(error)}});
            OA_CHECK(send("error", std::move(event), out));
            summary.failure = ending.error();
        } else if (status == "incomplete") {
            const bool length = *ending == turn::Finish::length;
            last["incomplete_details"]["reason"] = length ? "max_output_tokens" : "content_filter";
        }
        if (const auto usage = turn.usage()) {
            last["usage"] = usage_json(*usage);
        }
        Json event = Json::object({{"response", last}});
        OA_CHECK(send(fmt::format("response.{}", status), std::move(event), out));
        ended = true;
        if (!ending) {
            result = std::unexpected(ending.error());
            return {};
        }
        if (identity.on_response) {
            identity.on_response(last);
        }
        result = std::move(last);
        return {};
    }

    /// Ignores the joined text `said`, because parts are sent separately.
    [[nodiscard]] Result<void>
    write(const turn::Event& event, const CompletionTurn::Delta& /*said*/, std::string& out) {
        const auto& ending = turn.ending();
        if (!ending && !std::holds_alternative<turn::UsageKnown>(event)) {
            if (const auto whole = std::exchange(open_text, std::nullopt)) {
                OA_CHECK(finish(*whole, k_completed, out));
            }
        }
        if (ending) {
            return end(*ending, out);
        }
        if (const auto* opened = std::get_if<turn::PartOpened>(&event)) {
            return open_part(*opened, out);
        }
        if (const auto* piece = std::get_if<turn::PartDelta>(&event)) {
            return delta(*piece, out);
        }
        if (const auto* closed = std::get_if<turn::PartClosed>(&event)) {
            return close_part(*closed, out);
        }
        if (const auto* call = turn.call(event)) {
            return send_call(*call, out);
        }
        return {};
    }
};

} // namespace

std::unique_ptr<WholeAnswer>
responses_answer(ResponseIdentity identity, bool streamed, TextRoom room) {
    return std::make_unique<OpenAiWhole<ResponseState>>(
        std::move(identity), streamed, std::move(room)
    );
}

} // namespace oa_stream::encode
