// The client's functions in one codex turn (dynamic tools): which ones the model has called, the
// client's answers, and whether only the client is waited for. Measured with codex-cli 0.169.0:
// codex requests parallel calls in parallel, each as soon as it is complete.
// `rawResponseItem/completed` reports each call before its request, with the arguments as the model
// wrote them; `rawResponse/completed` follows the last call, with the response's usage. After
// thread/resume codex sends neither. A response that fails, is cut or stops early after a call
// sends nothing until its calls are answered.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// Rewrites the translated events of a `dynamicToolCall` item as the client's own call. A call that
/// codex abandoned without a result becomes a turn::ClientCall again. Other items are unchanged.
void tell_as_client(const Json& item, std::vector<turn::Event>& events);

class ClientCalls {
public:
    /// The turn's thread has client functions. `waits`: the turn waits for answer() at a call
    /// instead of ending there. `functions`: their names, if known.
    void enable(bool waits, std::vector<std::string> functions = {}) noexcept {
        enabled_ = true;
        waits_ = waits;
        functions_ = std::move(functions);
    }
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }

    /// Call it with the translated events of each item: marks the client's own calls.
    void mark(const Json& item, std::vector<turn::Event>& events);
    /// Reads `rawResponseItem/completed` and `rawResponse/completed` of the turn; ignores other
    /// methods.
    void watch(std::string_view method, const Json& params);
    /// The connection was lost. After the resume codex no longer reports responses, nor the results
    /// of its own calls.
    void tear();
    /// `item/tool/call`, with the id of that request. A repeat, as over a new connection, is
    /// ignored; an id that the provider reuses for a different call is not.
    void ask(const Json& params, const Json& request);
    /// The calls requested since the last take(), in the model's order: codex requests them in the
    /// order in which its tasks run. A turn that waits gets the calls of a response together, if
    /// codex reports the end of responses.
    [[nodiscard]] std::vector<turn::ClientCall> take();

    /// mark() has seen this call. `call` is the id on the wire.
    [[nodiscard]] bool opened(std::string_view call) const noexcept;

    /// The reply for codex: the request's id and the body. Code::not_found when the call is not
    /// pending. Without a request: codex has abandoned the call and accepts no answer.
    struct Reply {
        Json request;
        Json body;
        std::string item{}; ///< codex' id of the call
    };
    [[nodiscard]] Result<Reply> answer(const CallResult& result);

    /// A call was requested, and no event has shown yet how its response continues or ends.
    [[nodiscard]] bool end_missing() const noexcept;
    /// Treats that response as ended. For a turn that waits, take() then returns its calls. For any
    /// other turn, returns answers to send, after which codex reports the end.
    [[nodiscard]] std::vector<Reply> end_response();

    /// The model's response is complete, and each of its calls is the client's, done, or codex's
    /// own after a client call. Never true for a turn that waits.
    [[nodiscard]] bool only_client_left() const noexcept {
        return !waits_ && response_whole_ && !asked_.empty() &&
               std::ranges::all_of(made_, &Made::own);
    }
    /// usage of that response in codex's form; null when the provider reported none
    [[nodiscard]] const Json& usage() const noexcept { return usage_; }

private:
    struct Made {
        std::string id; ///< codex's id
        std::string arguments{}; ///< as the model wrote them
        bool own = false; ///< codex answers it itself
        bool done = false; ///< … and has done so
        std::optional<turn::ClientCall> asked{};
    };
    struct Asked {
        std::string id; ///< codex's id
        std::string wire;
        Json request{};
        bool answered = false;
        /// A later call has the same id. Codex keeps one call per id and has abandoned this one.
        bool replaced = false;
    };
    [[nodiscard]] Made* find(std::string_view id);
    [[nodiscard]] Made* find(std::string_view id, const Json* arguments);
    [[nodiscard]] bool opened_unasked(std::string_view id) const;
    [[nodiscard]] bool has_open() const noexcept;
    [[nodiscard]] std::string next_wire(const std::string& id) const;
    void settle_replaced(turn::Event& event);
    void note_end(std::string id);
    [[nodiscard]] bool more_to_come() const noexcept;

    [[nodiscard]] bool is_own(const Json& item) const;

    bool enabled_ = false;
    bool waits_ = false;
    bool raw_ = false; ///< codex reports responses
    bool response_whole_ = false;
    bool taken_as_ended_ = false; ///< treated as ended without waiting for the end
    bool passed_on_ = false; ///< take() has returned a call of this response
    std::vector<std::string> functions_{};
    Json usage_{};
    /// codex's call id → our id of each call that had it: providers reuse ids.
    std::map<std::string, std::vector<std::string>, std::less<>> wires_{};
    std::deque<Made> made_{}; ///< calls that take() has not processed yet
    std::vector<Asked> asked_{}; ///< in order
};

} // namespace oa_stream::authority
