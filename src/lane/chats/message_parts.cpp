#include "message_parts.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "bodies/text_file.hpp"
#include "image_url.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace oa_stream::lane {

namespace {

std::string first_string(const Json& object, std::initializer_list<std::string_view> keys) {
    for (const auto key : keys) {
        if (const auto value = string_member(object, key); value && !value->empty()) {
            return std::string(*value);
        }
    }
    return {};
}

/// image_url is a string in one client format and {"url"} in another.
std::string url_of(const Json& part) {
    auto url = first_string(part, {"url", "image", "image_url", "data"});
    if (url.empty()) {
        if (const auto* nested = member(part, "image_url"); nested != nullptr) {
            url = first_string(*nested, {"url"});
        }
    }
    return normal_data_url(std::move(url));
}

bool is_carried_url(std::string_view url, bool known_image) {
    if (url.starts_with("data:image/")) {
        return true;
    }
    return known_image && url.starts_with("https://");
}

/// Reads a file or image part. A part without any content is for the page alone.
Piece read_file(const Json& part, std::string_view type, const std::string& path) {
    auto url = url_of(part);
    if (url.empty() && member(part, "file") == nullptr) {
        return Piece{Piece::Kind::page, {}, path, printable(type, 64)};
    }
    const auto media = to_lower(first_string(part, {"mediaType", "mimeType", "contentType"}));
    const bool image =
        media.empty() ? type.find("image") != std::string_view::npos : media.starts_with("image/");
    const auto label = media.empty() ? std::string(type) : fmt::format("{} {}", type, media);
    if (const auto text = image ? std::nullopt : text_file(url)) {
        const auto name = first_string(part, {"filename", "name"});
        return Piece{Piece::Kind::file, file_as_text(name, url, *text), path, label};
    }
    const auto kind = is_carried_url(url, image) ? Piece::Kind::image : Piece::Kind::refused;
    const auto fault = image ? std::string_view() : text_file_fault(url);
    return Piece{kind, std::move(url), path, label, fault};
}

bool is_file_type(std::string_view type) noexcept {
    static constexpr std::array<std::string_view, 7> types{
        "file", "image", "image_url", "input_image", "input_file", "input_audio", "audio"
    };
    return contains(types, type);
}

bool is_page_only(std::string_view type) noexcept {
    return type.starts_with("data-") || type.starts_with("source-") || type == "reasoning";
}

void read_part(const Json& part, const std::string& path, std::vector<Piece>& out) {
    if (part.is_string()) {
        out.push_back({Piece::Kind::text, part.get<std::string>(), path, "text"});
        return;
    }
    const auto type = string_member(part, "type").value_or("");
    if (type == "step-start") {
        return;
    }
    if (is_page_only(type)) {
        out.push_back({Piece::Kind::page, {}, path, printable(type, 64)});
        return;
    }
    if (is_file_type(type)) {
        out.push_back(read_file(part, type, path));
        return;
    }
    auto text = first_string(part, {"text"});
    if (text.empty() && type == "text") {
        text = first_string(part, {"value", "content"});
    }
    if (!text.empty()) {
        out.push_back({Piece::Kind::text, std::move(text), path, "text"});
    } else if (type != "text" && type != "input_text" && type != "output_text") {
        const auto label = type.empty() ? std::string("part without type") : printable(type, 64);
        out.push_back({Piece::Kind::unknown, {}, path, label});
    }
}

std::vector<Piece> read_array(const Json& array, const std::string& path) {
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < array.size(); ++i) {
        read_part(array[i], fmt::format("{}[{}]", path, i), pieces);
    }
    return pieces;
}

/// The message's plain text from its first member that has one; empty when there is none.
std::string read_plain(const Json& message) {
    for (const auto* key : {"text", "message", "content"}) {
        if (const auto value = string_member(message, key); value && !is_blank(*value)) {
            return std::string(*value);
        }
    }
    if (const auto* content = member(message, "content"); content != nullptr) {
        if (const auto value = string_member(*content, "text"); value && !is_blank(*value)) {
            return std::string(*value);
        }
    }
    return {};
}

void append_all(std::vector<Piece>& out, std::vector<Piece> more, bool with_text) {
    for (auto& piece : more) {
        if (with_text || piece.kind != Piece::Kind::text) {
            out.push_back(std::move(piece));
        }
    }
}

/// Attachments of AI SDK 4: {name, contentType, url}.
std::vector<Piece> read_attachments(const Json& message, const std::string& path) {
    std::vector<Piece> pieces;
    const Json& list = list_in(message, "experimental_attachments");
    for (std::size_t i = 0; i < list.size(); ++i) {
        pieces.push_back(
            read_file(list[i], "file", fmt::format("{}.experimental_attachments[{}]", path, i))
        );
    }
    return pieces;
}

} // namespace

bool is_blank(std::string_view text) noexcept {
    return trim(text).empty();
}

std::string joined_text(const std::vector<Piece>& pieces, std::string_view between) {
    std::string text;
    for (const auto& piece : pieces) {
        if (piece.kind == Piece::Kind::text && !piece.value.empty()) {
            text += text.empty() ? "" : between;
            text += piece.value;
        }
    }
    return text;
}

std::vector<Piece> read_pieces(const Json& message, const std::string& path) {
    std::vector<Piece> pieces;
    auto content = read_array(list_in(message, "content"), path + ".content");
    auto parts = read_array(list_in(message, "parts"), path + ".parts");
    const bool parts_have_text = !is_blank(joined_text(parts));
    auto plain = parts_have_text ? std::string() : read_plain(message);
    append_all(pieces, std::move(content), plain.empty() && !parts_have_text);
    const bool have_text = !plain.empty() || !is_blank(joined_text(pieces));
    append_all(pieces, std::move(parts), !have_text);
    append_all(pieces, read_attachments(message, path), true);
    if (!plain.empty()) {
        pieces.push_back({Piece::Kind::text, std::move(plain), path, "text"});
    }
    return pieces;
}

} // namespace oa_stream::lane
