// Our replies to codex, until codex confirms them. If the connection is lost with a reply in
// flight, codex repeats the request on the next connection with the same request id.
#pragma once

#include "oa_stream/base/json.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority {

class KeptReplies {
public:
    /// `item`: its end confirms the reply; empty: only resolved() does.
    void keep(const Json& request, std::string item, const Json& body) {
        kept_.push_back({.request = request, .item = std::move(item), .body = body});
    }
    /// Null: not answered.
    [[nodiscard]] const Json* find(const Json& request) const {
        const auto found = std::ranges::find(kept_, request, &Kept::request);
        return found == kept_.end() ? nullptr : &found->body;
    }
    void resolved(const Json& request) {
        std::erase_if(kept_, [&](const Kept& one) { return one.request == request; });
    }
    /// If several items share an id, the oldest ends first.
    void ended(std::string_view item) {
        const auto found = std::ranges::find(kept_, item, &Kept::item);
        if (found != kept_.end() && !item.empty()) {
            kept_.erase(found);
        }
    }

private:
    struct Kept {
        Json request;
        std::string item;
        Json body;
    };
    std::vector<Kept> kept_;
};

} // namespace oa_stream::authority
