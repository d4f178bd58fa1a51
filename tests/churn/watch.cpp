#include "watch.hpp"

namespace oa_stream::churn {

namespace ui = wire::ui;

Watch::Watch() : judge_(contract::Profile::ai_sdk) {
    judge_.on_chunk([this](const ui::Chunk& chunk, std::uint64_t) {
        if (const auto* delta = std::get_if<ui::PartDelta>(&chunk)) {
            text_ += delta->kind == ui::PartKind::text ? delta->delta : std::string();
        } else if (std::holds_alternative<ui::ErrorChunk>(chunk)) {
            failed_ = true;
        } else if (std::holds_alternative<ui::Abort>(chunk)) {
            aborted_ = true;
        }
    });
}

} // namespace oa_stream::churn
