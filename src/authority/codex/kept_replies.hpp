// What codex was answered, until it says that it knows. A connection can be lost with an answer on
// its way: codex then asks again on the next one, by the same request id.
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
    /// `item`: whose end says that codex has it; empty: only resolved() does.
    void keep(const Json& request, std::string item, const Json& body) {
        kept_.push_back({.request = request, .item = std::move(item), .body = body});
    }
    /// Null: this was not answered.
    [[nodiscard]] const Json* find(const Json& request) const {
        const auto found = std::ranges::find(kept_, request, &Kept::request);
        return found == kept_.end() ? nullptr : &found->body;
    }
    void resolved(const Json& request) {
        std::erase_if(kept_, [&](const Kept& one) { return one.request == request; });
    }
    /// Of items that share an id the oldest ends first.
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
