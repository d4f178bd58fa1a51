#include "oa_stream/config/problems.hpp"

#include <algorithm>
#include <tuple>

namespace oa_stream::config {
namespace {

auto place_of(const Problem& problem) {
    return std::tie(problem.at.line, problem.at.column, problem.path);
}

} // namespace

Error Problem::error() const {
    return {Code::config, message, where(file, at), hint};
}

std::string Problem::text() const {
    return error().text();
}

void Problems::add(Position at, std::string path, std::string message, Advice hint) {
    const auto same = [&](const Problem& other) { return other.at == at && other.path == path; };
    if (std::ranges::any_of(all_, same)) {
        return; // one value, one problem: the first says it best
    }
    if (all_.size() >= k_most) {
        ++dropped_;
        return;
    }
    all_.push_back({file_, at, std::move(path), std::move(message), std::move(hint)});
}

Result<void> Problems::result() const {
    if (all_.empty()) {
        return {};
    }
    return std::unexpected(std::ranges::min_element(all_, {}, place_of)->error());
}

void Problems::sort() {
    std::ranges::sort(all_, {}, place_of);
}

} // namespace oa_stream::config
