#include "oa_stream/base/layout.hpp"

#include <fmt/format.h>

namespace oa_stream {

std::string counted(std::uint64_t n, std::string_view thing) {
    if (n == 1) {
        return fmt::format("1 {}", thing);
    }
    const bool takes_ies = thing.size() > 1 && thing.ends_with('y') &&
                           !std::string_view("aeiou").contains(thing[thing.size() - 2]);
    return takes_ies ? fmt::format("{} {}ies", n, thing.substr(0, thing.size() - 1))
                     : fmt::format("{} {}s", n, thing);
}

} // namespace oa_stream
