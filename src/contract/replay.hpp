// Rules R3 and R4: compares a resume answer with the recording of the same turn.
#pragma once

#include "oa_stream/contract/ui_machine.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

class Replay {
public:
    using Report = UiMachine::Report;

    /// Transient data parts are not replayed, so both sides ignore them.
    explicit Replay(std::string_view recording);

    /// The recording has no chunk.
    [[nodiscard]] bool empty() const noexcept { return recorded_.empty(); }
    /// One event of the answer.
    void step(std::string_view data, const Report& report);
    void finish(const Report& report);

private:
    std::vector<std::string> recorded_{}; ///< each chunk's JSON in canonical form
    std::size_t next_ = 0;
    bool differs_ = false;
};

} // namespace oa_stream::contract
