// The codex authority on top of the real program and a fake model, for which OA_CODEX_BIN (the
// native executable) and OA_NODE have to be set.
#pragma once

#include "oa_stream/base/child.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lines.hpp"

#include "codex_stage.hpp"

#include <algorithm>
#include <cstdlib>

namespace oa_test {

inline std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Without it the test fails.
inline std::string needed(const char* name) {
    std::string value = environment(name);
    INFO(name << " is not set");
    REQUIRE_FALSE(value.empty());
    return value;
}

inline constexpr const char* k_key = "OA_TEST_PROVIDER_KEY";

/// tests/e2e/codex/mock-responses.mjs on a free port, its requests kept in a file.
class Model {
public:
    Model(asio::io_context& io, std::filesystem::path log) : log_(std::move(log)) {
        ChildOptions options;
        options.program = needed("OA_NODE");
        options.args = {
            std::string(OA_SOURCE_DIR) + "/tests/e2e/codex/mock-responses.mjs",
            "--port",
            "0",
            "--quiet",
            "--log",
            log_
        };
        options.env = {{"PATH", environment("PATH")}};
        child_ = must(Child::start(io.get_executor(), std::move(options)));
        const std::string line = must(run(io, child_->read_stdout()));
        port_ = std::stoi(line.substr(line.find(' ') + 1));
    }
    [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}/v1", port_); }
    /// The bodies of the requests so far.
    [[nodiscard]] std::vector<Json> requests() const {
        std::vector<Json> out;
        const auto text = read_file(log_);
        std::string_view rest = text ? std::string_view(*text) : std::string_view{};
        while (!rest.empty()) {
            out.push_back(must(parse_json(cut_line(rest), {.depth = 200}))["body"]);
        }
        return out;
    }

private:
    std::filesystem::path log_;
    std::unique_ptr<Child> child_{};
    int port_ = 0;
};

struct RealStage : CodexStage {
    RealStage() : model(io, folder.path / "model.log") {
        ::setenv(k_key, "sk-mock-0123456789", 1);
        options.program = needed("OA_CODEX_BIN");
        options.model = "mock-model";
        options.provider_base_url = model.url();
        options.provider_env_key = k_key;
        options.deadlines.backoff_first = Millis(20);
    }
    RealStage(const RealStage&) = delete;
    RealStage& operator=(const RealStage&) = delete;
    ~RealStage() { close(); }

    void close() {
        if (authority) {
            run(io, authority->close(Millis(3'000)));
            authority.reset();
        }
    }
    std::vector<PastTurn> turns(const std::string& thread) {
        return must(run(io, authority->turns(thread)));
    }
    /// "role:text" of every message of the newest request.
    std::vector<std::string> sent() {
        std::vector<std::string> out;
        for (const Json& item : model.requests().back()["input"]) {
            std::string text;
            if (const Json* content = member(item, "content"); content != nullptr) {
                for (const Json& part : *content) {
                    text += string_member(part, "text").value_or("");
                }
            }
            out.push_back(fmt::format("{}:{}", string_member(item, "role").value_or("?"), text));
        }
        return out;
    }
    int pid() {
        const std::string word = "is ready, pid ";
        return std::stoi(log.substr(log.rfind(word) + word.size()));
    }

    Model model;
};

/// How many tools the model was offered: in "tools", or in an additional_tools item of the input.
inline std::size_t offered_tools(const std::vector<Json>& requests) {
    std::size_t count = 0;
    for (const Json& request : requests) {
        if (const Json* tools = member(request, "tools")) {
            count += tools->size();
        }
        if (const Json* input = member(request, "input")) {
            for (const Json& item : *input) {
                const Json* tools = member(item, "tools");
                count += tools == nullptr ? 0 : tools->size();
            }
        }
    }
    return count;
}

} // namespace oa_test
