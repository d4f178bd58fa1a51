#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/process.hpp"

#include "core/layers.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

Invocation parsed(std::vector<std::string> words) {
    auto out = parse_command_line(words);
    REQUIRE(out);
    return *std::move(out);
}

Environment environment(std::map<std::string, std::string, std::less<>> variables) {
    return [variables = std::move(variables)](std::string_view name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

std::optional<ConfigFile> file(std::string_view text) {
    auto out = ConfigFile::parse(text, "c.yaml");
    if (!out) {
        FAIL(out.error().text());
    }
    CHECK(out->mistakes().empty());
    return *std::move(out);
}

/// Of the whole file, or the first in one of its sections.
Error mistake_in(std::string_view text) {
    const auto read = ConfigFile::parse(text, "c.yaml");
    if (!read) {
        return read.error();
    }
    return read->mistakes().empty() ? Error{} : read->mistakes().front().error;
}

Setting setting(const std::vector<Setting>& all, std::string_view option) {
    const auto found = std::ranges::find(all, option, &Setting::option);
    return found == all.end() ? Setting{} : *found;
}

} // namespace

TEST_CASE("layers: flag before environment before file before default") {
    const auto config = file("version: 1\nserve:\n  listen: 127.0.0.1:3\n  model: from-file\n");
    const auto env = environment({{"OA_STREAM_SERVE_LISTEN", "127.0.0.1:2"}});
    auto invocation = parsed({"serve", "--listen", "127.0.0.1:1"});
    auto all = apply_layers(invocation, config, env).value();
    CHECK(invocation.args.all("--listen") == std::vector<std::string>{"127.0.0.1:1"});
    CHECK(setting(all, "--listen").layer == Layer::flag);

    invocation = parsed({"serve"});
    all = apply_layers(invocation, config, env).value();
    CHECK(invocation.args.all("--listen") == std::vector<std::string>{"127.0.0.1:2"});
    CHECK(setting(all, "--listen").where == "OA_STREAM_SERVE_LISTEN");
    CHECK(invocation.args.all("--model") == std::vector<std::string>{"from-file"});
    CHECK(setting(all, "--model").where == "c.yaml:4:3");

    invocation = parsed({"serve"});
    all = apply_layers(invocation, config, environment({})).value();
    CHECK(invocation.args.all("--listen") == std::vector<std::string>{"127.0.0.1:3"});
    CHECK(setting(all, "--authority").layer == Layer::fallback);
    CHECK_FALSE(invocation.args.has("--authority"));
}

TEST_CASE("layers: a default that the command itself applies is shown, and not given to it") {
    auto invocation = parsed({"cutover", "rehearse", "--local"});
    const auto all = apply_layers(invocation, file("version: 1\n"), environment({})).value();
    CHECK(setting(all, "--rate").layer == Layer::fallback);
    CHECK(setting(all, "--rate").values == std::vector<std::string>{"25/s"});
    CHECK_FALSE(invocation.args.has("--rate"));

    auto lane = parsed({"serve"});
    const auto of_lane = apply_layers(lane, file("version: 1\n"), environment({})).value();
    const authority::CodexOptions usual;
    CHECK(
        setting(of_lane, "--provider-url").values ==
        std::vector<std::string>{usual.provider_base_url}
    );
    CHECK(
        setting(of_lane, "--provider-key-env").values ==
        std::vector<std::string>{usual.provider_env_key}
    );
    CHECK_FALSE(lane.args.has("--provider-key-env"));
}

TEST_CASE("layers: an option every command takes stands under `all` and has a short variable") {
    auto invocation = parsed({"version"});
    const auto config = file("version: 1\nall: { state-dir: /from/file, json: true }\n");
    (void)apply_layers(invocation, config, environment({})).value();
    CHECK(invocation.globals.all("--state-dir") == std::vector<std::string>{"/from/file"});
    CHECK(invocation.globals.has("--json"));
    CHECK(variable_of("all", "--state-dir") == "OA_STREAM_STATE_DIR");
    CHECK(variable_of("cutover status", "--state-dir") == "OA_STREAM_STATE_DIR");
    CHECK(variable_of("smoke stream", "--base-url") == "OA_STREAM_SMOKE_STREAM_BASE_URL");
}

TEST_CASE("layers: where a worker is has a variable that every command reads") {
    const auto said = environment(
        {{"OA_STREAM_WORKER_CONTROL", "https://c"},
         {"OA_STREAM_WORKER_ID", "w"},
         {"OA_STREAM_KHALA_URL", "wss://k"},
         {"OA_STREAM_SERVE_WORKER_ID", "of serve"}}
    );
    auto invocation = parsed({"serve"});
    const auto all = apply_layers(invocation, std::nullopt, said).value();
    CHECK(invocation.args.all("--worker-control") == std::vector<std::string>{"https://c"});
    CHECK(invocation.args.all("--khala-url") == std::vector<std::string>{"wss://k"});
    CHECK(invocation.args.all("--worker-id") == std::vector<std::string>{"of serve"});
    CHECK(setting(all, "--worker-control").where == "OA_STREAM_WORKER_CONTROL");
    invocation = parsed({"doctor"});
    (void)apply_layers(invocation, std::nullopt, said).value();
    CHECK(invocation.args.all("--worker-id") == std::vector<std::string>{"w"});
}

TEST_CASE("layers: flags are on or off, lists are lists, and the nearest layer wins whole") {
    const auto config = file("version: 1\nverify:\n  set: [base_url=http://a, profile=api-only]\n");
    auto invocation = parsed({"verify"});
    (void)apply_layers(invocation, config, environment({})).value();
    CHECK(
        invocation.args.all("--set") ==
        std::vector<std::string>{"base_url=http://a", "profile=api-only"}
    );
    invocation = parsed({"verify", "--set", "base_url=http://b"});
    (void)apply_layers(invocation, config, environment({})).value();
    CHECK(invocation.args.all("--set") == std::vector<std::string>{"base_url=http://b"});

    for (const auto& [word, on] :
         {std::pair{"1", true}, {"true", true}, {"0", false}, {"false", false}}) {
        invocation = parsed({"verify"});
        (void)apply_layers(
            invocation, std::nullopt, environment({{"OA_STREAM_VERIFY_NO_PROBES", word}})
        ).value();
        CHECK(invocation.args.has("--no-probes") == on);
    }
    for (const bool on : {true, false}) { // the variable wins, whichever it says
        invocation = parsed({"verify"});
        const auto has_it = file("version: 1\nverify: {no-probes: true}\n");
        const auto env = environment({{"OA_STREAM_VERIFY_NO_PROBES", on ? "1" : "0"}});
        const auto all = apply_layers(invocation, has_it, env).value();
        CHECK(invocation.args.has("--no-probes") == on);
        CHECK(setting(all, "--no-probes").layer == Layer::environment);
        CHECK(setting(all, "--no-probes").values.empty() == on);
    }
    invocation = parsed({"verify"});
    const auto wrong = apply_layers(
        invocation, std::nullopt, environment({{"OA_STREAM_VERIFY_NO_PROBES", "maybe"}})
    );
    REQUIRE_FALSE(wrong);
    CHECK(
        wrong.error().text() == "OA_STREAM_VERIFY_NO_PROBES: 'maybe' is neither on nor off (1 or 0)"
    );
}

TEST_CASE("layers: consent is typed, never configured") {
    for (const char* text :
         {"version: 1\nroute set: { apply: true }\n",
          "version: 1\ncutover apply: { yes: true }\n",
          "version: 1\ncutover apply: { reopen: again }\n",
          "version: 1\nverify: { reason: because }\n"}) {
        CAPTURE(text);
        CHECK(mistake_in(text).message.ends_with("is only taken from the command line"));
    }
    auto invocation = parsed({"route", "clear", "--all", "--base-url", "http://x"});
    (void
    )apply_layers(invocation, std::nullopt, environment({{"OA_STREAM_ROUTE_CLEAR_APPLY", "1"}}))
        .value();
    CHECK_FALSE(invocation.args.has("--apply"));
}

TEST_CASE("layers: what people see of them holds no secret that was written down") {
    const auto config =
        file("version: 1\nsmoke stream:\n  auth: hunter2\n"
             "  header: ['X-Api-Key: hunter2', 'X-Api-Key: env:KEY', 'X-Team: chat']\n");
    auto invocation = parsed({"smoke", "stream"});
    const auto all = apply_layers(invocation, config, environment({})).value();
    const auto shown = without_secrets(all, *invocation.command);
    CHECK(setting(shown, "--auth").values == std::vector<std::string>{"********"});
    CHECK(
        setting(shown, "--header").values ==
        std::vector<std::string>{"X-Api-Key: ********", "X-Api-Key: env:KEY", "X-Team: chat"}
    );
    invocation = parsed({"smoke", "stream", "--auth", "env:TOKEN"});
    const auto named = apply_layers(invocation, std::nullopt, environment({})).value();
    CHECK(
        setting(without_secrets(named, *invocation.command), "--auth").values ==
        std::vector<std::string>{"env:TOKEN"}
    );
}

TEST_CASE("layers: a config file is read strictly, each mistake is one line with its place") {
    const std::pair<const char*, const char*> cases[] = {
        {"serve: { listen: x }\n", "c.yaml:1:1: there is no version (version: 1)"},
        {"version: 2\n", "c.yaml:1:10: this release reads version 1 (version: 1)"},
        {"version: 1\nserv: {}\n", "c.yaml:2:1: 'serv' is not a command (did you mean serve?)"},
        {"version: 1\nserve: { lisen: x }\n",
         "c.yaml:2:10: unknown key 'lisen' (did you mean listen?)"},
        {"version: 1\nserve: x\n", "c.yaml:2:8: serve is a text, expected a mapping (option: value)"
        },
        {"version: 1\nserve: { listen: { a: b } }\n",
         "c.yaml:2:18: listen is a mapping, expected a text or a list of texts"},
        {"version: 1\nverify: { no-probes: yes }\n",
         "c.yaml:2:22: no-probes is a flag (true, or leave it out)"},
        {"- a\n", "c.yaml:1:1: a config file is a mapping (version: 1)"},
    };
    for (const auto& [text, want] : cases) {
        CAPTURE(text);
        CHECK(mistake_in(text).text() == want);
    }
}

TEST_CASE("layers: a service without HOME has the config file and the state of its user") {
    CHECK(home_in(environment({{"HOME", "/home/ann"}})) == "/home/ann");
    CHECK(home_in(environment({})) == user_home(::geteuid()).value_or("/nonexistent"));
}

TEST_CASE("layers: a mistake in the section of one command closes no other command") {
    const test::TempFolder folder;
    const auto home = folder.path / "oa-stream";
    const auto env = environment({{"XDG_CONFIG_HOME", folder.path.string()}});
    std::filesystem::create_directory(home);
    const auto found = [&](std::vector<std::string> words, std::string_view text) {
        REQUIRE(write_file_atomic(home / "config.yaml", text));
        return find_config(parsed(std::move(words)), env);
    };
    const auto rollback = std::vector<std::string>{"rollback", "apply", "last"};
    constexpr std::string_view k_text = "version: 1\nserve: { lisen: x }\nsmok stream: {}\n"
                                        "all: { state-dir: /srv }\n";
    const auto other = found(rollback, k_text);
    REQUIRE(other);
    CHECK((*other)->find("all", "--state-dir") != nullptr);
    REQUIRE((*other)->mistakes().size() == 2);
    CHECK((*other)->mistakes().front().section == "serve");
    CHECK((*other)->mistakes().back().section == "smoke stream");

    const auto smoke = std::vector<std::string>{"smoke", "stream", "--base-url", "http://x"};
    CHECK(found({"serve"}, k_text).error().message == "unknown key 'lisen'");
    CHECK(found(smoke, k_text).error().message == "'smok stream' is not a command");
    CHECK(found(rollback, "version: 1\nall: { state-dri: x }\n").error().code == Code::config);
    CHECK(found(rollback, "version: 1\nal: {}\n").error().code == Code::config);
    constexpr std::string_view k_family = "version: 1\nsmoke: { base-url: http://x }\n";
    CHECK(found(smoke, k_family).error().message == "'smoke' is not a command");
    CHECK(found(rollback, k_family).value()->mistakes().size() == 1);
    CHECK(found(rollback, "").error().text().contains("the file is empty"));
    CHECK_FALSE(
        find_config(parsed({"rollback", "apply", "last", "--config", "/dev/null"}), env).value()
    );

    std::filesystem::remove_all(home); // the home folder of somebody else
    std::filesystem::create_symlink("oa-stream", home);
    const auto closed = find_config(parsed(rollback), env);
    REQUIRE(closed);
    CHECK((*closed)->mistakes().front().error.code == Code::io);
    for (const std::string server : {"serve", "front"}) { // their tokens may be in that file
        CHECK(find_config(parsed({server}), env).error().code == Code::io);
    }
}
