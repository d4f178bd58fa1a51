#include "oa_stream/authority/capture.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lines.hpp"

#include "codex_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::authority {
namespace {

/// {"t":ms,"dir":"c2s|s2c|note|err","conn"?:"A","msg":…}
struct CaptureLine {
    double t_s = 0;
    std::string dir;
    std::string conn{}; ///< empty on stdio
    Json msg{};
};

[[nodiscard]] Result<CaptureLine> parse_line(std::string_view text) {
    OA_TRY(const Json json, parse_json(text));
    const auto t = int_member(json, "t");
    const auto dir = string_member(json, "dir");
    const Json* msg = member(json, "msg");
    if (!t || !dir || msg == nullptr) {
        return fail(Code::unreadable, "not a capture line: t, dir or msg is missing");
    }
    return CaptureLine{
        static_cast<double>(*t) / 1000.0,
        std::string(*dir),
        std::string(string_member(json, "conn").value_or("")),
        *msg
    };
}

[[nodiscard]] Result<std::vector<CaptureLine>> parse_lines(std::string_view text) {
    std::vector<CaptureLine> lines;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view row = cut_line(text);
        if (row.empty()) {
            continue;
        }
        auto line = parse_line(row);
        if (!line) {
            return fail(
                Code::unreadable, std::move(line).error().message, fmt::format("line {}", number)
            );
        }
        lines.push_back(*std::move(line));
    }
    return lines;
}

[[nodiscard]] bool
is_method(const CaptureLine& line, std::string_view dir, std::string_view method) {
    return line.dir == dir && string_member(line.msg, "method") == method;
}

/// Members along a path, nullptr when one is missing.
[[nodiscard]] const Json* dig(const Json& from, std::initializer_list<std::string_view> path) {
    const Json* at = &from;
    for (const std::string_view key : path) {
        at = at == nullptr ? nullptr : member(*at, key);
    }
    return at;
}
[[nodiscard]] std::string dig_text(const Json& from, std::initializer_list<std::string_view> path) {
    const Json* at = dig(from, path);
    return at != nullptr && at->is_string() ? at->get<std::string>() : std::string();
}

[[nodiscard]] std::string joined_input(const Json& msg) {
    std::string out;
    const Json* input = dig(msg, {"params", "input"});
    if (input == nullptr || !input->is_array()) {
        return out;
    }
    for (const Json& part : *input) {
        if (const auto text = string_member(part, "text")) {
            out.append(out.empty() ? "" : "\n").append(*text);
        }
    }
    return out;
}

/// Facts about the first turn/started, from the lines before it and the response next to it.
struct Opening {
    std::string conn, cwd;
    double accepted_s = 0;
};

[[nodiscard]] Opening
read_opening(const std::vector<CaptureLine>& lines, std::size_t started, Capture& capture) {
    Opening opening{lines[started].conn, "", lines[started].t_s};
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const CaptureLine& line = lines[i];
        if (line.dir == "s2c" && dig_text(line.msg, {"result", "turn", "id"}) == capture.turn) {
            opening.accepted_s = line.t_s;
            break;
        }
        if (line.dir == "s2c" && dig_text(line.msg, {"result", "thread", "id"}) == capture.thread) {
            capture.model = dig_text(line.msg, {"result", "model"});
            opening.cwd = dig_text(line.msg, {"result", "cwd"});
        }
        if (i < started && is_method(line, "c2s", "turn/start") &&
            dig_text(line.msg, {"params", "threadId"}) == capture.thread) {
            capture.prompt = joined_input(line.msg);
        }
    }
    return opening;
}

/// "app-server exited code=0 signal=null"
[[nodiscard]] bool is_exit(const CaptureLine& line) {
    return line.dir == "note" && line.msg.is_string() &&
           line.msg.get_ref<const std::string&>().starts_with("app-server exited");
}
[[nodiscard]] bool by_signal(const CaptureLine& line) {
    return line.msg.get_ref<const std::string&>().find("signal=null") == std::string::npos;
}

void translate(const std::vector<CaptureLine>& lines, const Opening& opening, Capture& capture) {
    CodexTranslator translator(capture.thread, capture.turn, {}, opening.cwd);
    std::vector<turn::Event> events;
    for (const CaptureLine& line : lines) {
        capture.eof_t_s = std::max(0.0, line.t_s - opening.accepted_s);
        if (is_exit(line) && !capture.events.empty()) {
            capture.killed = by_signal(line);
            break;
        }
        if (line.dir != "s2c" || line.conn != opening.conn || member(line.msg, "id") != nullptr) {
            continue;
        }
        translator.notification(line.msg, events);
        for (turn::Event& event : events) {
            if (auto* begun = std::get_if<turn::TurnStarted>(&event)) {
                begun->model = capture.model;
            }
            capture.events.push_back({capture.eof_t_s, std::move(event)});
        }
        events.clear();
        if (translator.ended()) {
            capture.eof_t_s = 0;
            return;
        }
    }
    capture.eof_before_end = true;
}

} // namespace

Result<Capture> parse_capture(std::string_view text, std::string name) {
    OA_TRY(const std::vector<CaptureLine> lines, parse_lines(text));
    const auto started = std::ranges::find_if(lines, [](const CaptureLine& line) {
        return is_method(line, "s2c", "turn/started");
    });
    if (started == lines.end()) {
        return fail(Code::not_found, "no turn was started in this capture");
    }
    Capture capture;
    capture.name = std::move(name);
    capture.thread = dig_text(started->msg, {"params", "threadId"});
    capture.turn = dig_text(started->msg, {"params", "turn", "id"});
    const auto index = static_cast<std::size_t>(started - lines.begin());
    const Opening opening = read_opening(lines, index, capture);
    translate(lines, opening, capture);
    return capture;
}

Result<Capture> read_capture(const std::filesystem::path& path) {
    OA_TRY(const std::string text, read_file(path));
    auto capture = parse_capture(text, path.stem().string());
    if (!capture) {
        return std::unexpected(std::move(capture).error().prefixed(path.filename().string()));
    }
    return capture;
}

} // namespace oa_stream::authority
