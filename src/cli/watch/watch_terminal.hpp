// The terminal that watch draws on and restores.
#pragma once

#include "watch_render.hpp"

#include <string_view>

namespace oa_stream::cli {

/// During its life the cursor is hidden and the screen's lines are ours; the former content was
/// scrolled up, not overwritten. Does not use the alternate screen, so the last frame stays when
/// watch ends.
class WatchTerminal {
public:
    explicit WatchTerminal(int descriptor);
    ~WatchTerminal();
    WatchTerminal(const WatchTerminal&) = delete;
    WatchTerminal& operator=(const WatchTerminal&) = delete;

    /// The present size: terminals are resized.
    [[nodiscard]] ScreenSize size() const;
    /// Draws with a single write.
    void draw(const std::vector<std::string>& lines);
    /// Puts the cursor below the last frame and shows it; nothing is drawn until begin().
    void release();
    /// Makes room for frames; called by the constructor, or after release().
    void begin();

private:
    void put(std::string_view bytes) const;
    int descriptor_;
    std::size_t drawn_ = 0; ///< number of lines of the last frame
    bool ours_ = false;
};

} // namespace oa_stream::cli
