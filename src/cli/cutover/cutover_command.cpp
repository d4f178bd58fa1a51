// cutover rehearse: the whole cutover without affecting what serves users.
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/playbook/target_run.hpp"
#include "oa_stream/store/facts.hpp"

#include "core/commands.hpp"
#include "operate.hpp"
#include "run_args.hpp"
#include "serve/store_rows.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

namespace oa_stream::cli {

namespace {

using playbook::RehearsalInput;

Result<double> parse_rate(std::string_view text) {
    constexpr double k_slowest = 0.01;
    constexpr double k_fastest = 500;
    return config::read_rate_within(text, k_slowest, k_fastest);
}

struct Options : TargetRunOptions, LiveOptions, LocalChoice {
    std::vector<playbook::Fault> faults{};
    std::string replay{};
    std::optional<std::uint64_t> replicas{};
    store::StoreOptions store{};
};

constexpr auto k_inject =
    parsed<playbook::parse_fault, &Options::faults>(
        names::inject,
        "KIND[=VALUE]@PERCENT",
        "Inject a fault into the canary when that stage begins: error-rate=P, malformed=P, "
        "truncate=P, http-error=P, auth-error=P, forget=P, stall=P, drop=P, sync-token-error=P, "
        "audit-error=P, slow=N, latency=D, gap=D or kill. With --local."
    )
        .suggesting(playbook::fault_words);
constexpr auto k_rate =
    parsed<parse_rate, &Options::here, &playbook::LocalRehearsalOptions::rate>(
        names::rate,
        "N/s",
        "Send N probes a second to stable, N to the canary and N through the front door. "
        "With --local."
    )
        .or_else_text("25/s");
constexpr auto k_replay = option<&Options::replay>(
    names::replay, "DIR", "Play the recorded turns of this folder. Without it: a built-in set."
);

constexpr std::uint64_t k_usual_replicas = 2;
constexpr auto k_replicas = option<&Options::replicas>(
                                "--replicas",
                                "N",
                                "Start N lanes each for stable and for canary, behind a front door "
                                "that sends every request to any of them. With --local and --store."
)
                                .range(2, 8);
constexpr auto k_store = parsed<read_store, &Options::store, &store::StoreOptions::url>(
    names::store,
    "URL",
    "Let the lanes share turns through this store, under a prefix that only the rehearsal uses. "
    "With --local."
);
using StoreOptionRows = StoreRows<&Options::store>;

Task<Result<void>> clear(store::StoreOptions store) {
    co_return co_await store::clear_store(co_await asio::this_coro::executor, std::move(store));
}

/// A prefix below the given one, within the store user's permissions; no serving lane has such
/// keys.
std::string prefix_of_its_own(const std::string& prefix) {
    return fmt::format("{}:rehearsal-{}", prefix, random_hex(4));
}

Result<playbook::SharedStore> shared_store(const Options& options) {
    playbook::SharedStore out;
    if (!options.replicas && options.store.url.empty()) {
        OA_CHECK(StoreOptionRows::check_used(options.store));
        return out;
    }
    if (options.store.url.empty()) {
        return fail(
            Code::usage,
            "several lanes need a store that they share",
            std::string(k_replicas.name),
            fmt::format("{} redis://127.0.0.1:6379 (Redis 7 or newer)", names::store)
        );
    }
    OA_CHECK(store::check_store(options.store));
    store::StoreOptions store = options.store;
    if (store.password.starts_with("fd:")) {
        return fail(
            Code::usage,
            "a descriptor can be read once, and every lane needs the password",
            names::store_password,
            "env:NAME or file:PATH"
        );
    }
    store.prefix = prefix_of_its_own(store.prefix);
    out.replicas = options.replicas.value_or(k_usual_replicas);
    for (const auto& [name, value] :
         std::initializer_list<std::pair<std::string_view, std::string>>{
             {names::store, store.url},
             {StoreOptionRows::prefix.name, store.prefix},
             {names::store_user, store.user},
             {names::store_password, store.password},
             {StoreOptionRows::ca_file.name, store.ca_file}
         }) {
        if (!value.empty()) {
            out.lane_args.insert(out.lane_args.end(), {std::string(name), value});
        }
    }
    if (constexpr std::string_view k_env = "env:"; store.password.starts_with(k_env)) {
        out.env = inherited_env({store.password.c_str() + k_env.size()});
    }
    out.clear = [store = std::move(store)]() -> Task<Result<void>> { return clear(store); };
    return out;
}

Result<RehearsalInput> parse(const Options& options, const Context& context) {
    if (!options.playbook.empty() || !options.set.empty() || !options.probes) {
        return fail(
            Code::usage,
            "a local rehearsal uses its own playbook and lanes",
            std::string(names::local),
            Suggestion{"cutover rehearse", {"PLAYBOOK", names::set, "base_url=URL"}}
        );
    }
    RehearsalInput out;
    out.program = context.program;
    out.replay = options.replay;
    out.options = options.here;
    out.faults = options.faults;
    OA_TRY(out.shared, shared_store(options));
    OA_CHECK(playbook::check_faults(out.faults, playbook::local_rehearsal(out.options).stages));
    return out;
}

Result<void> refuse_local_options(const Options& options) {
    const bool local = options.here.bake || options.here.rate || !options.faults.empty() ||
                       !options.replay.empty() || options.replicas || !options.store.url.empty();
    return !local ? Result<void>{}
                  : fail(
                        Code::usage,
                        fmt::format(
                            "{}, {}, {}, {}, {} and {} are for a rehearsal on this machine",
                            k_inject.name,
                            k_bake.name,
                            k_rate.name,
                            k_replay.name,
                            k_replicas.name,
                            k_store.name
                        ),
                        std::string(names::local),
                        "or --set bake=30s, if the playbook has that variable"
                    );
}

Result<ExitCode> run_target_rehearsal(const Options& options, Context& context) {
    OA_CHECK(refuse_local_options(options));
    OA_TRY(auto input, target_run_input(options, playbook::k_rehearsed_kinds));
    return operate(context, Touches::nothing, playbook::rehearse_target, std::move(input), options);
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (!options.local) {
        return run_target_rehearsal(options, context);
    }
    OA_TRY(RehearsalInput input, parse(options, context));
    return operate(
        context, Touches::own_lanes, playbook::rehearse_local, std::move(input), options
    );
}

constexpr auto k_positionals =
    positionals<Options>(playbook_word(
                             "A playbook of kind cutover or rehearsal: a name or a file.",
                             playbook::k_rehearsed_kinds
    )
                             .optional());
constexpr auto k_options = options<Options>(
    k_set,
    k_no_probes,
    k_stated_budget,
    k_run_access,
    k_live,
    k_local,
    k_inject,
    k_bake,
    k_rate,
    k_replay,
    k_replicas,
    k_store,
    StoreOptionRows::user,
    StoreOptionRows::password,
    StoreOptionRows::ca_file,
    StoreOptionRows::prefix
);

} // namespace

const CommandSpec cutover_rehearse_command = command<run>({
    .path = "cutover rehearse",
    .summary =
        "Rehearse a cutover: read-only against the real target, or complete on this machine.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream cutover rehearse cutover.yaml --set base_url=https://chat.example.org",
            "oa-stream cutover rehearse --local",
            "oa-stream cutover rehearse --local --inject error-rate=0.2@25",
            "oa-stream cutover rehearse --local --replicas 2 --store redis://127.0.0.1:6379",
        },
    .leaves_run = true,
    .about =
        R"(Shows how a cutover would go without moving anybody's traffic. With a playbook and a real target it
reads, probes and judges the gates once, asks the traffic machinery whether each change would be
accepted, and writes nothing. With `--local` it runs the whole cutover on this machine: two lanes on
recorded turns behind a front door, every stage, every gate, and with `--inject` a failure and its
rollback. With `--store` stable and canary are several lanes each that share their turns. The rehearsal then
reads running answers through other lanes and compares their digests. It removes its keys from the store at
the end.

Each check shows whether it was `live`, `rehearsed`, `asserted` or `skipped`. Only live checks count for a
PASS.)",
    .also = "rehearse rehearsal canary dry-run demo simulate",
    .exits = exits::k_moves,
});

} // namespace oa_stream::cli
