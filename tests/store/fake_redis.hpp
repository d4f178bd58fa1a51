// A server that says what a real one seldom says: scripted, and strict. What no test has scripted
// is answered as Redis 7.0 answers a lane that opens its store; anything else fails the test.
#pragma once

#include "resp.hpp"
#include "store_loop.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::test {

// Answers as they are sent.
[[nodiscard]] std::string bulk(std::string_view text);
[[nodiscard]] std::string list(const std::vector<std::string>& items); ///< of answers
[[nodiscard]] std::string words(const std::vector<std::string>& items); ///< of texts
[[nodiscard]] std::string error(std::string_view text);
[[nodiscard]] std::string
info(std::string_view name, std::string_view value); ///< one line is another
inline const std::string k_nil = "$-1\r\n";
inline const std::string k_nil_list = "*-1\r\n";
inline const std::string k_one = ":1\r\n";

class FakeRedis {
public:
    enum class Then {
        stay,
        close,
        stall, ///< nothing is answered on this connection any more
    };
    struct Answer {
        Answer(std::string text, Then after = Then::stay) : then(after) {
            pieces.push_back(std::move(text));
        }
        Answer(std::vector<std::string> all, Then after) : pieces(std::move(all)), then(after) {}
        std::vector<std::string> pieces; ///< a write each
        Then then;
    };

    explicit FakeRedis(asio::io_context& context);
    FakeRedis(const FakeRedis&) = delete;
    FakeRedis& operator=(const FakeRedis&) = delete;
    ~FakeRedis();

    // A command's name is its first word, with the second one for those that need it ("SCRIPT
    // LOAD"); a script's is its own ("acquire"), and of what tries the user's rights "probe GET".

    /// To the next such command that has no answer yet; each must come.
    void next(const std::string& name, Answer answer);
    void always(const std::string& name, Answer answer);
    void as_usual(const std::string& name); ///< always() is over
    /// Said on each new connection, before it is asked anything.
    void welcome(Answer answer);

    [[nodiscard]] std::string address() const; ///< host:port
    [[nodiscard]] std::string port() const;
    [[nodiscard]] std::size_t dialled() const; ///< connections that were made, ever
    [[nodiscard]] std::vector<store::Command> said(const std::string& name) const;
    /// What came unexpected, and what was expected and did not come.
    [[nodiscard]] std::vector<std::string> surprises() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// A store on such a server.
class FakeRig : public StoreLoop {
public:
    FakeRig() = default;
    ~FakeRig();
    FakeRig(const FakeRig&) = delete;
    FakeRig& operator=(const FakeRig&) = delete;

    [[nodiscard]] store::StoreOptions options() const;
    store::Store& open(std::optional<store::StoreOptions> with = {});
    [[nodiscard]] Error refused(std::optional<store::StoreOptions> with = {});
    /// The connection was left, and another one made.
    void dialled_anew(std::size_t before);

    FakeRedis redis{context};
    std::unique_ptr<store::Store> store{};

private:
    std::size_t greeted_ = 0; ///< connections that asked all that a new one asks
};

} // namespace oa_stream::test
