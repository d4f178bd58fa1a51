// Codex children of owners, who share places and one loop.
#include "../fake_stage.hpp"

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
            {.work_template = folder.path() / "work/{owner}", .most = most_children}
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
        return folder.path() / "state/codex/owners" / owner;
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
