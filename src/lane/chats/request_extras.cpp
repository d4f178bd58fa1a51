#include "request_extras.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "chat_request.hpp"
#include "message_parts.hpp"
#include "models.hpp"
#include "tools/client_tools.hpp"
#include "tools/tool_schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_most_names = 32;
constexpr std::size_t k_name_size = 64;

/// Members that the transports of assistant-ui and AI SDK send, and common additions of pages.
constexpr std::array<std::string_view, 12> k_names{
    "model",
    "modelName",
    "system",
    "effort",
    "reasoningEffort",
    "reasoning_effort",
    "reasoning",
    "config",
    "tools",
    "callSettings",
    "metadata",
    "runConfig",
};

/// Members about an answer's place in the page; they only concern the page.
constexpr std::array<std::string_view, 4> k_of_the_page{
    "unstable_assistantMessageId",
    "parentId",
    "requestId",
    "resume",
};
constexpr std::array<std::string_view, 6> k_extras{
    "model", "modelName", "system", "effort", "reasoningEffort", "reasoning_effort"
};

/// Replaces characters that a header cannot contain, and limits the length.
std::string plain_name(std::string_view name) {
    std::string out(name.substr(0, k_name_size));
    for (char& c : out) {
        c = is_alnum(c) || std::string_view("._[]").contains(c) ? c : '-';
    }
    return out.empty() ? "-" : out;
}

Accepted<void> refuse_if(bool refused, const IgnoredNames& names) {
    return refused ? reject_ignored(names) : Accepted<void>{};
}

class ExtrasReader {
public:
    ExtrasReader(const Json& body, const ExtrasContext& context) : body_(body), context_(context) {}

    [[nodiscard]] Accepted<RequestExtras> read(const std::vector<std::string>& unused) {
        std::ranges::for_each(unused, [this](const auto& name) { ignore(name); });
        for (const auto step :
             {&ExtrasReader::read_reasons,
              &ExtrasReader::read_model,
              &ExtrasReader::read_effort,
              &ExtrasReader::read_system,
              &ExtrasReader::read_tools,
              &ExtrasReader::read_rest}) {
            OA_CHECK((this->*step)());
        }
        if (context_.strict && !out_.ignored.empty()) {
            return reject_ignored(out_.ignored);
        }
        return std::move(out_);
    }

private:
    void ignore(std::string_view name) { out_.ignored.add(name); }

    /// A member with a value.
    struct GivenName {
        std::string name;
        const Json* value;

        [[nodiscard]] bool is(std::string_view text) const {
            const auto* given = value->get_ptr<const std::string*>();
            return given != nullptr && *given == text;
        }
    };
    /// Those of these members that have a value. If they are honoured, the first one counts and
    /// must be a string.
    [[nodiscard]] Accepted<std::vector<GivenName>> given_names(
        bool honoured, std::initializer_list<std::pair<std::string_view, std::string_view>> places
    ) const {
        std::vector<GivenName> found;
        for (const auto& [name, inner] : places) {
            const auto* value = member(body_, name);
            if (!inner.empty()) {
                value = value != nullptr && value->is_object() ? member(*value, inner) : nullptr;
            }
            if (is_blank_member(value)) {
                continue;
            }
            auto path = inner.empty() ? std::string(name) : fmt::format("{}.{}", name, inner);
            if (honoured && found.empty() && !value->is_string()) {
                return invalid_field(path, path + " must be a string");
            }
            found.push_back({std::move(path), value});
        }
        return found;
    }
    /// Ignores members whose value differs from the one that is used.
    void ignore_unlike(const std::vector<GivenName>& given, std::string_view taken) {
        for (const auto& one : given) {
            if (!one.is(taken)) {
                ignore(one.name);
            }
        }
    }

    [[nodiscard]] Accepted<void> read_model() {
        const bool honoured = context_.allowed.model;
        OA_TRY(
            const auto given,
            given_names(honoured, {{"model", ""}, {"modelName", ""}, {"config", "modelName"}})
        );
        if (!honoured) {
            ignore_unlike(given, context_.model);
        }
        return given.empty() || !honoured ? Accepted<void>{} : take_model(given);
    }
    [[nodiscard]] Accepted<void> take_model(const std::vector<GivenName>& given) {
        const auto& name = given.front().name;
        auto model = given.front().value->get<std::string>();
        if (!contains(context_.models, model, &LaneModel::id)) {
            return invalid_field(
                name,
                fmt::format("there is no model '{}' here: see /api/models", printable(model, 100))
            );
        }
        ignore_unlike(given, model);
        out_.model = std::move(model);
        out_.model_at = name;
        return {};
    }

    [[nodiscard]] Accepted<void> read_effort() {
        const bool honoured = context_.allowed.effort;
        OA_TRY(
            const auto given,
            given_names(
                honoured,
                {{"effort", ""},
                 {"reasoningEffort", ""},
                 {"reasoning_effort", ""},
                 {"reasoning", "effort"}}
            )
        );
        if (!honoured) {
            std::ranges::for_each(given, [this](const GivenName& one) { ignore(one.name); });
        }
        return given.empty() || !honoured ? Accepted<void>{} : take_effort(given);
    }
    [[nodiscard]] Accepted<void> take_effort(const std::vector<GivenName>& given) {
        const auto& name = given.front().name;
        auto effort = given.front().value->get<std::string>();
        const auto& model = out_.model.empty() ? std::string(context_.model) : out_.model;
        const auto* info = known_model(context_.known, model);
        if (info != nullptr && !takes_effort(*info, effort)) {
            return invalid_field(
                name, fmt::format("{} must be one of {}", name, fmt::join(info->efforts, ", "))
            );
        }
        ignore_unlike(given, effort);
        out_.effort = std::move(effort);
        out_.effort_at = name;
        return {};
    }

    /// Reads the member `system` and the texts of messages with the role system.
    [[nodiscard]] Accepted<void> read_system() {
        OA_TRY(const auto own, given_names(context_.allowed.system, {{"system", ""}}));
        if (!own.empty()) {
            const auto* text = own.front().value->get_ptr<const std::string*>();
            add_system("system", text == nullptr ? std::string() : *text);
        }
        const Json& messages = list_in(body_, "messages");
        for (std::size_t i = 0; i < messages.size(); ++i) {
            const Json& message = messages[i];
            const auto role = to_lower(string_member(message, "role").value_or(""));
            if (role == "system" || role == "developer") {
                add_system(fmt::format("messages[{}]", i), joined_text(read_pieces(message, {})));
            }
        }
        return {};
    }

    void add_system(const std::string& name, const std::string& text) {
        if (!context_.allowed.system) {
            ignore(name);
            return;
        }
        out_.system_at = out_.system_at.empty() ? name : out_.system_at;
        out_.system += out_.system.empty() || text.empty() ? "" : "\n\n";
        out_.system += text;
    }

    [[nodiscard]] Accepted<void> read_tools() {
        const auto* tools = member(body_, "tools");
        if (!context_.allowed.tools || is_blank_member(tools)) {
            return {};
        }
        std::vector<std::string> unread;
        OA_TRY(out_.tools, read_client_tools(*tools, unread));
        std::ranges::for_each(unread, [this](const auto& name) { ignore(name); });
        for (auto& tool : out_.tools) {
            if (!is_kept_whole(tool.parameters)) {
                ignore(fmt::format("tools.{}.parameters", tool.name));
                loosen_tuples(tool.parameters);
            }
        }
        return {};
    }

    /// Reports reasons of new decisions as ignored: Codex accepts none.
    [[nodiscard]] Accepted<void> read_reasons() {
        const Json& messages = list_in(body_, "messages");
        if (!messages.empty()) {
            ignore_reasons(messages.back(), fmt::format("messages[{}]", messages.size() - 1));
        }
        ignore_reasons(object_in(body_, "message"), "message");
        return {};
    }

    void ignore_reasons(const Json& message, std::string_view path) {
        const Json& parts = list_in(message, "parts");
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const auto* approval = member(parts[i], "approval");
            if (approval != nullptr && !is_blank_member(member(*approval, "reason")) &&
                string_member(parts[i], "state") == "approval-responded") {
                ignore(fmt::format("{}.parts[{}].approval.reason", path, i));
            }
        }
    }

    [[nodiscard]] Accepted<void> read_rest() {
        for (const auto& [name, value] : body_.items()) {
            const std::string_view word = name;
            const bool nothing = (contains(k_names, word) && is_blank_member(&value)) ||
                                 (word == "tools" && context_.allowed.tools);
            if ((word == "config" || word == "reasoning") && value.is_object()) {
                read_settings(word, value);
            } else if (!nothing && !contains(k_extras, word) &&
                       !contains(chat_body_names(), word) && !contains(k_of_the_page, word)) {
                ignore(name);
            }
        }
        return {};
    }

    /// Reports the other members of `config` and `reasoning` as ignored.
    void read_settings(std::string_view name, const Json& settings) {
        const std::string_view known = name == "config" ? "modelName" : "effort";
        for (const auto& [inner, value] : settings.items()) {
            if (inner != known && !is_blank_member(&value)) {
                ignore(fmt::format("{}.{}", name, inner));
            }
        }
    }

    const Json& body_;
    const ExtrasContext& context_;
    RequestExtras out_{};
};

} // namespace

bool is_blank_member(const Json* value) {
    return value == nullptr || value->is_null() || (value->is_structured() && value->empty()) ||
           (value->is_string() && trim(value->get_ref<const std::string&>()).empty()) ||
           *value == false;
}

void IgnoredNames::add(std::string_view name) {
    insert(names_.size(), name);
}

void IgnoredNames::add_first(const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        insert(i, names[i]);
    }
}

void IgnoredNames::insert(std::size_t at, std::string_view name) {
    auto plain = plain_name(name);
    if (!seen_.insert(plain).second) {
        return;
    }
    const auto place = std::min(at, names_.size());
    names_.insert(names_.begin() + static_cast<std::ptrdiff_t>(place), std::move(plain));
    if (names_.size() > k_most_names) {
        names_.pop_back();
    }
}

std::vector<std::string> IgnoredNames::listed() const {
    auto names = names_;
    if (const auto more = seen_.size() - names_.size(); more > 0) {
        names.push_back(fmt::format("and-{}-more", more));
    }
    return names;
}

void note_ignored(net::Headers& headers, const IgnoredNames& names) {
    if (!names.empty()) {
        headers.set("x-oa-ignored", fmt::format("{}", fmt::join(names.listed(), ", ")));
    }
}

Rejection reject_ignored(const IgnoredNames& ignored) {
    const auto names = ignored.listed();
    auto rejection = reject(
        422,
        "unsupported_field",
        fmt::format("this lane does not honour {}", fmt::join(names, ", "))
    );
    // Keeps the bound on the number of names
    for (const auto& name : names | std::views::take(k_most_names)) {
        rejection.fields.emplace_back(name, name + " is not honoured");
    }
    return rejection;
}

std::span<const std::string_view> extras_names() noexcept {
    return k_names;
}

Accepted<RequestExtras> read_extras(
    const Json& body, const ExtrasContext& context, const std::vector<std::string>& unused
) {
    return ExtrasReader(body, context).read(unused);
}

Accepted<void>
ignore_more(RequestExtras& extras, bool strict, const std::vector<std::string>& names) {
    std::ranges::for_each(names, [&](const auto& name) { extras.ignored.add(name); });
    return refuse_if(strict && !names.empty(), extras.ignored);
}

Accepted<void>
ignore_first(RequestExtras& extras, bool strict, const std::vector<std::string>& names) {
    extras.ignored.add_first(names);
    return refuse_if(strict && !names.empty(), extras.ignored);
}

} // namespace oa_stream::lane
