// Was the answer streamed, or did some hop hold it back and let it go in one piece?
//
// Arrival times alone cannot separate a buffered answer from one that the model wrote in an
// instant, so the rule asks for evidence that time passed while content was being made, and says so
// when there is none. Buffering only delays: content paced over P seconds can never be complete
// before P.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::probe {

enum class Pacing {
    streamed, ///< content arrived while it was produced
    buffered, ///< content was held back
    undecided, ///< too little content, or produced too fast to judge
};
[[nodiscard]] std::string_view to_string(Pacing pacing) noexcept;

/// Observations of one answer, in seconds since the request was sent.
struct PacingFacts {
    std::uint64_t content_frames = 0;
    /// Groups of content frames; frames at most k_same_read apart belong to one group.
    std::uint64_t content_reads = 0;
    double first_event = 0;
    double first_content = 0;
    double last_content = 0;
};
inline constexpr double k_same_read = 0.001;

struct PacingVerdict {
    Pacing pacing = Pacing::undecided;
    std::string why; ///< one sentence with the numbers
};

/// `paced_over`: the target is known to make its content over at least this time (a recorded
/// transcript). The rules, first match wins:
///
/// | rule | needs | verdict |
/// |---|---|---|
/// | few  | fewer than 8 content frames | undecided |
/// | fast | paced_over known, but the last content came before 80 % of it: not paced at all |
/// undecided | | held | paced_over known; content spread under half of it, or in fewer than max(3,
/// frames/4) reads | buffered | | held | paced_over known, otherwise | streamed | | flow | content
/// spread ≥ 100 ms over at least max(3, frames/10) reads | streamed | | lump | first event after ≥
/// 300 ms, and everything up to the last content within 20 ms of it | buffered | | tail | ≥ 12
/// frames, first content ≥ 1 s after the first event, all of it within 20 ms | buffered | | –    |
/// otherwise | undecided |
[[nodiscard]] PacingVerdict
judge_pacing(const PacingFacts& facts, std::optional<Millis> paced_over);

/// What the origin sends gradually arrives through the target later and all at once. Two answers of
/// a model differ only in their first word, or only in their pace.
[[nodiscard]] bool comes_at_once(const PacingFacts& target, const PacingFacts& origin) noexcept;

} // namespace oa_stream::probe
