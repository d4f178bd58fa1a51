// A small lane that keeps the contract, and hooks to break it in one way at a time.
#pragma once

#include "frames.hpp"
#include "raw_server.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace oa_stream::probe::test {

class FakeLane {
public:
    explicit FakeLane(const asio::any_io_executor& executor);

    // What it is.
    std::string authority =
        "replay"; ///< a name or an object; empty: no /version, a lane of another make
    std::string token = "token-of-the-fake-lane"; ///< empty: demands none
    bool compat_required = true;
    Millis pace{0}; ///< between the words of an answer

    // How it breaks. Each gets what the good lane would do.
    std::function<std::string(std::string)> frames{};        ///< the body of an answer
    std::function<std::string(std::string)> head{};          ///< its head
    std::function<Script(Script)> script{};                  ///< the whole writing of an answer
    std::function<Script(const RawRequest&, Script)> reply{}; ///< any other answer
    std::string run_status{}; ///< of every turn in the list of runs; empty: the true one
    bool busy_again = false; ///< a second message on a thread is 409 for ever
    std::set<int> forgets{}; ///< refusals it does not make: 401, 415, 400, 422, 426

    [[nodiscard]] const RawServer& server() const { return *server_; }
    [[nodiscard]] std::string url() const { return server_->url(); }
    void stop_listening() { server_->stop_listening(); }
    std::vector<std::string> threads{}; ///< of the turns begun, in order
    /// Conversations that it would list.
    [[nodiscard]] std::size_t kept() const { return turns_.size(); }

private:
    struct Turn {
        std::string id;
        std::string thread;
        std::string prompt;
        std::string text;
        std::string body;
        bool stopped = false;
        bool ended = false; ///< told to its end
    };
    [[nodiscard]] Script answer(const RawRequest& request);
    [[nodiscard]] Script other(const RawRequest& request);
    [[nodiscard]] std::optional<Script> refuse(const RawRequest& request) const;
    [[nodiscard]] Script start(const RawRequest& request);
    [[nodiscard]] Script play(const std::shared_ptr<Turn>& turn) const;
    [[nodiscard]] Script runs(const std::string& thread) const;
    [[nodiscard]] Script remove(const std::string& thread);
    [[nodiscard]] Script messages(const std::string& thread) const;
    [[nodiscard]] std::string head_of(const Turn& turn) const;

    std::map<std::string, std::shared_ptr<Turn>> turns_{}; ///< newest of each thread
    std::map<std::string, std::vector<std::shared_ptr<Turn>>> runs_{}; ///< all, oldest first
    std::unique_ptr<RawServer> server_;
};

/// {"message","error":{"code","message"}} and more members.
[[nodiscard]] std::string envelope(std::string_view code, std::string_view more = "");

} // namespace oa_stream::probe::test
