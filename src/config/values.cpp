#include "oa_stream/config/values.hpp"

#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace oa_stream::config {
namespace {

/// Before it is put together.
struct AuthDraft {
    std::string env{};
    std::string file{};
    std::optional<std::uint64_t> fd{};
    std::vector<std::string> command{};
    std::string metadata{};
    std::string unless_env{};
    bool required = true;
};

constexpr std::array<std::string_view, 5> k_auth_forms{"env", "file", "fd", "command", "metadata"};
constexpr auto k_auth_keys = keys<AuthDraft>(
    text<&AuthDraft::env>("env", Need::optional, "Environment variable that holds it."),
    text<&AuthDraft::file>("file", Need::optional, "File that holds it, mode 0600 or stricter."),
    count<&AuthDraft::fd, 0, 1023>("fd", Need::optional, "Open file descriptor to read it from."),
    texts<&AuthDraft::command>(
        "command",
        Need::optional,
        "Program and arguments that print a token; run again before it expires. Never run by a "
        "shell."
    ),
    text<&AuthDraft::metadata>(
        "metadata",
        Need::optional,
        "`access-token` of the machine's service account, or the audience (an https URL) of an "
        "identity token; from the metadata server, renewed."
    ),
    text<&AuthDraft::unless_env>(
        "unless_env",
        Need::optional,
        "Where this environment variable is set when the file is read, its token is used instead. "
        "It is not renewed."
    ),
    boolean<&AuthDraft::required>(
        "required", Need::optional, "`false`: continue without it when it is missing."
    )
        .or_else("true")
);

} // namespace

constinit const SectionInfo k_auth{
    .name = "auth",
    .help = "Where a credential comes from, never the credential itself: exactly one of env, "
            "file, fd, command and metadata.",
    .keys = k_auth_keys,
    .exactly_one = k_auth_forms
};

Json to_json(const std::optional<AuthRef>& auth) {
    return auth ? Json{{"reference", auth->reference}, {"required", auth->required}}
                : Json(nullptr);
}

std::optional<AuthRef> read_auth(const Node& node) {
    AuthDraft draft;
    read_section(node, k_auth, &draft);
    AuthRef out{.required = draft.required};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
    const char* const instead = std::getenv(draft.unless_env.c_str()); // of "": null
    if (instead != nullptr && *instead != '\0') {
        out.reference = "env:" + draft.unless_env;
    } else if (!draft.env.empty()) {
        out.reference = "env:" + draft.env;
    } else if (!draft.file.empty()) {
        out.reference = "file:" + draft.file;
    } else if (draft.fd) {
        out.reference = fmt::format("fd:{}", *draft.fd);
    } else if (!draft.command.empty()) {
        out.reference = "command:" + dump_json(Json(draft.command));
    } else if (draft.metadata == "access-token") {
        out.reference = "metadata:";
    } else if (draft.metadata.starts_with("https://") || draft.metadata.contains("${")) {
        out.reference = "metadata:" + draft.metadata;
    } else if (!draft.metadata.empty()) {
        node.refuse("metadata is access-token or an audience, which begins with https://");
        return std::nullopt;
    } else {
        return std::nullopt;
    }
    return out;
}

std::optional<std::string> read_url(const Node& node) {
    auto out = node.text();
    return out ? std::optional(http_url(*out).value_or(*out)) : std::nullopt;
}

Result<void> check_url(std::string_view key, std::string_view text) {
    auto url = text.empty() || text.contains("${") ? std::string() : http_url(text);
    if (!url) {
        url.error().code = Code::config;
        url.error().where = key;
        return std::unexpected(std::move(url).error());
    }
    return {};
}

Result<void> check_socket(std::string_view key, std::string_view text) {
    if (!text.contains('/') || text.contains("${")) {
        return {};
    }
    auto fault = socket_path_fault(text);
    return fault.empty() ? Result<void>{} : fail(Code::config, std::move(fault), std::string(key));
}

} // namespace oa_stream::config
