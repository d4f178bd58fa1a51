#include "manual_command.hpp"

#include "oa_stream/base/shell.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

struct ByHand {
    const Traffic& traffic;
    const traffic::Split& split;

    std::string operator()(const std::monostate&) const { return {}; }

    std::string operator()(const LocalTraffic& local) const {
        const std::string socket = shell_word(local.socket);
        return fmt::format(
            "curl -sS --unix-socket {0} -X PUT http://front/weights -H 'content-type: "
            "application/json' "
            "-H \"if-match: $(curl -s --unix-socket {0} http://front/state | sed "
            "'s/.*\"etag\":\"\\\\\"\\([^\\]*\\)\\\\\"\".*/\"\\1\"/')\" -d {1}",
            socket,
            shell_word(dump_json({{"weights", split.to_json()}}))
        );
    }

    std::string operator()(const HaproxyTraffic& haproxy) const {
        const auto server = [&](const std::string& named, const std::string& revision) {
            return haproxy.backend + "/" + (named.empty() ? revision : named);
        };
        const bool path = haproxy.socket.starts_with('/');
        return fmt::format(
            "echo {} | socat stdio {}",
            shell_word(fmt::format(
                "set server {0} state ready; set server {0} weight {1}; set server {2} weight {3}",
                server(haproxy.stable_server, traffic.stable),
                split.percent_of(traffic.stable),
                server(haproxy.canary_server, traffic.canary),
                split.percent_of(traffic.canary)
            )),
            shell_word((path ? "" : "tcp:") + haproxy.socket)
        );
    }

    std::string operator()(const CloudRunTraffic& cloud) const {
        std::string revisions;
        for (const auto& [revision, percent] : split.all()) {
            if (percent > 0) {
                revisions +=
                    fmt::format("{}{}={}", revisions.empty() ? "" : ",", revision, percent);
            }
        }
        return fmt::format(
            "gcloud run services update-traffic {} --project {} --region {} --to-revisions {}",
            shell_word(cloud.service),
            shell_word(cloud.project),
            shell_word(cloud.region),
            shell_word(revisions)
        );
    }

    /// As the driver does it: `read` first, and `set` with the etag that it told.
    std::string operator()(const CommandTraffic& command) const {
        const std::string asked = shell_word(dump_json(document_of(command, "read")));
        Json document = document_of(command, "set");
        document["target"] = split.to_json();
        document["etag"] = nullptr;
        document["exact"] = nullptr;
        std::string told = shell_word(dump_json(document));
        constexpr std::string_view k_none = R"("etag":null)";
        told.replace(told.find(k_none), k_none.size(), R"("etag":'"${etag:-null}"')");
        return fmt::format(
            "etag=$(printf '%s\\n' {} | {} | grep -oE {} | head -n 1 | sed {}); "
            "printf '%s\\n' {} | OA_STREAM_ETAG=\"$(printf %s \"$etag\" | sed {})\" {}",
            asked,
            call(command, "read", "", command.read),
            shell_word(R"("etag"[[:space:]]*:[[:space:]]*"([^"\\]|\\.)*")"),
            shell_word(R"(s/^"etag"[^"]*//)"),
            told,
            shell_word(R"(s/^"//; s/"$//; s/\\\(.\)/\1/g)"),
            call(command, "set", shares(), command.set)
        );
    }

private:
    [[nodiscard]] Json document_of(const CommandTraffic& command, std::string_view name) const {
        return {
            {"schema", "oa-stream.command-driver.v1"},
            {"call", name},
            {"endpoint", command.endpoint},
            {"revisions", {traffic.stable, traffic.canary}},
        };
    }
    [[nodiscard]] static std::string call(
        const CommandTraffic& command,
        std::string_view name,
        std::string_view target,
        const std::vector<std::string>& program
    ) {
        std::string out = fmt::format(
            "OA_STREAM_CALL={} OA_STREAM_ENDPOINT={} OA_STREAM_TARGET={}",
            name,
            shell_word(command.endpoint),
            shell_word(target)
        );
        for (const std::string& word : program) {
            out += " " + shell_word(word);
        }
        return out;
    }
    [[nodiscard]] std::string shares() const {
        std::string out;
        for (const auto& [revision, percent] : split.all()) {
            out += fmt::format("{}{}={}", out.empty() ? "" : " ", revision, percent);
        }
        return out;
    }
};

} // namespace

std::string by_hand(const Playbook& playbook, const traffic::Split& split) {
    return std::visit(ByHand{playbook.traffic, split}, playbook.traffic.settings);
}

} // namespace oa_stream::playbook
