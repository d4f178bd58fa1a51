// The terminal that watch draws on, and leaves as it found it.
#pragma once

#include "watch_render.hpp"

#include <string_view>

namespace oa_stream::cli {

/// While it lives the cursor is hidden and the screen's lines are ours; what stood there was
/// scrolled up, not overwritten. No alternate screen: the last frame stays when watch ends.
class WatchTerminal {
public:
    explicit WatchTerminal(int descriptor);
    ~WatchTerminal();
    WatchTerminal(const WatchTerminal&) = delete;
    WatchTerminal& operator=(const WatchTerminal&) = delete;

    /// As it is now: terminals are resized.
    [[nodiscard]] ScreenSize size() const;
    /// One write.
    void draw(const std::vector<std::string>& lines);
    /// Cursor below the last frame and visible; until begin() nothing is drawn.
    void release();
    /// Room for frames; the constructor's, or after release().
    void begin();

private:
    void put(std::string_view bytes) const;
    int descriptor_;
    std::size_t drawn_ = 0; ///< lines of the last frame
    bool ours_ = false;
};

} // namespace oa_stream::cli
