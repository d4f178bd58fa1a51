#include "command/command_driver.hpp"

#include "oa_stream/base/child.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/redact.hpp"

#include "command_document.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace oa_stream::traffic {
namespace {

constexpr auto k_poll = Millis{250};
/// The programs get only these variables of ours: enough to start and to find their settings.
constexpr std::string_view k_passed_on = "OA_STREAM_DRIVER_";

std::map<std::string, std::string> environment(const CommandDriverOptions& options) {
    auto out = inherited_env({"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"});
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::size_t equals = text.find('=');
        if (text.starts_with(k_passed_on) && equals != std::string_view::npos) {
            out.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    out["OA_STREAM_ENDPOINT"] = options.endpoint;
    return out;
}

/// Values that the operator passes to the programs through the environment may be secrets.
Redactor redactor_of(const std::map<std::string, std::string>& env) {
    Redactor out;
    for (const auto& [name, value] : env) {
        if (name.starts_with(k_passed_on)) {
            out.add_known(Secret(value));
        }
    }
    return out;
}

class CommandDriver final : public TrafficDriver {
public:
    CommandDriver(asio::any_io_executor executor, CommandDriverOptions options)
        : executor_(std::move(executor)), options_(std::move(options)), env_(environment(options_)),
          redactor_(redactor_of(env_)) {}

    [[nodiscard]] std::string_view kind() const noexcept override { return k_command.name; }
    [[nodiscard]] std::string target() const override {
        std::vector<std::string> set = options_.set;
        // From another folder a relative path would be another program; a bare name is looked up in
        // PATH. Links are not resolved: if a release is a link, the next release has the same
        // program.
        if (!set.empty() && set.front().contains('/') && !set.front().starts_with('/')) {
            std::error_code unknown;
            const auto whole = std::filesystem::absolute(set.front(), unknown);
            set.front() = unknown ? set.front() : whole.lexically_normal().string();
        }
        return target_of(set);
    }
    /// Earlier releases stored a relative program path as typed.
    [[nodiscard]] bool is_target(std::string_view kept) const override {
        return kept == target() || kept == target_of(options_.set);
    }
    /// set() may have to read first.
    [[nodiscard]] Millis patience() const noexcept override {
        return 2 * (options_.timeout + 2 * k_program_grace);
    }
    [[nodiscard]] bool splits_exactly() const noexcept override { return exact_split_; }

    [[nodiscard]] Task<Result<TrafficState>> read() override {
        OA_CO_TRY(auto seen, co_await look());
        reported_ = seen.state;
        co_return std::move(seen.state);
    }

    [[nodiscard]] Task<Result<void>> preview(Split target) override {
        if (options_.preview.empty()) {
            OA_CO_TRY(const auto seen, co_await look());
            co_return possible(seen, target);
        }
        Json document = base("preview");
        document["target"] = target.to_json();
        OA_CO_CHECK(co_await call("preview", options_.preview, std::move(document)));
        co_return Result<void>{};
    }

    [[nodiscard]] Task<Result<void>> set(Split target, std::string etag) override {
        return write(std::move(target), nullptr, std::move(etag));
    }
    [[nodiscard]] Task<Result<void>> restore(Split target, Json exact, std::string etag) override {
        return write(std::move(target), std::move(exact), std::move(etag));
    }

    [[nodiscard]] Task<Result<TrafficState>> verify(Split target, Millis limit) override {
        return poll_until(*this, std::move(target), limit, k_poll);
    }

    [[nodiscard]] Result<ArmAddress> address(std::string_view revision) const override {
        if (!contains(options_.revisions, revision)) {
            return fail(Code::not_found, fmt::format("no revision '{}'", revision));
        }
        if (const auto named = urls_.find(revision); named != urls_.end()) {
            return ArmAddress{named->second, {}, {}};
        }
        return fail(
            Code::precondition,
            fmt::format("no URL of revision '{}' is known", revision),
            {},
            "let read print urls, or give the playbook stable_url and canary_url"
        );
    }

private:
    [[nodiscard]] std::string target_of(const std::vector<std::string>& set) const {
        return fmt::format("{}:{} {}", kind(), dump_json(Json(set)), options_.endpoint);
    }
    [[nodiscard]] Json base(std::string_view call) const {
        return command_request(call, options_.endpoint, options_.revisions);
    }

    /// Runs the program to its end; errors name which of our programs it was.
    [[nodiscard]] Task<Result<ProgramEnd>>
    call(std::string_view name, std::vector<std::string> argv, Json document) {
        auto env = env_;
        env["OA_STREAM_CALL"] = name;
        env["OA_STREAM_TARGET"] = plain_target(document);
        env["OA_STREAM_ETAG"] = string_member(document, "etag").value_or("");
        const std::string program = argv.empty() ? std::string() : argv.front();
        ProgramCall request{
            std::move(argv), std::move(env), dump_json(document) + "\n", options_.timeout
        };
        // A program that writes must not be killed because of its output.
        request.drops_output = name != "read";
        auto end = co_await call_program(executor_, std::move(request));
        if (!end) {
            Error error = std::move(end).error();
            // For a read that code would mean a deleted revision, for a write a completed one.
            if (error.code == (name == "read" ? Code::not_found : Code::io)) {
                error.code = Code::unavailable;
            }
            error.message = fmt::format("{} program: {}", name, redactor_.apply(error.message));
            error.where = program;
            co_return std::unexpected(std::move(error));
        }
        if (!end->exit.clean()) {
            co_return std::unexpected(refusal(name, program, *end));
        }
        co_return end;
    }

    [[nodiscard]] static Code code_of(int exit) noexcept {
        switch (exit) {
        case k_exit_refused:
            return Code::precondition;
        case k_exit_conflict:
            return Code::conflict;
        case k_exit_credentials:
            return Code::credentials;
        default:
            return Code::unavailable;
        }
    }

    [[nodiscard]] Error
    refusal(std::string_view name, const std::string& program, const ProgramEnd& end) const {
        const Code code = code_of(end.exit.code);
        return {
            code,
            fmt::format(
                "{} program: {}{}{}",
                name,
                end.exit.text(),
                end.last_line.empty() ? "" : ": ",
                redactor_.apply(end.last_line)
            ),
            program,
            code == Code::credentials ? "the program gets them as OA_STREAM_DRIVER_… variables" : ""
        };
    }

    [[nodiscard]] Task<Result<CommandRead>> look() {
        OA_CO_TRY(const ProgramEnd end, co_await call("read", options_.read, base("read")));
        auto seen = parse_command_read(end.output);
        if (!seen) {
            Error error = std::move(seen).error().prefixed("read program");
            error.message = redactor_.apply(error.message);
            error.where = options_.read.front();
            co_return std::unexpected(std::move(error));
        }
        seen->state.extra = shown(seen->state.extra);
        exact_split_ = seen->exact_split;
        urls_ = seen->urls;
        co_return seen;
    }

    /// The program's own facts are shown and stored; nothing else depends on them.
    [[nodiscard]] Json shown(const Json& extra) const {
        return parse_json(redactor_.apply(dump_json(extra))).value_or(Json::object());
    }

    /// A preview program knows the existing revisions better than a list of what serves.
    [[nodiscard]] Result<void> possible(const CommandRead& seen, const Split& target) const {
        for (const auto& [revision, share] : target.all()) {
            const bool known = !options_.preview.empty() ||
                               seen.state.serving.all().contains(revision) ||
                               seen.state.wanted.all().contains(revision);
            if (!known && !seen.state.serving.empty()) { // nothing is known when it is not a split
                return fail(
                    Code::precondition, fmt::format("read shows no revision '{}'", revision)
                );
            }
            if (share > 0 && contains(seen.not_ready, revision)) {
                return fail(
                    Code::precondition, fmt::format("revision '{}' is not ready", revision)
                );
            }
        }
        return {};
    }

    [[nodiscard]] Task<Result<void>> write(Split target, Json exact, std::string etag) {
        OA_CO_TRY(const CommandRead now, unsent(co_await look()));
        OA_CO_CHECK(possible(now, target));
        if (now.state.etag != etag && !(reported_.etag == etag && same_as_reported(now.state))) {
            co_return fail(
                Code::conflict,
                fmt::format("somebody changed the split: {}", now.state.wanted.text()),
                options_.set.front()
            );
        }
        Json document = base("set");
        document["target"] = target.to_json();
        document["etag"] = now.state.etag_of_setting ? Json(nullptr) : Json(now.state.etag);
        document["exact"] = std::move(exact);
        OA_CO_CHECK(co_await call("set", options_.set, std::move(document)));
        co_return Result<void>{};
    }

    /// The state that was decided on is unchanged: an etag that changes by itself does not mean
    /// another operator, and must not prevent a rollback.
    [[nodiscard]] bool same_as_reported(const TrafficState& now) const {
        return now.serving == reported_.serving && now.wanted == reported_.wanted &&
               now.exact == reported_.exact && now.settled == reported_.settled;
    }

    asio::any_io_executor executor_;
    CommandDriverOptions options_;
    std::map<std::string, std::string> env_;
    Redactor redactor_;
    TrafficState reported_{}; ///< from the last read()
    bool exact_split_ = false; ///< as of the last read
    std::map<std::string, std::string, std::less<>> urls_{};
};

} // namespace

std::unique_ptr<TrafficDriver>
make_command_driver(asio::any_io_executor executor, CommandDriverOptions options) {
    return std::make_unique<CommandDriver>(std::move(executor), std::move(options));
}

} // namespace oa_stream::traffic
