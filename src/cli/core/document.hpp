// Documents that --json prints; each names its schema in docs/schemas.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/json_members.hpp"

#include "command.hpp"
#include "globals.hpp"
#include "suggestion.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::cli {

/// `body` with "schema" first: oa-stream.NAME.v1.
[[nodiscard]] inline Json titled(std::string_view name, const Json& body) {
    Json out{{"schema", fmt::format("oa-stream.{}.v1", name)}};
    for (const auto& [key, value] : body.items()) {
        if (key != "schema") {
            out[key] = value;
        }
    }
    return out;
}

/// The common members of a document of a command that only answers.
[[nodiscard]] inline Json
plain_answer(Verdict verdict = Verdict::pass, const std::vector<Check>& checks = {}) {
    return {
        {"verdict", to_string(verdict)},
        {"run", nullptr},
        {"evidence", nullptr},
        {"checks", json_list(checks)}
    };
}

/// `body` with its title, on one line; commands in it are adapted to this context.
[[nodiscard]] inline std::string
document_line(std::string_view name, const Json& body, const Context& context) {
    Json out = titled(name, body);
    type_here(out, context);
    return dump_json(out) + "\n";
}

/// Prints to stdout.
inline void print_document(std::string_view name, const Json& body, const Context& context) {
    context.out(document_line(name, body, context));
}

/// Refuses --json: what `option` prints is a page without a document.
[[nodiscard]] inline Result<void> refuse_json(const Context& context, std::string_view option) {
    if (!context.json) {
        return {};
    }
    return fail(Code::usage, fmt::format("{} and {} exclude each other", k_json.name, option));
}

/// Documents printed while a run goes on: a reader that stops reading does not block the run.
class LiveDocuments {
public:
    explicit LiveDocuments(const Context& context) : context_(context) {}

    void add(std::string_view name, const Json& body) {
        unprinted_ += document_line(name, body, context_);
        print_some();
    }
    void print_some() { unprinted_.erase(0, context_.out_some(unprinted_)); }
    /// False: further output would only wait.
    [[nodiscard]] bool up_to_date() const noexcept { return unprinted_.empty(); }
    /// Prints the rest, however long standard output takes.
    void end() { context_.out(std::exchange(unprinted_, {})); }

private:
    const Context& context_;
    std::string unprinted_{};
};

} // namespace oa_stream::cli
