// The recordings, loaded once: which one a prompt selects, and what history keeps of it.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/capture.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

using Recording = std::shared_ptr<const Capture>;

/// A few short turns compiled in, so that the binary alone can demonstrate and rehearse.
[[nodiscard]] std::vector<Capture> builtin_captures();

/// The complete text parts and tools among the first `count` events, as codex would keep them in
/// history (no reasoning, notes or unfinished items).
[[nodiscard]] std::vector<turn::Event> kept_events(const Capture& capture, std::size_t count);

class ReplayLibrary {
public:
    /// `directory` empty: the built-in set. Errors as make_replay_authority().
    [[nodiscard]] static Result<ReplayLibrary> load(const std::filesystem::path& directory);

    /// The recording of the prompt's word replay:NAME, else the next completed one.
    /// Code::precondition for an unknown NAME.
    [[nodiscard]] Result<Recording> choose(std::string_view prompt);

private:
    explicit ReplayLibrary(std::vector<Capture> captures);
    [[nodiscard]] Recording find(std::string_view name) const;

    std::vector<Recording> all_{}; ///< sorted by name
    std::vector<Recording> rotation_{}; ///< completed recordings with content
    std::size_t next_ = 0;
};

} // namespace oa_stream::authority
