#include "smoke_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

Result<void> TargetOptions::check_target(std::string_view what, std::string_view example) const {
    if (target.base_url.empty()) {
        return fail(
            Code::usage,
            fmt::format("name the {}: {} is missing", what, k_base_url.name),
            {},
            std::string(example)
        );
    }
    return {};
}

Result<void> drop_compat(std::span<const std::string> /*values*/, TargetOptions& options) {
    options.target.compat.reset();
    return {};
}

} // namespace oa_stream::cli
