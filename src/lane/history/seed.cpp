#include "seed.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/ui_message.hpp"
#include "oa_stream/wire/ui_part.hpp"

#include "bodies/resend_sieve.hpp"
#include "chats/chat_request.hpp"
#include "chats/image_url.hpp"
#include "chats/message_parts.hpp"
#include "completions/completions_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

namespace oa_stream::lane {

namespace {

using authority::SeedCall;
using authority::SeedMessage;

constexpr std::size_t k_longest_id = 64; // the providers' limit
/// Codex keeps 100 pieces of 64 KiB with a thread; not all of them are full.
constexpr std::size_t k_most_shown = 4'800'000;
constexpr std::size_t k_small_file = 1024;
constexpr std::string_view k_no_result = "This call got no result.";
constexpr std::string_view k_denied = "Tool call execution denied."; ///< AI SDK 7's wording

bool is_page_only(std::string_view type) {
    return type == "step-start" || type.starts_with("data-") || type.starts_with("source-");
}

/// The user declined the call.
bool is_denied(const Json& part) {
    const auto state = text_view_in(part, "state");
    const bool approved = bool_member(object_in(part, "approval"), "approved").value_or(true);
    return state == "output-denied" || (state == "approval-responded" && !approved);
}

/// The result of a call as text. JSON has no undefined: a result without `output` is null, as in a
/// live turn.
std::string result_text(const Json& part) {
    if (is_denied(part)) {
        const auto reason = text_in(object_in(part, "approval"), "reason");
        return reason.empty() ? std::string(k_denied) : reason;
    }
    const auto state = text_view_in(part, "state");
    const auto* value = given(part, state == "output-error" ? "errorText" : "output");
    if (value == nullptr) {
        return state == "output-available" ? "null" : std::string(k_no_result);
    }
    return value->is_string() ? value->get<std::string>() : dump_json(*value);
}

/// The size in the form in which it is kept: JSON within JSON.
std::size_t kept_size(const Json& shown) {
    return dump_json(Json(dump_json(shown))).size();
}

bool is_large_file(const Json& part) {
    return text_view_in(part, "type") == "file" && text_view_in(part, "url").size() > k_small_file;
}

Json left_out_part() {
    return Json::object({{"type", "text"}, {"text", k_left_out}});
}

/// Leaves out the oldest content until the rest fits: files first, then whole messages. `places`:
/// the index of each shown message in the request.
void fit(Seed& seed, const std::vector<std::size_t>& places) {
    std::size_t size = kept_size(seed.shown);
    for (std::size_t i = 0; i < seed.shown.size() && size > k_most_shown; ++i) {
        Json& parts = seed.shown[i].at("parts");
        for (std::size_t at = 0; at < parts.size() && size > k_most_shown; ++at) {
            if (is_large_file(parts[at])) {
                size -= std::min(size, text_view_in(parts[at], "url").size());
                parts[at] = left_out_part();
                seed.partly.push_back(fmt::format("messages[{}].parts[{}]", places[i], at));
            }
        }
    }
    Json::iterator first = seed.shown.begin();
    for (std::size_t i = 0; first != seed.shown.end() && size > k_most_shown; ++first, ++i) {
        size -= std::min(size, kept_size(*first));
        seed.partly.push_back(fmt::format("messages[{}]", places[i]));
    }
    seed.shown.erase(seed.shown.begin(), first);
}

class SeedReader {
public:
    explicit SeedReader(const SeedContext& context) : context_(context) {}

    void read(const Json& message, std::size_t at) {
        const auto role = to_lower(string_member(message, "role").value_or("user"));
        path_ = fmt::format("messages[{}]", at);
        name_left_out(message);
        const auto* parts = member(message, "parts");
        if (role == "user") {
            read_user(message);
        } else if (role == "assistant" && parts != nullptr && parts->is_array()) {
            read_assistant(*parts, is_empty_answer(message));
        } else if (role == "assistant") {
            read_plain_assistant(message);
        } else {
            if (role != "system" && role != "developer") {
                out_.partly.push_back(path_);
            }
            return;
        }
        show(message, role, at);
    }

    [[nodiscard]] Seed take() {
        fit(out_, places_);
        return std::move(out_);
    }

private:
    void name_left_out(const Json& message) {
        const auto* parts = member(message, "parts");
        if (parts == nullptr || !parts->is_array()) {
            if (holds_left_out(message)) {
                out_.partly.push_back(path_);
            }
            return;
        }
        for (std::size_t i = 0; i < parts->size(); ++i) {
            if (holds_left_out((*parts)[i])) {
                out_.partly.push_back(fmt::format("{}.parts[{}]", path_, i));
            }
        }
    }

    void read_user(const Json& message) {
        const auto* metadata = member(message, "metadata");
        if (metadata != nullptr && metadata->is_object() && is_page_metadata(*metadata)) {
            out_.partly.push_back(path_ + ".metadata");
        }
        SeedMessage seeded;
        for (auto& piece : read_pieces(message, path_)) {
            const bool image = piece.kind == Piece::Kind::image;
            if (piece.kind == Piece::Kind::text || piece.kind == Piece::Kind::file) {
                seeded.parts.emplace_back(authority::InputText{piece.value});
            } else if (image && context_.images && image_fault(piece.value).empty()) {
                seeded.parts.emplace_back(authority::InputImage{std::move(piece.value)});
            } else {
                out_.partly.push_back(piece.path);
            }
        }
        const bool one_text = seeded.parts.size() == 1 &&
                              std::holds_alternative<authority::InputText>(seeded.parts[0]);
        if (one_text) {
            seeded.text = std::get<authority::InputText>(std::exchange(seeded.parts, {})[0]).text;
        }
        if (!seeded.parts.empty() || !is_blank(seeded.text)) {
            out_.messages.push_back(std::move(seeded));
        }
    }

    /// Calls in the form of AI SDK 4 are not passed to the model.
    void read_plain_assistant(const Json& message) {
        const auto pieces = read_pieces(message, path_);
        note_text(joined_text(pieces, "")); // the parts of an answer form one text
        flush();
        for (const auto& piece : pieces) {
            if (piece.kind != Piece::Kind::text) {
                out_.partly.push_back(piece.path);
            }
        }
        const auto* calls = member(message, "toolInvocations");
        if (calls != nullptr && calls->is_array() && !calls->empty()) {
            out_.partly.push_back(path_ + ".toolInvocations");
        }
    }

    /// The message stands for an empty answer: its last text is a notice of the lane, not the
    /// model's.
    static bool is_empty_answer(const Json& message) {
        const auto* metadata = member(message, "metadata");
        return metadata != nullptr &&
               text_view_in(*metadata, "notice") == encode::k_empty_answer_code;
    }
    static std::size_t last_text(const Json& parts) {
        std::size_t at = parts.size();
        while (at > 0 && text_view_in(parts[at - 1], "type") != "text") {
            --at;
        }
        return at == 0 ? parts.size() : at - 1;
    }

    void read_assistant(const Json& parts, bool empty) {
        const auto own = empty ? last_text(parts) : parts.size();
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const Json& part = parts[i];
            const auto type = text_view_in(part, "type");
            if (i == own) {
                continue;
            }
            if (type == "text") {
                note_text(text_in(part, "text"));
            } else if (const auto tool = wire::ui::tool_name_in(part); tool && context_.calls) {
                called(part, *tool, i);
            } else if (!is_page_only(type)) {
                out_.partly.push_back(fmt::format("{}.parts[{}]", path_, i));
            }
        }
        flush();
    }

    /// Text after calls has to follow their results.
    void note_text(const std::string& text) {
        if (!open_.calls.empty()) {
            flush();
        }
        open_.text += text;
    }

    void called(const Json& part, std::string_view name, std::size_t at) {
        SeedCall call;
        call.id = text_in(part, "toolCallId");
        if (call.id.empty() || call.id.size() > k_longest_id) {
            call.id = fmt::format("call_{}_{}", out_.messages.size(), at);
        }
        call.name = is_function_name(name) ? name : "tool";
        const auto* input = member(part, "input");
        input = input == nullptr ? member(part, "rawInput") : input; // of a failed call
        call.arguments = dump_json(input == nullptr ? Json::object() : *input);
        SeedMessage result;
        result.role = SeedMessage::Role::tool;
        result.answers = call.id;
        result.text = result_text(part);
        open_.calls.push_back(std::move(call));
        results_.push_back(std::move(result));
    }

    void flush() {
        open_.role = SeedMessage::Role::assistant;
        if (!open_.calls.empty() || !is_blank(open_.text)) {
            out_.messages.push_back(std::move(open_));
        }
        open_ = {};
        std::ranges::move(results_, std::back_inserter(out_.messages));
        results_.clear();
    }

    void show(const Json& message, const std::string& role, std::size_t at) {
        Json shown = Json::object();
        auto id = text_in(message, "id");
        shown["id"] = id.empty() ? fmt::format("seed-{}", at) : std::move(id);
        shown["role"] = role;
        const auto* parts = member(message, "parts");
        shown["parts"] = parts != nullptr && parts->is_array() ? *parts : parts_of(message);
        for (auto& part : shown["parts"]) {
            if (string_member(part, "url") == k_left_out) {
                part = left_out_part();
            }
        }
        if (is_empty_answer(message)) {
            shown["notice"] = encode::k_empty_answer_code;
        }
        out_.shown.push_back(std::move(shown));
        places_.push_back(at);
    }

    [[nodiscard]] Json parts_of(const Json& message) const {
        Json parts = Json::array();
        for (const auto& piece : read_pieces(message, path_)) {
            const bool file = piece.kind == Piece::Kind::file; // the model gets a file as text, too
            if (file || piece.kind == Piece::Kind::text) {
                parts.push_back(Json::object({{"type", "text"}, {"text", piece.value}}));
            } else if (!piece.value.empty()) {
                Json one = Json::object({{"type", "file"}, {"url", piece.value}});
                const auto type = data_type(piece.value);
                one["mediaType"] = type.empty() ? "application/octet-stream" : type;
                parts.push_back(std::move(one));
            }
        }
        return parts;
    }

    const SeedContext& context_;
    Seed out_{};
    std::vector<std::size_t> places_{};
    std::string path_{};
    SeedMessage open_{}; ///< the assistant's message so far
    std::vector<SeedMessage> results_{}; ///< results of its calls
};

} // namespace

Seed read_seed(const Json& body, std::size_t end, const SeedContext& context) {
    SeedReader reader(context);
    const Json& messages = list_in(body, "messages");
    for (auto i = context.from; i < std::min(end, messages.size()); ++i) {
        reader.read(messages[i], i);
    }
    return reader.take();
}

std::vector<authority::InputPart> input_of(const Seed& seed) {
    std::vector<authority::InputPart> input;
    for (const auto& message : seed.messages) {
        if (message.parts.empty()) {
            input.emplace_back(authority::InputText{message.text});
        }
        input.insert(input.end(), message.parts.begin(), message.parts.end());
    }
    return input;
}

void add_kept(authority::TurnRequest& request, std::string_view name, Json value) {
    auto kept = request.keep.empty() ? Json::object() : parse_json(request.keep).value_or(Json());
    kept[std::string(name)] = std::move(value);
    request.keep = dump_json(kept);
}

Seed seed_of_texts(const std::vector<EarlierMessage>& earlier) {
    Seed out;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < earlier.size(); ++i) {
        const EarlierMessage& message = earlier[i];
        if (is_blank(message.text)) {
            continue;
        }
        SeedMessage seeded;
        seeded.role = message.role;
        seeded.text = message.text;
        const bool user = message.role == SeedMessage::Role::user;
        Json shown = Json::object();
        shown["id"] = message.id.empty() ? fmt::format("seed-{}", i) : message.id;
        shown["role"] = user ? "user" : "assistant";
        shown["parts"] = Json::array({Json::object({{"type", "text"}, {"text", message.text}})});
        out.messages.push_back(std::move(seeded));
        out.shown.push_back(std::move(shown));
        places.push_back(i);
    }
    out.partly.emplace_back("messages");
    fit(out, places);
    return out;
}

std::string newest_question(const std::vector<EarlierMessage>& earlier) {
    const auto newest_first = earlier | std::views::reverse;
    const auto found =
        std::ranges::find(newest_first, SeedMessage::Role::user, &EarlierMessage::role);
    return found == newest_first.end() ? std::string() : found->text;
}

} // namespace oa_stream::lane
