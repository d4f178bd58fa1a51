// Text stored with a thread, in attachments of its own type.
#include "oa_stream/base/json_members.hpp"

#include "codex/codex_core.hpp"
#include "codex/codex_requests.hpp"
#include "codex_attachments.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_type = "oa-stream-kept";
constexpr std::size_t k_most = 65'000; ///< bytes of JSON

/// The longest prefix of the text that fits, at least one code point: escaping can multiply its
/// size by six.
std::string_view first_piece(std::string_view text) {
    std::size_t size = std::min(text.size(), k_most);
    while (size > 4 && dump_json(Json(text.substr(0, size))).size() > k_most - 100) {
        size = size * 3 / 4;
    }
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
        --size; // do not cut within a code point
    }
    return text.substr(0, size);
}

} // namespace

Task<Result<void>> CodexCore::keep(
    Self self, Link link, std::string thread, std::shared_ptr<const TurnRequest> request
) {
    std::string_view rest = request->keep;
    for (std::uint64_t number = 0; !rest.empty(); ++number) {
        const auto piece = first_piece(rest);
        Json params = attachment_params(thread, k_type, number);
        params["payload"] = Json::object({{"text", piece}});
        OA_CO_CHECK(co_await ask(self, link, "thread/attachment/add", std::move(params)));
        rest.remove_prefix(piece.size());
    }
    co_return Result<void>{};
}

Task<Result<std::string>> CodexCore::kept(Self self, std::string thread) {
    OA_CO_TRY(const Link link, co_await ready_link(self));
    std::map<std::uint64_t, std::string> pieces;
    std::string cursor;
    do {
        Json params = list_attachments(thread, cursor);
        OA_CO_TRY(
            const Json page, co_await ask(self, link, "thread/attachment/list", std::move(params))
        );
        for (const auto& [number, payload] : attachments_in(page, k_type)) {
            pieces[number] = text_in(payload, "text");
        }
        cursor = cursor_behind(page, cursor);
    } while (!cursor.empty());
    std::string text;
    for (const auto& [number, piece] : pieces) {
        text += piece;
    }
    co_return text;
}

} // namespace oa_stream::authority
