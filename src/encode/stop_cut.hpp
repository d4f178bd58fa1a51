// Cuts a text at the first stop sequence, even if it is split over several pieces.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::encode {

class StopCut {
public:
    /// No sequence may be empty.
    explicit StopCut(std::vector<std::string> stops) : stops_(std::move(stops)) {}

    /// The part of the text that may be sent now. Holds back a possible start of a sequence. The
    /// view is valid until the next call and as long as `piece`.
    [[nodiscard]] std::string_view pass(std::string_view piece) {
        if (stops_.empty()) {
            return piece;
        }
        if (cut_) {
            return {};
        }
        text_.erase(0, passed_);
        text_ += piece;
        std::size_t end = std::string::npos;
        for (const auto& stop : stops_) {
            end = std::min(end, text_.find(stop));
        }
        cut_ = end != std::string::npos;
        passed_ = cut_ ? end : text_.size() - held();
        return std::string_view(text_).substr(0, passed_);
    }
    /// At the end of the text: the part still held back.
    [[nodiscard]] std::string_view rest() {
        return cut_ ? std::string_view{}
                    : std::string_view(text_).substr(std::exchange(passed_, text_.size()));
    }
    [[nodiscard]] bool cut() const noexcept { return cut_; }

private:
    /// Number of bytes at the end of the text that could start a sequence.
    [[nodiscard]] std::size_t held() const {
        std::size_t most = 0;
        for (const auto& stop : stops_) {
            for (std::size_t n = std::min(stop.size() - 1, text_.size()); n > most; --n) {
                if (text_.ends_with(std::string_view(stop).substr(0, n))) {
                    most = n;
                }
            }
        }
        return most;
    }

    std::vector<std::string> stops_;
    std::string text_{}; ///< the text, from the last call's result on
    std::size_t passed_ = 0; ///< bytes of text_ already returned
    bool cut_ = false;
};

} // namespace oa_stream::encode
