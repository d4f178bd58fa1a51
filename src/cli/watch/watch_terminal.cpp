#include "watch_terminal.hpp"

#include "oa_stream/base/output.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_hide = "\x1b[?25l";
constexpr std::string_view k_show = "\x1b[?25h\x1b[0m";
constexpr std::size_t k_least_columns = 40;
constexpr std::size_t k_least_rows = 6;

} // namespace

WatchTerminal::WatchTerminal(int descriptor) : descriptor_(descriptor) {
    begin();
}

WatchTerminal::~WatchTerminal() {
    release();
}

ScreenSize WatchTerminal::size() const {
    winsize got{};
    if (::ioctl(descriptor_, TIOCGWINSZ, &got) != 0 || got.ws_col == 0 || got.ws_row == 0) {
        return {};
    }
    return {
        std::max<std::size_t>(got.ws_col, k_least_columns),
        std::max<std::size_t>(got.ws_row, k_least_rows)
    };
}

void WatchTerminal::begin() {
    if (!ours_) {
        put(std::string(k_hide) + std::string(size().rows, '\n') + "\x1b[H\x1b[J");
        ours_ = true;
    }
}

void WatchTerminal::draw(const std::vector<std::string>& lines) {
    if (ours_) {
        put(watch_frame(lines));
        drawn_ = lines.size();
    }
}

void WatchTerminal::release() {
    if (ours_) {
        put(fmt::format("\x1b[{};1H\r\n{}", std::max<std::size_t>(drawn_, 1), k_show));
        ours_ = false;
    }
}

void WatchTerminal::put(std::string_view bytes) const {
    (void)write_all(descriptor_, bytes); // if the terminal is gone, its own signal ends us
}

} // namespace oa_stream::cli
