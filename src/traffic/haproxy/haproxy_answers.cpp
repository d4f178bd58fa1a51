#include "haproxy_answers.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::traffic {
namespace {

// srv_admin_state. 0x04 (disabled in the file) is only history: it stays set after `state ready`.
constexpr unsigned k_maint_bits = 0x01U | 0x02U | 0x20U | 0x40U; // set, inherited, no address (2)
constexpr unsigned k_drain_bits = 0x08U | 0x10U; // set, inherited

constexpr std::array<std::string_view, 3> k_rotations{"ready", "drain", "maint"};

std::unexpected<Error> nonsense(std::string_view what) {
    return fail(
        Code::protocol,
        fmt::format("HAProxy's answer makes no sense: {}", printable(what)),
        {},
        "is this the stats socket of HAProxy 2.6 or later?"
    );
}

/// The text before the next empty line, which ends every answer.
std::optional<std::string_view> next_answer(std::string_view& rest) {
    const auto end = rest.find("\n\n");
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view out = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    return out;
}

constexpr auto number = number_of<std::int64_t>;

/// Rows by column name, because number and order of columns depend on version and build.
class Table {
public:
    Table(std::string_view heading, char by) : columns_(pieces_of(heading, by)) {}

    [[nodiscard]] std::string_view
    cell(const std::vector<std::string_view>& row, std::string_view column) const {
        const auto found = std::ranges::find(columns_, column);
        const auto at = static_cast<std::size_t>(found - columns_.begin());
        return found == columns_.end() || at >= row.size() ? std::string_view{} : row[at];
    }
    [[nodiscard]] const std::vector<std::string_view>& columns() const { return columns_; }

private:
    std::vector<std::string_view> columns_;
};

Result<HaproxyProcess> parse_info(std::string_view answer) {
    std::map<std::string_view, std::string_view> fields;
    for (const std::string_view line : pieces_of(answer, '\n')) {
        const auto colon = line.find(": ");
        if (colon != std::string_view::npos) {
            fields[line.substr(0, colon)] = line.substr(colon + 2);
        }
    }
    const auto pid = number(fields["Pid"]);
    const auto uptime = number(fields["Uptime_sec"]);
    if (fields["Name"] != "HAProxy" || !pid || !uptime) {
        return nonsense(answer);
    }
    HaproxyProcess out;
    out.version = fields["Version"];
    out.pid = *pid;
    out.uptime_s = *uptime;
    out.started_s = number(fields["Start_time_sec"]).value_or(0);
    return out;
}

Rotation rotation_of(unsigned admin) {
    if ((admin & k_maint_bits) != 0) {
        return Rotation::maint;
    }
    return (admin & k_drain_bits) != 0 ? Rotation::drain : Rotation::ready;
}

/// The servers of one backend; others are skipped.
Result<std::vector<HaproxyFacts>> parse_servers(std::string_view answer, std::string_view backend) {
    const auto lines = pieces_of(answer, '\n');
    if (lines.size() < 2 || lines[0] != "1" || !lines[1].starts_with("# ")) {
        return nonsense(answer);
    }
    const Table table(lines[1].substr(2), ' ');
    std::vector<HaproxyFacts> out;
    for (std::size_t i = 2; i < lines.size(); ++i) {
        const auto row = pieces_of(lines[i], ' ');
        if (table.cell(row, "be_name") != backend) {
            continue;
        }
        const auto admin = number(table.cell(row, "srv_admin_state"));
        const auto weight = number(table.cell(row, "srv_uweight"));
        const auto initial = number(table.cell(row, "srv_iweight"));
        const auto port = number(table.cell(row, "srv_port"));
        const auto in_range = [](const auto& value, std::int64_t most) {
            return value && *value >= 0 && *value <= most;
        };
        if (!in_range(admin, 0xffff) || !in_range(weight, 256) || !in_range(initial, 256)) {
            return nonsense(lines[i]);
        }
        HaproxyFacts server;
        server.name = table.cell(row, "srv_name");
        server.address = table.cell(row, "srv_addr");
        server.port =
            in_range(port, 65535) ? static_cast<std::uint16_t>(port.value_or(0)) : std::uint16_t{0};
        server.tls = table.cell(row, "srv_use_ssl") == "1";
        server.rotation = rotation_of(static_cast<unsigned>(admin.value_or(0)));
        server.weight = static_cast<unsigned>(weight.value_or(0));
        server.initial = static_cast<unsigned>(initial.value_or(0));
        out.push_back(std::move(server));
    }
    return out;
}

void add_counters(
    HaproxyFacts& server, const Table& table, const std::vector<std::string_view>& row
) {
    server.status = table.cell(row, "status");
    server.check_status = table.cell(row, "check_status");
    server.backup = table.cell(row, "bck") == "1";
    server.throttle = static_cast<int>(number(table.cell(row, "throttle")).value_or(100));
    for (std::size_t i = 0; i < row.size() && i < table.columns().size(); ++i) {
        if (const auto value = number(row[i])) {
            server.counters[std::string(table.columns()[i])] = *value;
        }
    }
}

/// `show stat`: CSV without a comma, quote or line break in any value that is used here.
Result<void> parse_stat(std::string_view answer, std::string_view backend, HaproxySnapshot& out) {
    const auto lines = pieces_of(answer, '\n');
    if (!lines[0].starts_with("# pxname,svname,")) {
        return nonsense(answer);
    }
    const Table table(lines[0].substr(2), ',');
    std::size_t known = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const auto row = pieces_of(lines[i], ',');
        const std::string_view name = table.cell(row, "svname");
        if (table.cell(row, "pxname") != backend) {
            continue;
        }
        if (name == "BACKEND") {
            out.algorithm = table.cell(row, "algo");
            out.persistence = table.cell(row, "cookie");
            continue;
        }
        const auto server = std::ranges::find(out.servers, name, &HaproxyFacts::name);
        if (server == out.servers.end()) {
            return nonsense(lines[i]);
        }
        add_counters(*server, table, row);
        ++known;
    }
    if (known != out.servers.size()) {
        return nonsense("show stat and show servers state name different servers");
    }
    return {};
}

std::string on_one_line(std::string_view text) {
    std::vector<std::string_view> words;
    for (const std::string_view line : pieces_of(text, '\n')) {
        if (const auto piece = trim(line); !piece.empty()) {
            add_once(words, piece);
        }
    }
    return printable(fmt::format("{}", fmt::join(words, " ")), 300);
}

} // namespace

std::string_view to_string(Rotation rotation) noexcept {
    return enum_word<Rotation::maint>(k_rotations, rotation);
}

std::optional<Rotation> parse_rotation(std::string_view word) noexcept {
    return enum_value<Rotation>(k_rotations, word);
}

bool HaproxyFacts::up() const noexcept {
    return rotation == Rotation::ready && (status.starts_with("UP") || status == "no check");
}

bool HaproxyFacts::failed() const noexcept {
    return status.starts_with("DOWN");
}

std::int64_t HaproxyFacts::count(std::string_view column) const noexcept {
    const auto found = counters.find(column);
    return found == counters.end() ? 0 : found->second;
}

const HaproxyFacts* HaproxySnapshot::find(std::string_view server) const noexcept {
    return find_or_null(servers, server, &HaproxyFacts::name);
}

std::string snapshot_command(std::string_view backend) {
    // 6: servers and backends. Of all proxies: by its name a frontend called alike would be found.
    return fmt::format("show cli level;show info;show servers state {};show stat -1 6 -1", backend);
}

Result<HaproxySnapshot> parse_snapshot(std::string_view answer, std::string_view backend) {
    std::string_view rest = answer;
    const auto level = next_answer(rest);
    const auto info = next_answer(rest);
    const auto servers = next_answer(rest);
    const auto stat = next_answer(rest);
    if (servers && *servers == "Can't find backend.") {
        return fail(Code::precondition, fmt::format("HAProxy has no backend '{}'", backend));
    }
    if (!level || !info || !servers || !stat) {
        return nonsense(answer.empty() ? "nothing" : answer);
    }
    HaproxySnapshot out;
    OA_TRY(out.process, parse_info(*info));
    out.process.level = on_one_line(*level);
    OA_TRY(out.servers, parse_servers(*servers, backend));
    OA_CHECK(parse_stat(*stat, backend, out));
    return out;
}

Result<HaproxyWritten> parse_written(std::string_view answer, std::string_view backend) {
    const auto begin = answer.find("Name: HAProxy\n");
    if (begin == std::string_view::npos) {
        return nonsense(answer.empty() ? "nothing" : answer);
    }
    HaproxyWritten out;
    out.complaint = on_one_line(answer.substr(0, begin));
    std::string_view rest = answer.substr(begin);
    const auto info = next_answer(rest);
    const auto state = next_answer(rest);
    if (!info || !state) {
        return nonsense("it breaks off");
    }
    OA_TRY(out.process, parse_info(*info));
    OA_TRY(const auto servers, parse_servers(*state, backend));
    out.state = std::string(*state) + "\n";
    for (const HaproxyFacts& server : servers) {
        out.servers[server.name] = {server.weight, server.rotation};
    }
    return out;
}

} // namespace oa_stream::traffic
