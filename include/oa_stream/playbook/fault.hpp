// Faults that a rehearsal can inject into its own canary: --inject KIND[=VALUE]@PERCENT.
#pragma once

#include "oa_stream/base/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

struct Fault {
    std::string kind;  ///< "error-rate", "malformed", "latency", "kill", …
    std::string value; ///< "0.2", "300ms"; empty for kill
    int percent = 0; ///< the stage at whose beginning it starts

    [[nodiscard]] std::string text() const; ///< "error-rate=0.2@25%"
    friend bool operator==(const Fault&, const Fault&) = default;
};

/// The beginnings of all faults: "error-rate=", "kill@".
[[nodiscard]] std::span<const std::string_view> fault_words();

/// Code::usage: unknown kind (with the nearest one), missing, unexpected or invalid value, no
/// percent.
[[nodiscard]] Result<Fault> parse_fault(std::string_view text);

/// Code::usage when a fault's percent is not a stage.
[[nodiscard]] Result<void> check_faults(std::span<const Fault> faults, std::span<const int> stages);

} // namespace oa_stream::playbook
