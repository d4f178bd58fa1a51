// The parts and tool calls of one turn, by the authority's id, each with its wire id.
#pragma once

#include "oa_stream/base/ids.hpp"
#include "oa_stream/turn/event.hpp"

#include "utf8_gate.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace oa_stream::encode {

struct Part {
    std::string wire;
    turn::PartKind kind = turn::PartKind::text;
    bool open = true;
    Utf8Gate gate{};
};

struct Tool {
    enum class Phase { input, running, done };
    std::string wire;
    Phase phase = Phase::input;
    bool asked = false; ///< the client has to run it
    bool left = false; ///< done for this stream only: continues after the answer
    std::string name{};
    Utf8Gate gate{}; ///< of the input first, then of the live output
};

/// Finds entries by the authority's id. A new entry for a known id replaces the old one in the
/// lookup and gets a different wire id. Entries keep their order and address.
template <class Entry> class OpenItems {
public:
    /// nullptr when there was none.
    [[nodiscard]] Entry* find(std::string_view id) {
        if (last_ != nullptr && last_id_ == id) {
            return last_; // in a token stream the same part is looked up every time
        }
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) {
            return nullptr;
        }
        last_id_ = found->first;
        last_ = found->second;
        return last_;
    }
    [[nodiscard]] std::list<Entry>& all() noexcept { return entries_; }

protected:
    /// `bad` is set when the id is not usable on the wire.
    [[nodiscard]] Entry& add(std::string_view id, std::string_view stem, bool& bad) {
        bad = !is_wire_id(id);
        const std::string base(bad ? stem : id.substr(0, k_base_limit));
        std::string wire = bad ? base + "-1" : std::string(id);
        while (used_.contains(wire)) {
            wire = base + "-" + std::to_string(++renamed_ + 1);
        }
        used_.insert(wire);
        entries_.push_back(Entry{wire});
        Entry& entry = entries_.back();
        by_id_[std::string(id)] = &entry;
        last_ = nullptr;
        return entry;
    }

private:
    static constexpr std::size_t k_base_limit = 100; // leaves room for "-<n>" within 128

    std::list<Entry> entries_{}; // a deque takes 600 bytes while it is empty
    std::map<std::string, Entry*, std::less<>> by_id_{};
    std::set<std::string, std::less<>> used_{};
    std::uint64_t renamed_ = 0;
    std::string last_id_{};
    Entry* last_ = nullptr;
};

class OpenParts : public OpenItems<Part> {
public:
    Part& open(std::string_view id, turn::PartKind kind, bool& bad) {
        Part& part = add(id, "part", bad);
        part.kind = kind;
        return part;
    }
};

class OpenTools : public OpenItems<Tool> {
public:
    Tool& open(std::string_view call, bool& bad) { return add(call, "call", bad); }
};

} // namespace oa_stream::encode
