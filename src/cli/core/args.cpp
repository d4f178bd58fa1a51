#include "command.hpp"

namespace oa_stream::cli {

bool Args::has(std::string_view option) const {
    return given.contains(option);
}

std::optional<std::string> Args::get(std::string_view option) const {
    if (const auto found = given.find(option); found != given.end() && !found->second.empty()) {
        return found->second.back();
    }
    if (const auto found = fallbacks.find(option); found != fallbacks.end()) {
        return found->second;
    }
    return std::nullopt;
}

std::vector<std::string> Args::all(std::string_view option) const {
    const auto found = given.find(option);
    return found == given.end() ? std::vector<std::string>{} : found->second;
}

std::optional<std::string> Args::positional(std::string_view name) const {
    return get(name);
}

} // namespace oa_stream::cli
