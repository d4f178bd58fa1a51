#include "local_kind.hpp"

#include "oa_stream/base/shell.hpp"
#include "oa_stream/traffic/local_driver.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic {
namespace {

using namespace config;

struct LocalSettings final : DriverSettings {
    std::string socket{}; ///< admin socket of the front door; empty: the playbook starts its own
    std::string base_url{}; ///< URL of the front door

    [[nodiscard]] Result<std::unique_ptr<TrafficDriver>> make(DriverParts parts) const override {
        const std::string& base = base_url.empty() ? parts.users_url : base_url;
        if (socket.empty() || base.empty()) {
            return fail(
                Code::config,
                "a front door that runs already needs its admin socket and its address",
                "traffic",
                "socket: and base_url: of `oa-stream front`"
            );
        }
        return make_local_driver(*parts.client, {socket, base, parts.arms.revisions()});
    }
    [[nodiscard]] std::vector<Error> problems(const Arms&) const override {
        std::vector<Error> out;
        for (const auto& checked :
             {check_url("traffic.base_url", base_url), check_socket("traffic.socket", socket)}) {
            if (!checked) {
                out.push_back(checked.error());
            }
        }
        return out;
    }
    [[nodiscard]] Json to_json() const override {
        return {{"socket", socket}, {"base_url", base_url}};
    }
    [[nodiscard]] std::string manual_command(const Arms&, const Split& split) const override {
        return fmt::format(
            "curl -sS --unix-socket {0} -X PUT http://front/weights -H 'content-type: "
            "application/json' -H \"if-match: $(curl -s --unix-socket {0} http://front/state | sed "
            "'s/.*\"etag\":\"\\\\\"\\([^\\]*\\)\\\\\"\".*/\"\\1\"/')\" -d {1}",
            shell_word(socket),
            shell_word(dump_json({{"weights", split.to_json()}}))
        );
    }
    [[nodiscard]] bool names_none() const noexcept override { return socket.empty(); }
};

constexpr auto k_keys = keys<LocalSettings>(
    text<&LocalSettings::socket>(
        "socket",
        Need::optional,
        "Admin socket of the front door; a rehearsal without one starts its own."
    ),
    url<&LocalSettings::base_url>(
        "base_url", Need::optional, "The front door itself; `target.base_url` if absent."
    )
);

} // namespace

extern constinit const DriverKind
    k_local{.name = "local", .keys = k_keys, .blank = blank_settings<LocalSettings>};

} // namespace oa_stream::traffic
