// Codex children of owners, who share places and one loop.
#include "../../support/loop_watch.hpp"
#include "../fake_stage.hpp"
#include "codex/process/codex_home.hpp"

#include <fstream>

using namespace oa_test;

namespace {

namespace fs = std::filesystem;

struct OwnerStage : FakeStage {
    explicit OwnerStage(std::size_t most) : most_children(most) {
        options.program = OA_FAKE_THREADS;
    }
    OwnerStage& opened() {
        authority = make_codex_owner_pool(
            io.get_executor(),
            options,
            {.work_template = folder.path / "work/{owner}", .most = most_children}
        );
        must(run(io, authority->open()));
        return *this;
    }
    static TurnRequest of(std::string owner, std::string prompt) {
        TurnRequest request = ask(std::move(prompt));
        request.owner = std::move(owner);
        return request;
    }
    [[nodiscard]] fs::path folder_of(const std::string& owner) const {
        return folder.path / "state/codex/owners" / owner;
    }
    /// How often a Codex was started for the owner.
    [[nodiscard]] std::size_t starts(const std::string& owner) const {
        const auto all = read_file(folder_of(owner) / "home/received.jsonl").value_or("");
        std::size_t count = 0;
        for (auto at = all.find("\"initialize\""); at != std::string::npos;
             at = all.find("\"initialize\"", at + 1)) {
            ++count;
        }
        return count;
    }
    std::size_t most_children;
};

using Outcomes = std::shared_ptr<std::vector<std::string>>;

Task<void> play_into(Authority* codex, TurnRequest request, Outcomes outcomes) {
    auto turn = co_await codex->start(std::move(request));
    outcomes->push_back(turn ? (co_await drain(turn->get())).outcome() : turn.error().message);
}

} // namespace

TEST_CASE("codex owners: requests that come while a place becomes free wait for it") {
    OwnerStage stage(2);
    stage.opened();
    const auto busy = GENERATE(true, false);
    CAPTURE(busy);
    CHECK(stage.play(OwnerStage::of("anna", "hello")).outcome() == "completed");
    stage.last.reset();
    auto other = must(stage.start(OwnerStage::of("bert", busy ? "stall" : "hello")));
    if (!busy) {
        run(stage.io, drain(other.get()));
        other.reset();
    }
    const auto outcomes = std::make_shared<std::vector<std::string>>();
    for (int i = 0; i < 2; ++i) {
        asio::co_spawn(
            stage.io,
            play_into(stage.authority.get(), OwnerStage::of("carla", "hello"), outcomes),
            asio::detached
        );
    }
    stage.until([&] { return outcomes->size() == 2; });
    CHECK(*outcomes == std::vector<std::string>{"completed", "completed"});
    // One place was needed, so one child was ended.
    other.reset();
    CHECK(stage.play(OwnerStage::of("bert", "more")).outcome() == "completed");
    CHECK(stage.starts("bert") == 1);
    stage.last.reset();
}

TEST_CASE("codex owners: a look at what all of them left lets others have their turn") {
    OwnerStage stage(2);
    constexpr int k_owners = 3'000;
    for (int i = 0; i < k_owners; ++i) {
        const fs::path day = stage.folder_of(fmt::format("o{}", i)) / "home/sessions/2026/11/28";
        fs::create_directories(day);
        std::ofstream(day / "rollout-2026-11-28T00-00-00-x.jsonl") << "{}\n";
    }
    stage.options.deadlines.keep_threads = Millis(2'000); // looks each half a second
    stage.opened();
    const oa_stream::test::LoopWatch watch(stage.io);
    const auto until = Clock::now() + Millis(1'200);
    stage.until([&] { return Clock::now() >= until; });
    const double before = oa_stream::test::thread_cpu_seconds();
    std::size_t files = 0;
    for (int i = 0; i < k_owners; ++i) {
        for (const auto& one :
             fs::recursive_directory_iterator(stage.folder_of(fmt::format("o{}", i)))) {
            files += one.is_regular_file() ? 1 : 0;
        }
    }
    const double a_look = oa_stream::test::thread_cpu_seconds() - before;
    CAPTURE(files, a_look);
    CHECK(watch.longest_s() < std::max(0.05, a_look / 4)); // where files are slow, a look is, too
}

TEST_CASE("codex: others have their turn while what a former child left is removed") {
    Folder folder;
    const fs::path tmp = folder.path / "tmp";
    for (int i = 0; i < 4'000; ++i) {
        const fs::path place = tmp / fmt::format("d{}/inner", i % 200);
        fs::create_directories(place);
        std::ofstream(place / fmt::format("f{}", i)) << "x";
    }
    fs::create_directory(folder.path / "kept");
    std::ofstream(folder.path / "kept/file") << "x";
    fs::create_directory_symlink(folder.path / "kept", tmp / "link");
    asio::io_context io;
    std::size_t turns = 0;
    asio::co_spawn(
        io,
        [](std::size_t* count) -> Task<void> {
            while (co_await sleep_for(Millis(0))) {
                ++*count;
            }
        }(&turns),
        asio::detached
    );
    run(io, empty_folder(tmp));
    CHECK(turns >= 8);
    CHECK(fs::is_empty(tmp));
    CHECK(fs::exists(folder.path / "kept/file")); // a link is not followed
}
