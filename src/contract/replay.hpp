// Rules R3 and R4: a resume answer against the recording of the same turn.
#pragma once

#include "oa_stream/contract/ui_machine.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::contract {

class Replay {
public:
    using Report = UiMachine::Report;

    /// Transient data parts are not replayed, so they do not count on either side.
    explicit Replay(std::string_view recording);

    /// Nothing was recorded.
    [[nodiscard]] bool empty() const noexcept { return recorded_.empty(); }
    /// One event of the answer.
    void step(std::string_view data, const Report& report);
    void finish(const Report& report);

private:
    std::vector<std::string> recorded_{}; ///< each chunk's JSON, written the same way
    std::size_t next_ = 0;
    bool differs_ = false;
};

} // namespace oa_stream::contract
