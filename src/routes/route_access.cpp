#include "oa_stream/routes/route_access.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/secret_header.hpp"
#include "oa_stream/net/token_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace oa_stream::routes {
namespace {

constexpr std::string_view k_ref = "REF";

struct TextMember {
    const char* name;
    std::string RouteAccess::* text;
    const char* option;
};
constexpr std::array k_access_texts{
    TextMember{"auth", &RouteAccess::auth, names::auth},
    TextMember{"ca", &RouteAccess::ca, names::ca},
    TextMember{"cert", &RouteAccess::cert, names::cert},
    TextMember{"key", &RouteAccess::key, names::key},
    TextMember{"compat_build", &RouteAccess::build, names::compat_build},
    TextMember{"compat_protocol", &RouteAccess::protocol, names::compat_protocol},
    TextMember{"compat_schema", &RouteAccess::schema, names::compat_schema},
};

std::string_view header_name(std::string_view line) {
    return trim(line.substr(0, line.find(':')));
}

std::string_view header_value(std::string_view line) {
    return trim(line.substr(std::min(line.find(':') + 1, line.size())));
}

/// A name alone: its value was not kept.
bool is_lost(std::string_view line) {
    return !line.contains(':');
}

bool is_once(std::string_view reference) {
    return reference.starts_with("fd:");
}

/// The undo may be typed in another directory.
void make_absolute(std::string& file) {
    std::error_code error;
    const auto path = std::filesystem::absolute(file, error);
    if (!file.empty() && !error) {
        file = path.string();
    }
}

std::string absolute_reference(std::string_view reference) {
    constexpr std::string_view k_file = "file:";
    if (!reference.starts_with(k_file)) {
        return std::string(reference);
    }
    std::string path(reference.substr(k_file.size()));
    make_absolute(path);
    return std::string(k_file) + path;
}

bool may_be_kept(std::string_view line, const Redactor& redactor) {
    const std::string_view value = header_value(line);
    const bool open = net::is_secret_header(header_name(line)) && !net::is_token_reference(value);
    return !open && !is_once(value) && redactor.apply(value) == value;
}

} // namespace

RouteAccess kept_access(RouteAccess access, const Redactor& redactor) {
    if (is_once(access.auth)) {
        access.auth.clear();
    }
    access.auth = absolute_reference(access.auth);
    for (std::string* file : {&access.ca, &access.cert, &access.key}) {
        make_absolute(*file);
    }
    for (std::string& line : access.headers) {
        if (!may_be_kept(line, redactor)) {
            line = std::string(header_name(line));
        } else if (!is_lost(line)) {
            line = fmt::format("{}: {}", header_name(line), absolute_reference(header_value(line)));
        }
    }
    return access;
}

Json to_json(const RouteAccess& access) {
    Json out = Json::object();
    for (const TextMember& member : k_access_texts) {
        if (const std::string& text = access.*member.text; !text.empty()) {
            out[member.name] = text;
        }
    }
    for (const std::string& line : access.headers) { // "Cookie: …" as one text would be redacted
        out["headers"][std::string(header_name(line))] =
            is_lost(line) ? Json(nullptr) : Json(header_value(line));
    }
    return out;
}

RouteAccess read_route_access(const Json& document) {
    RouteAccess out;
    const Json& target = object_in(document, "target");
    for (const TextMember& member : k_access_texts) {
        out.*member.text = text_in(target, member.name);
    }
    for (const auto& [name, value] : object_in(target, "headers").items()) {
        out.headers.push_back(
            value.is_string() ? fmt::format("{}: {}", name, value.get<std::string>()) : name
        );
    }
    return out;
}

RouteAccess completed(RouteAccess given, const RouteAccess& kept) {
    if (!given.cert.empty() && given.key.empty()) {
        given.key = given.cert; // where a key stands that no option names
    }
    for (const TextMember& member : k_access_texts) {
        std::string& text = given.*member.text;
        text = text.empty() ? kept.*member.text : text;
    }
    std::vector<std::string> headers;
    for (const std::string& line : kept.headers) {
        const bool replaced = std::ranges::any_of(given.headers, [&](const std::string& other) {
            return iequals(header_name(other), header_name(line));
        });
        if (!replaced) {
            headers.push_back(line);
        }
    }
    headers.insert(headers.end(), given.headers.begin(), given.headers.end());
    given.headers = std::move(headers);
    return given;
}

std::vector<std::string> lost_headers(const RouteAccess& access) {
    std::vector<std::string> out;
    for (const std::string& line : access.headers) {
        if (is_lost(line)) {
            out.emplace_back(header_name(line));
        }
    }
    return out;
}

std::vector<std::string> access_options(const RouteAccess& access, const RouteAccess& kept) {
    std::vector<std::string> out;
    const auto add = [&out](const char* option, std::string value) {
        out.emplace_back(option);
        out.push_back(std::move(value));
    };
    if (access.auth.empty()) {
        add(names::auth, std::string(k_ref));
    }
    for (const TextMember& member : k_access_texts) {
        const std::string& text = access.*member.text;
        if (!text.empty() && text != kept.*member.text) {
            add(member.option, text);
        }
    }
    for (const std::string& line : access.headers) {
        if (is_lost(line)) {
            add(names::header, fmt::format("{}: {}", header_name(line), k_ref));
        } else if (!contains(kept.headers, line)) {
            add(names::header, line);
        }
    }
    return out;
}

Suggestion route_restore(std::string run, const RouteAccess& access, const RouteAccess& kept) {
    Suggestion out{"route restore", {std::move(run), names::apply}};
    std::ranges::move(access_options(access, kept), std::back_inserter(out.arguments));
    return out;
}

} // namespace oa_stream::routes
