// The strict fake of the Admin API and of the metadata server, over real HTTP on loopback; one for
// unit tests (in the test's own loop) and, as a program, for end-to-end tests.
#pragma once

#include "cloud_run_model.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::traffic::testing {

/// What is wrong with an answer.
struct Fault {
    enum class End { whole, half, drop, hang };

    std::string on =
        "any"; ///< "service", "revision", "operation", "patch", "token", "get" or "any"
    int skip = 0;           ///< so many fitting requests go through first
    int times = 1;          ///< then so many are hit; -1: all
    bool apply = false;     ///< a write is carried out nevertheless
    End end = End::whole;
    int status = 0; ///< 0: the honest answer (for half, drop and hang)
    std::string body{};
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers{}; ///< Retry-After and the like
    int then_operator = -1; ///< before anything else another operator gives the canary so much
};

/// From JSON: members as above, `end` by its word, `headers` an object.
[[nodiscard]] Result<Fault> fault_of(const Json& json);

struct Seen {
    std::string method;
    std::string what; ///< as Fault::on
    std::string target;
    int status = 0; ///< 0: no answer
    std::string body{};
};

class CloudRunFake {
public:
    CloudRunFake(asio::io_context& io, CloudRunModel::Place place = {});
    ~CloudRunFake();
    CloudRunFake(const CloudRunFake&) = delete;
    CloudRunFake& operator=(const CloudRunFake&) = delete;

    [[nodiscard]] std::string url() const; ///< http://127.0.0.1:port

    CloudRunModel model;
    std::deque<Fault> faults{};
    std::set<std::string> tokens{"token-1"}; ///< those that are accepted
    std::string next_token = "token-1";      ///< what the metadata server gives
    int expires_in = 3600;
    std::vector<Seen> seen{};

    [[nodiscard]] int count(std::string_view what) const; ///< requests seen, as Fault::on
    /// What is served below /_fake/ of the program: state, faults, another operator.
    [[nodiscard]] ApiAnswer control(std::string_view method, std::string_view path, const Json& in);

    struct Call;
    struct Reply;

private:
    struct Door;
    [[nodiscard]] Reply answer(const Call& call);
    [[nodiscard]] Reply honest(const Call& call, std::string_view what);
    [[nodiscard]] Reply token(const Call& call);
    [[nodiscard]] Fault* fault_for(std::string_view what);
    [[nodiscard]] Json state();

    std::shared_ptr<Door> door_;
};

} // namespace oa_stream::traffic::testing
