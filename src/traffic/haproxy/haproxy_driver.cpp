#include "haproxy/haproxy_driver.hpp"

#include "oa_stream/base/file.hpp"

#include "haproxy_view.hpp"
#include "haproxy_write.hpp"
#include "runtime_socket.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace oa_stream::traffic {
namespace {

constexpr auto k_poll = Millis{100};

class HaproxyDriver final : public TrafficDriver {
public:
    explicit HaproxyDriver(HaproxyDriverOptions options) : options_(std::move(options)) {}

    [[nodiscard]] std::string_view kind() const noexcept override { return k_haproxy.name; }
    [[nodiscard]] std::string target() const override {
        const std::string& socket = options_.socket;
        return fmt::format(
            "{}:{}/{}",
            kind(),
            socket.contains('/') ? canonical_path(socket) : socket,
            options_.backend
        );
    }

    [[nodiscard]] Task<Result<TrafficState>> read() override {
        OA_CO_TRY(last_, co_await look());
        co_return view_of(last_, options_);
    }

    [[nodiscard]] Task<Result<void>> preview(Split target) override {
        OA_CO_TRY(const HaproxySnapshot now, co_await look());
        OA_CO_CHECK(settings_for(now, options_, target));
        for (const HaproxyServer& server : options_.servers) {
            const HaproxyFacts& facts = *now.find(server.server);
            const bool up = facts.up() || comes_home(server, facts, target);
            if (target.percent_of(server.revision) > 0 && (!up || facts.backup)) {
                co_return not_ready(server, facts);
            }
        }
        if (now.process.level != "admin") {
            co_return fail(
                Code::credentials,
                fmt::format("this socket has `level {}` and can only be read", now.process.level),
                options_.socket,
                "`level admin` on its `stats socket` line"
            );
        }
        co_return check_state_file();
    }

    [[nodiscard]] Task<Result<void>> set(Split target, std::string etag) override {
        OA_CO_TRY(const HaproxySnapshot now, co_await look_at(etag));
        OA_CO_TRY(Settings wanted, settings_for(now, options_, target));
        for (const HaproxyServer& server : options_.servers) {
            const HaproxyFacts& facts = *now.find(server.server);
            if (comes_home(server, facts, target)) {
                wanted[server.server].rotation = Rotation::ready;
            } else if (target.percent_of(server.revision) > 0 &&
                       facts.rotation != Rotation::ready) {
                co_return not_ready(server, facts);
            }
        }
        OA_CO_CHECK(check_gains(now, wanted));
        co_return co_await write(now, wanted);
    }

    [[nodiscard]] Task<Result<void>> restore(Split target, Json exact, std::string etag) override {
        if (exact.is_null()) {
            co_return co_await set(std::move(target), std::move(etag));
        }
        OA_CO_TRY(const HaproxySnapshot now, co_await look_at(etag));
        OA_CO_TRY(Settings wanted, settings_from(exact, options_));
        for (const HaproxyServer& server : options_.servers) {
            const Rotation rotation = now.find(server.server)->rotation;
            const auto setting = wanted.find(server.server);
            if (setting != wanted.end() && target.percent_of(server.revision) == 0 &&
                rotation != Rotation::ready) {
                setting->second.rotation = rotation; // whoever took it out may be working on it
            }
        }
        OA_CO_CHECK(check_gains(now, wanted));
        co_return co_await write(now, wanted);
    }

    /// A server without a share may have been taken out since: see restore().
    [[nodiscard]] bool same_setting(const Json& a, const Json& b) const override {
        const auto seen = settings_from(a, options_);
        const auto recorded = settings_from(b, options_);
        const auto same = [](const auto& now, const auto& then) {
            const auto& [weight, rotation] = then.second;
            const bool idle = weight == 0 || rotation != Rotation::ready;
            return now.first == then.first && now.second.weight == weight &&
                   (now.second.rotation == rotation ||
                    (idle && now.second.rotation != Rotation::ready));
        };
        return seen && recorded ? std::ranges::equal(*seen, *recorded, same) : a == b;
    }

    /// A read, a write, the undoing of half a write, and a file.
    [[nodiscard]] Millis patience() const noexcept override {
        return 3 * options_.call_timeout + Millis(2000);
    }

    [[nodiscard]] Task<Result<TrafficState>> verify(Split target, Millis limit) override {
        const auto lacks = [this, target](const TrafficState& state) {
            const std::string what = shortcoming(target);
            return what.empty() ? what : fmt::format("saw {}, but {}", state.serving.text(), what);
        };
        return poll_until(*this, target, limit, k_poll, lacks);
    }

    [[nodiscard]] bool splits_exactly() const noexcept override {
        const std::string& by = last_.algorithm;
        return by.empty() || by == "roundrobin" || by == "static-rr";
    }

    /// A reload may restore the backend or the server, so this must not be Code::not_found, after
    /// which the read is not retried.
    [[nodiscard]] bool is_gone(const Error& error) const noexcept override {
        return error.code == Code::precondition;
    }

    [[nodiscard]] Result<ArmAddress> address(std::string_view revision) const override {
        const auto named = std::ranges::find(options_.servers, revision, &HaproxyServer::revision);
        if (named == options_.servers.end()) {
            return fail(Code::not_found, fmt::format("no revision '{}'", revision));
        }
        const HaproxyFacts* seen = last_.find(named->server);
        if (seen == nullptr) {
            return fail(
                Code::precondition, fmt::format("HAProxy was not asked yet where {} is", revision)
            );
        }
        return address_of(*named, *seen);
    }

private:
    [[nodiscard]] Task<Result<HaproxySnapshot>> look() {
        OA_CO_CHECK(check_names(options_));
        OA_CO_TRY(
            const std::string answer,
            co_await ask_runtime(
                options_.socket, snapshot_command(options_.backend), options_.call_timeout
            )
        );
        auto now = parse_snapshot(answer, options_.backend);
        if (!now) {
            now.error().where = options_.socket;
            co_return now;
        }
        OA_CO_CHECK(check_servers(*now, options_));
        co_return now;
    }

    /// The same, for a write that was decided at `etag`.
    [[nodiscard]] Task<Result<HaproxySnapshot>> look_at(std::string etag) {
        OA_CO_TRY(HaproxySnapshot now, unsent(co_await look()));
        if (etag != etag_of(now)) {
            co_return fail(
                Code::conflict,
                fmt::format("the weights changed: now {}, was {}", etag_of(now), etag),
                options_.socket
            );
        }
        co_return now;
    }

    /// Stable gets all traffic but was taken out of rotation: it returns, unless its checks failed.
    /// A canary that was taken out stays out.
    [[nodiscard]] bool
    comes_home(const HaproxyServer& server, const HaproxyFacts& facts, const Split& target) const {
        return server.server == options_.servers.front().server &&
               target.percent_of(server.revision) == 100 && facts.rotation != Rotation::ready &&
               !facts.backup && !facts.failed();
    }

    [[nodiscard]] std::unexpected<Error>
    not_ready(const HaproxyServer& named, const HaproxyFacts& facts) const {
        const std::string name = fmt::format("{}/{}", options_.backend, named.server);
        return fail(
            Code::precondition,
            condition(named, facts) + ": it gets no share",
            {},
            facts.rotation == Rotation::ready
                ? ""
                : typed_to(
                      options_.socket,
                      fmt::format("set server {0} weight 0;set server {0} state ready", name)
                  )
        );
    }

    /// A server that is not ready must not gain; taking a share away is always possible. A server
    /// that is being enabled is judged by its health, which HAProxy does not know yet.
    [[nodiscard]] Result<void>
    check_gains(const HaproxySnapshot& now, const Settings& wanted) const {
        for (const HaproxyServer& server : options_.servers) {
            const HaproxyFacts& facts = *now.find(server.server);
            const auto setting = wanted.find(server.server);
            if (setting == wanted.end()) {
                continue;
            }
            const bool ready = setting->second.rotation == Rotation::ready;
            const bool gains = ready && setting->second.weight > facts.effective();
            const bool returns = ready && facts.rotation != Rotation::ready;
            if (facts.backup ? ready && setting->second.weight > 0
                             : gains && !returns && !facts.up()) {
                return not_ready(server, facts);
            }
        }
        return {};
    }

    [[nodiscard]] Task<Result<void>> write(HaproxySnapshot before, Settings wanted) {
        OA_CO_TRY(
            const std::string state,
            co_await write_settings(options_, std::move(before), std::move(wanted))
        );
        co_return save_state(state);
    }

    [[nodiscard]] Result<void> check_state_file() const {
        if (options_.state_file.empty()) {
            return {};
        }
        const auto folder = std::filesystem::absolute(options_.state_file).parent_path();
        if (::access(folder.c_str(), W_OK) != 0) {
            return fail(
                Code::precondition,
                "the state file cannot be written: its folder is not writable",
                options_.state_file
            );
        }
        return {};
    }

    /// Without the file a reload returns to the weights of the configuration.
    [[nodiscard]] Result<void> save_state(const std::string& state) const {
        if (options_.state_file.empty()) {
            return {};
        }
        const auto saved = write_file_atomic(options_.state_file, state);
        if (!saved) {
            return fail(
                Code::io,
                "the weights are set, but a reload would lose them: " + saved.error().text(),
                options_.state_file
            );
        }
        return {};
    }

    /// Empty when all servers with a share of `target` accept it in full, as of the last read().
    [[nodiscard]] std::string shortcoming(const Split& target) const {
        for (const HaproxyServer& server : options_.servers) {
            const HaproxyFacts& facts = *last_.find(server.server);
            if (target.percent_of(server.revision) == 0) {
                continue;
            }
            if (!facts.up()) {
                return condition(server, facts);
            }
            if (facts.throttle < 100) {
                return fmt::format(
                    "slowstart holds {} at {}% of its weight", server.revision, facts.throttle
                );
            }
        }
        return {};
    }

    HaproxyDriverOptions options_;
    HaproxySnapshot last_{}; ///< as of the last read()
};

} // namespace

std::unique_ptr<TrafficDriver> make_haproxy_driver(HaproxyDriverOptions options) {
    return std::make_unique<HaproxyDriver>(std::move(options));
}

} // namespace oa_stream::traffic
