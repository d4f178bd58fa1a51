#include "haproxy_rig.hpp"

#include "oa_stream/base/file.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

namespace oa_stream::traffic::testing {
namespace {

struct Row {
    std::string name;
    unsigned weight = 0;
    unsigned admin = 0;
};

std::vector<Row> rows_of(const std::string& state) {
    std::vector<Row> out;
    std::istringstream lines(state);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string skip;
        Row row;
        if (words >> skip >> skip >> skip >> row.name >> skip >> skip >> row.admin >> row.weight) {
            out.push_back(row);
        }
    }
    return out;
}

std::string address_of(const FakeBackend& backend) {
    return backend.url().substr(std::string_view("http://").size());
}

} // namespace

std::filesystem::path haproxy_program() {
    const char* given = std::getenv("OA_PROXIES");
    for (const std::filesystem::path& folder :
         {std::filesystem::path(given == nullptr ? "" : given),
          std::filesystem::path(OA_SOURCE_DIR) / ".cache/proxies/usr/sbin",
          std::filesystem::path("/usr/sbin"),
          std::filesystem::path("/usr/local/sbin")}) {
        if (!folder.empty() && std::filesystem::exists(folder / "haproxy")) {
            return folder / "haproxy";
        }
    }
    throw std::runtime_error("there is no haproxy here: ./dev unit unpacks one");
}

HaproxyRig::HaproxyRig(HaproxyRigOptions options)
    : options_(std::move(options)), client_(net::HttpClient::make(io_.get_executor())),
      stable_(std::make_unique<FakeBackend>(io_.get_executor(), "stable")),
      canary_(std::make_unique<FakeBackend>(io_.get_executor(), "canary")) {
    canary_->answer = [this](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        const bool check = exchange->request().path == "/readyz";
        net::Response response{check && !canary_healthy_ ? 503 : 200, {}, "canary"};
        (void)co_await exchange->respond(std::move(response));
    };
    relay_ = std::make_unique<FaultRelay>(
        io_,
        (folder_ / "relay.sock").string(),
        (folder_ / "admin.sock").string(),
        [](std::string_view request) { return request.find("set server") != std::string::npos; }
    );
    write_config();
    start();
}

HaproxyRig::~HaproxyRig() {
    stop();
}

void HaproxyRig::write_config() {
    const std::string check = options_.checked ? "check inter 50ms fall 1 rise 1" : "";
    const std::string saved =
        options_.state_file.empty() ? "" : "  server-state-file " + options_.state_file + "\n";
    const std::string load =
        options_.state_file.empty() ? "" : "  load-server-state-from-file global\n";
    const std::string text = fmt::format(
        R"(global
  stats socket {0}/admin.sock mode 600 level admin
  stats socket {0}/user.sock mode 600 level user
  maxconn 200
{7}defaults
  mode http
{8}  option http-no-delay
  option redispatch
  retries 1
  timeout connect 1s
  timeout check 5s
  timeout client 10s
  timeout server 10s
frontend chat
  bind unix@{0}/front.sock
  default_backend chat
backend chat
  balance {1}
  option httpchk GET /readyz
{2}  server stable {3} {4} {9}
  server canary {5} {6} {9}
backend other
  server stable 127.0.0.1:1
)",
        folder_.string(),
        options_.balance,
        options_.more,
        address_of(*stable_),
        options_.stable,
        address_of(*canary_),
        options_.canary,
        saved,
        load,
        check
    );
    REQUIRE(write_file_atomic(folder_ / "haproxy.cfg", text).has_value());
}

void HaproxyRig::start() {
    ChildOptions child;
    child.program = haproxy_program();
    child.args = {"-db", "-f", (folder_ / "haproxy.cfg").string()};
    child.pipe_stdout = false;
    child.pipe_stderr = false;
    auto started = Child::start(io_.get_executor(), std::move(child));
    INFO((started ? "" : started.error().text()));
    REQUIRE(started.has_value());
    child_ = *std::move(started);
    run_until([&] {
        if (child_->exited()) {
            throw std::runtime_error("haproxy ended: " + child_->exited()->text());
        }
        return !command("show info").empty();
    });
    if (options_.checked) {
        run_until([&] { return command("show stat -1 4 -1").find("UP") != std::string::npos; });
    }
}

void HaproxyRig::stop() {
    if (child_) {
        child_->signal(SIGKILL);
        (void)get(child_->wait());
        child_.reset();
    }
    std::filesystem::remove(folder_ / "admin.sock");
}

void HaproxyRig::reload() {
    stop();
    start();
}

HaproxyDriverOptions HaproxyRig::driver_options() const {
    return {
        .socket = relay_->path(),
        .backend = "chat",
        .servers = {{"stable", "stable"}, {"canary", "canary"}},
        .state_file = options_.state_file,
        .call_timeout = Millis(500)
    };
}

std::unique_ptr<TrafficDriver> HaproxyRig::driver() {
    return make_haproxy_driver(driver_options());
}

std::string HaproxyRig::command(std::string_view line) {
    asio::local::stream_protocol::socket socket(io_);
    boost::system::error_code error;
    socket.connect((folder_ / "admin.sock").string(), error);
    if (error) {
        return {};
    }
    asio::write(socket, asio::buffer(std::string(line) + "\n"), error);
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    return answer;
}

net::ClientResponse HaproxyRig::request(std::string_view path) {
    net::ClientRequest request;
    request.url = "http://front" + std::string(path);
    request.unix_socket = (folder_ / "front.sock").string();
    return get(client_->fetch(std::move(request)));
}

void HaproxyRig::operator_sets(int canary) {
    const std::string answer = command(fmt::format(
        "set server chat/stable weight {};set server chat/canary weight {}", 100 - canary, canary
    ));
    REQUIRE(answer == "\n\n");
}

int HaproxyRig::canary_percent() {
    unsigned sum = 0;
    unsigned canary = 0;
    for (const Row& row : rows_of(command("show servers state chat"))) {
        const unsigned weight = (row.admin & ~4U) == 0 ? row.weight : 0;
        sum += weight;
        canary += row.name == "canary" ? weight : 0;
    }
    return sum == 0 ? 0 : static_cast<int>(100 * canary / sum);
}

std::string HaproxyRig::setting() {
    std::string out;
    for (const Row& row : rows_of(command("show servers state chat"))) {
        out += fmt::format("{} {} {}\n", row.name, row.weight, row.admin);
    }
    return out;
}

void HaproxyRig::trouble(Trouble trouble) {
    const bool denied = trouble == Trouble::denied;
    relay_->forward_to((folder_ / (denied ? "user.sock" : "admin.sock")).string());
    relay_->trouble(denied ? Trouble::none : trouble);
}

void HaproxyRig::canary_ready(bool ready) {
    canary_healthy_ = ready;
}

bool HaproxyRig::odd_setting() {
    command("set server chat/stable weight 40;set server chat/canary weight 10");
    return true;
}

} // namespace oa_stream::traffic::testing
