#include "oa_stream/base/shell.hpp"

#include "command_document.hpp"
#include "command_driver.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::traffic {
namespace {

using namespace config;

/// Programs with JSON on stdin and stdout: argv lists, never a shell.
struct CommandSettings final : DriverSettings {
    std::vector<std::string> read{};
    std::vector<std::string> set{};
    std::vector<std::string> preview{}; ///< empty: every split that read() shows is possible
    std::string endpoint{}; ///< passed to the programs as OA_STREAM_ENDPOINT
    Millis timeout{30000}; ///< of one call

    [[nodiscard]] Result<std::unique_ptr<TrafficDriver>> make(DriverParts parts) const override {
        return make_command_driver(
            parts.executor,
            {.read = read,
             .set = set,
             .preview = preview,
             .endpoint = endpoint,
             .revisions = parts.arms.revisions(),
             .timeout = timeout}
        );
    }
    [[nodiscard]] std::vector<Error> problems(const Arms&) const override {
        if (read.empty() || set.empty()) {
            return {{Code::config, "read and set must name a program", "traffic", {}}};
        }
        return {};
    }
    [[nodiscard]] Json to_json() const override {
        return {
            {"read", read},
            {"set", set},
            {"preview", preview},
            {"endpoint", endpoint},
            {"timeout_ms", timeout.count()},
        };
    }
    /// The driver's own steps: `read` first, then `set` with the etag from it.
    [[nodiscard]] std::string manual_command(const Arms& arms, const Split& split) const override {
        const std::string asked =
            shell_word(dump_json(command_request("read", endpoint, arms.revisions())));
        Json document = command_request("set", endpoint, arms.revisions());
        document["target"] = split.to_json();
        document["etag"] = nullptr;
        document["exact"] = nullptr;
        std::string given = shell_word(dump_json(document));
        constexpr std::string_view k_none = R"("etag":null)";
        given.replace(given.find(k_none), k_none.size(), R"("etag":'"${etag:-null}"')");
        return fmt::format(
            "etag=$(printf '%s\\n' {} | {} | grep -oE {} | head -n 1 | sed {}); "
            "printf '%s\\n' {} | OA_STREAM_ETAG=\"$(printf %s \"$etag\" | sed {})\" {}",
            asked,
            call("read", "", read),
            shell_word(R"("etag"[[:space:]]*:[[:space:]]*"([^"\\]|\\.)*")"),
            shell_word(R"(s/^"etag"[^"]*//)"),
            given,
            shell_word(R"(s/^"//; s/"$//; s/\\\(.\)/\1/g)"),
            call("set", plain_target(document), set)
        );
    }

private:
    [[nodiscard]] std::string call(
        std::string_view name, std::string_view target, const std::vector<std::string>& program
    ) const {
        std::string out = fmt::format(
            "OA_STREAM_CALL={} OA_STREAM_ENDPOINT={} OA_STREAM_TARGET={}",
            name,
            shell_word(endpoint),
            shell_word(target)
        );
        for (const std::string& word : program) {
            out += " " + shell_word(word);
        }
        return out;
    }
};

constexpr auto k_keys = keys<CommandSettings>(
    url<&CommandSettings::endpoint>(
        "endpoint",
        Need::optional,
        "Where the platform's API is; the programs get it as OA_STREAM_ENDPOINT."
    ),
    texts<&CommandSettings::read>(
        "read",
        Need::required,
        "Program and arguments that print the split as JSON. Never run by a shell."
    ),
    texts<&CommandSettings::set>(
        "set", Need::required, "Program that gets the wanted split as JSON on stdin."
    ),
    texts<&CommandSettings::preview>(
        "preview",
        Need::optional,
        "Program that checks whether a split is possible, without changing anything."
    ),
    duration<&CommandSettings::timeout>("timeout", Need::optional, "How long one call may take.")
        .or_else("30s")
);

constexpr std::array<std::string_view, 3> k_programs{"read", "set", "preview"};

} // namespace

extern constinit const DriverKind k_command{
    .name = "command",
    .keys = k_keys,
    .blank = blank_settings<CommandSettings>,
    .programs = k_programs,
};

} // namespace oa_stream::traffic
