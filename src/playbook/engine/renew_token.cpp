#include "playbook_run.hpp"

#include <utility>

namespace oa_stream::playbook {

Task<void> renew_token(std::shared_ptr<const bool> over, PlaybookRun* run) {
    constexpr auto k_every = std::chrono::seconds(20);
    bool warned = false;
    while (co_await sleep_for(k_every) && !*over) {
        auto token = co_await run->outside.user_tokens(false);
        if (*over) {
            co_return;
        }
        if (!token && !std::exchange(warned, true)) {
            run->session.report(
                "token", "  the target's token cannot be renewed: " + token.error().text(), {}
            );
        }
        if (token && !token->equals(run->outside.renewed->now.reveal())) {
            warned = false;
            run->session.folder().learn(*token, "of the target");
            run->session.folder().note("token", {{"detail", "renewed"}});
            run->outside.renewed->now = *std::move(token);
        }
    }
}

} // namespace oa_stream::playbook
