// The client's functions in one turn of codex (dynamic tools): which the model has called, what the
// client answered, and whether nothing but the client is waited for. Measured with codex-cli
// 0.169.0: calls that the model makes at once are asked for at once, each as soon as it is whole;
// `rawResponseItem/completed` tells each before it is asked for, with its arguments as the model
// wrote them; `rawResponse/completed` follows the last one, with the response's usage. A thread
// that was resumed tells neither. A response that fails, is cut or stops early behind a call tells
// nothing until its calls are answered.
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

/// Makes the translated events of a `dynamicToolCall` item those of the client's own call. One that
/// codex gave up without a result becomes a turn::ClientCall again. Other items stay as they are.
void tell_as_client(const Json& item, std::vector<turn::Event>& events);

class ClientCalls {
public:
    /// The turn's thread has functions of the client's. `waits`: for answer(); else the turn ends
    /// there.
    /// `functions`: the client's, where they are known.
    void enable(bool waits, std::vector<std::string> functions = {}) noexcept {
        enabled_ = true;
        waits_ = waits;
        functions_ = std::move(functions);
    }
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }

    /// To be called for the translated events of an item: marks the client's own calls.
    void mark(const Json& item, std::vector<turn::Event>& events);
    /// `rawResponseItem/completed` and `rawResponse/completed` of the turn; others are passed over.
    void watch(std::string_view method, const Json& params);
    /// The connection was lost: the thread is resumed, so no response is told any more, nor what
    /// became of codex' own calls.
    void tear();
    /// `item/tool/call`, and the id of that request. Asked again, as over a new connection, it says
    /// nothing new; an id that the provider gives to another call does.
    void ask(const Json& params, const Json& request);
    /// The calls that were asked for since, in the order in which the model made them: codex asks
    /// in whichever order its tasks run. A turn that waits is told them together, as far as codex
    /// tells when a response is whole.
    [[nodiscard]] std::vector<turn::ClientCall> take();

    /// mark() has seen this call, named as on the wire.
    [[nodiscard]] bool opened(std::string_view call) const noexcept;

    /// An answer for codex: the request's id and the reply's body. Code::not_found when the call
    /// waits for none. Without a request: codex has given the call up and takes no answer.
    struct Reply {
        Json request;
        Json body;
        std::string item{}; ///< codex' id of the call
    };
    [[nodiscard]] Result<Reply> answer(const CallResult& result);

    /// A call was asked for, and nothing said so far how its response goes on or ends.
    [[nodiscard]] bool end_missing() const noexcept;
    /// Takes that response for ended. A turn that waits is told its calls by take(). Those of
    /// another turn get these answers, behind which codex tells the end.
    [[nodiscard]] std::vector<Reply> end_response();

    /// The model's response is whole, and every call in it is the client's, done, or codex' own
    /// behind one of the client's. Never in a turn that waits.
    [[nodiscard]] bool only_client_left() const noexcept {
        return !waits_ && response_whole_ && !asked_.empty() &&
               std::ranges::all_of(made_, &Made::own);
    }
    /// Of that response, as codex counts; null when the provider told none.
    [[nodiscard]] const Json& usage() const noexcept { return usage_; }

private:
    struct Made {
        std::string id; ///< codex'
        std::string arguments{}; ///< as the model wrote them
        bool own = false; ///< codex will answer it itself
        bool done = false; ///< … and has
        std::optional<turn::ClientCall> asked{};
    };
    struct Asked {
        std::string id; ///< codex'
        std::string wire;
        Json request{};
        bool answered = false;
        /// A later call has its id. Codex keeps one call for an id and has given this one up.
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
    bool raw_ = false; ///< codex tells responses
    bool response_whole_ = false;
    bool taken_as_ended_ = false; ///< its end is not waited for
    bool passed_on_ = false; ///< a call of this response was
    std::vector<std::string> functions_{};
    Json usage_{};
    /// Call id of codex → ours of each call that had it: providers use ids again.
    std::map<std::string, std::vector<std::string>, std::less<>> wires_{};
    std::deque<Made> made_{}; ///< calls that take() has not got to
    std::vector<Asked> asked_{}; ///< in order
};

} // namespace oa_stream::authority
