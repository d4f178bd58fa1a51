// The SHA256SUMS of the runs in a bundle from which secrets were taken.
#pragma once

#include "oa_stream/base/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace oa_stream::incident {

/// A folder's own sums after something in it was redacted: the old ones stay beside them. What was
/// not as it was sealed must not look so now.
class RunSums {
public:
    void set(const std::string& path, const std::string& digest) { digests_[path] = digest; }
    /// A file that had `before` and has another digest here.
    void changed(const std::string& path, std::string before) {
        before_.emplace(path, std::move(before));
    }
    void made(const std::string& path) { made_.insert(path); }
    /// New text of `path`, the SHA256SUMS of a run, if one of its files was redacted.
    [[nodiscard]] std::optional<std::string>
    resealed(const std::string& path, std::string_view sealed) const {
        const std::string folder = path.substr(0, path.rfind('/') + 1);
        const auto inside = [&](const auto& one) { return one.first.starts_with(folder); };
        if (std::ranges::none_of(before_, inside)) {
            return std::nullopt;
        }
        std::string out;
        std::set<std::string> listed;
        for (const SumLine& line : sum_lines(sealed)) {
            const std::string file = folder + std::string(line.file);
            const auto found = before_.find(file);
            const bool ours = found != before_.end() && found->second == line.digest;
            out += ours ? fmt::format("{}  {}\n", digests_.at(file), line.file)
                        : fmt::format("{}\n", line.whole);
            listed.insert(file);
        }
        for (const std::string& file : made_) {
            if (file.starts_with(folder) && !listed.contains(file)) {
                out += fmt::format("{}  {}\n", digests_.at(file), file.substr(folder.size()));
            }
        }
        return out;
    }

private:
    std::map<std::string, std::string> digests_; ///< as they go in
    std::map<std::string, std::string> before_;
    std::set<std::string> made_; ///< sidecars
};

} // namespace oa_stream::incident
