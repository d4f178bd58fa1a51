// The command driver under the rules of every driver.
#include "command_rig.hpp"

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;
namespace fs = std::filesystem;

namespace {

class CommandMachinery final : public Machinery {
public:
    explicit CommandMachinery(bool etags) {
        Json state;
        state["weights"] = {{"stable", 100}, {"canary", 0}};
        state["pending"] = nullptr;
        state["version"] = 1;
        state["ready"] = true;
        state["etags"] = etags;
        save(state);
        link();
    }
    [[nodiscard]] asio::io_context& io() override { return io_; }
    [[nodiscard]] std::unique_ptr<TrafficDriver> driver() override {
        const auto argv = [&](std::string_view call) {
            return std::vector<std::string>{
                (folder_.path / "program").string(), folder_.path.string(), std::string(call)
            };
        };
        return make_command_driver(
            io_.get_executor(),
            {.read = argv("read"),
             .set = argv("set"),
             .preview = argv("preview"),
             .revisions = {"stable", "canary"},
             .timeout = Millis(10000)}
        );
    }
    void operator_sets(int canary_percent) override {
        Json state = load();
        state["weights"] = {{"stable", 100 - canary_percent}, {"canary", canary_percent}};
        state["version"] = state["version"].get<int>() + 1;
        save(state);
    }
    [[nodiscard]] int canary_percent() override {
        const Json weights = load()["weights"];
        const int canary = weights["canary"].get<int>();
        return canary * 100 / (canary + weights["stable"].get<int>());
    }
    [[nodiscard]] std::string setting() override {
        const Json weights = load()["weights"];
        return dump_json({{"stable", weights["stable"]}, {"canary", weights["canary"]}});
    }
    [[nodiscard]] std::size_t writes() override { return folder_.text("writes").size(); }
    void trouble(Trouble trouble) override {
        static constexpr std::array<std::string_view, 7> words{
            "", "gone", "silent", "garbage", "half_answer", "lost_answer", "lost_request"
        };
        const auto index = static_cast<std::size_t>(trouble);
        folder_.write("trouble", index < words.size() ? words[index] : "denied");
        fs::remove(folder_.path / "program");
        if (trouble != Trouble::gone) {
            link();
        }
    }
    void canary_ready(bool ready) override {
        Json state = load();
        state["ready"] = ready;
        save(state);
    }
    [[nodiscard]] bool odd_setting() override {
        Json state = load();
        state["weights"] = {{"stable", 40}, {"canary", 10}};
        save(state);
        return true;
    }
    [[nodiscard]] bool can_hold() const override { return true; }
    void hold(bool held) override {
        if (held) {
            return folder_.write("hold", "");
        }
        fs::remove(folder_.path / "hold");
        Json state = load();
        state["weights"] = state["pending"];
        state["pending"] = nullptr;
        save(state);
    }

private:
    [[nodiscard]] Json load() const { return *parse_json(folder_.text("state.json")); }
    void save(const Json& state) const { folder_.write("state.json", dump_json(state)); }
    void link() const { fs::create_symlink(OA_SPLIT_PROGRAM, folder_.path / "program"); }

    Folder folder_;
    asio::io_context io_;
};

} // namespace

TEST_CASE("command driver: keeps the rules of every driver") {
    check_conformance([] { return std::make_unique<CommandMachinery>(true); });
}

TEST_CASE("command driver: keeps them without etags of the programs' own") {
    check_conformance([] { return std::make_unique<CommandMachinery>(false); });
}
