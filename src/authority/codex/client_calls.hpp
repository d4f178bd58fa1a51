// The client's functions in one turn of codex (dynamic tools): which the model has called, and
// whether nothing but the client is waited for. Measured with codex-cli 0.169.0: calls that the
// model makes at once are asked for at once, each as soon as it is whole;
// `rawResponseItem/completed` tells each before it is asked for, with its arguments as the model
// wrote them; `rawResponse/completed` follows the last one, with the response's usage.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

class ClientCalls {
public:
    /// The turn's thread has functions of the client's.
    void enable() noexcept { enabled_ = true; }
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }

    /// To be called for the translated events of `item/started`: marks the client's own calls.
    void mark(const Json& item, std::vector<turn::Event>& events);
    /// `rawResponseItem/completed` and `rawResponse/completed` of the turn; others are passed over.
    void watch(std::string_view method, const Json& params);
    /// `item/tool/call`. Asked again, as over a new connection, it says nothing new.
    void ask(const Json& params);
    /// The calls that were asked for since, in the order in which the model made them: codex asks
    /// in whichever order its tasks run.
    [[nodiscard]] std::vector<turn::ClientCall> take();

    /// The model's response is whole, and every call in it is the client's or done.
    [[nodiscard]] bool only_client_left() const noexcept {
        return response_whole_ && !asked_.empty() && made_.empty();
    }
    /// Of that response, as codex counts; null when the provider told none.
    [[nodiscard]] const Json& usage() const noexcept { return usage_; }

private:
    struct Made {
        std::string id; ///< codex'
        bool done = false; ///< answered by codex itself
        std::optional<turn::ClientCall> asked{};
    };
    [[nodiscard]] Made* find(std::string_view id);

    bool enabled_ = false;
    bool response_whole_ = false;
    Json usage_{};
    std::map<std::string, std::string, std::less<>> wire_{}; ///< call id of codex → ours
    std::map<std::string, std::string, std::less<>> arguments_{}; ///< by call id of codex
    std::deque<Made> made_{}; ///< calls that take() has not got to
    std::set<std::string, std::less<>> asked_{};
};

} // namespace oa_stream::authority
