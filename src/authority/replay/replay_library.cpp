#include "replay_library.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_word = "replay:";

/// NAME of the first word replay:NAME; nullopt when there is none.
std::optional<std::string_view> asked_name(std::string_view prompt) {
    for (std::size_t at = prompt.find(k_word); at != std::string_view::npos;
         at = prompt.find(k_word, at + 1)) {
        if (at == 0 || std::string_view(" \t\r\n").contains(prompt[at - 1])) {
            const std::string_view rest = prompt.substr(at + k_word.size());
            return rest.substr(0, rest.find_first_of(" \t\r\n"));
        }
    }
    return std::nullopt;
}

bool worth_rotating(const Capture& capture) {
    if (capture.events.empty() || capture.eof_before_end) {
        return false;
    }
    const auto* end = std::get_if<turn::TurnEnded>(&capture.events.back().event);
    return end != nullptr && end->outcome == turn::Outcome::completed &&
           std::ranges::any_of(capture.events, [](const TimedEvent& timed) {
               return std::holds_alternative<turn::PartDelta>(timed.event);
           });
}

/// A part or a tool while it is collected, in the order of its opening.
struct Kept {
    std::vector<turn::Event> events{};
    std::string text{};
    bool whole = false;
};

struct Collector {
    std::vector<Kept> kept{};
    std::map<std::string, std::size_t, std::less<>> parts{}, tools{};

    Kept*
    find(const std::map<std::string, std::size_t, std::less<>>& where, const std::string& id) {
        const auto found = where.find(id);
        return found == where.end() ? nullptr : &kept[found->second];
    }
    void
    open(std::map<std::string, std::size_t, std::less<>>& where, std::string id, turn::Event e) {
        where[std::move(id)] = kept.size();
        kept.push_back(Kept{.events = {std::move(e)}});
    }
    void add_to_tool(const std::string& call, const turn::Event& event, bool last) {
        if (Kept* tool = find(tools, call); tool != nullptr && !tool->whole) {
            tool->events.push_back(event);
            tool->whole = last;
        }
    }

    void operator()(const turn::PartOpened& event) {
        if (event.kind == turn::PartKind::text) {
            open(parts, event.id, event);
        }
    }
    void operator()(const turn::PartDelta& event) {
        if (Kept* part = find(parts, event.id)) {
            part->text += event.text;
        }
    }
    void operator()(const turn::PartClosed& event) {
        if (Kept* part = find(parts, event.id); part != nullptr && !part->text.empty()) {
            part->events.emplace_back(turn::PartDelta{event.id, std::move(part->text)});
            part->events.emplace_back(event);
            part->whole = true;
        }
    }
    void operator()(const turn::ToolOpened& event) { open(tools, event.call, event); }
    void operator()(const turn::ToolInputReady& event) { add_to_tool(event.call, event, false); }
    void operator()(const turn::ToolOutput& event) { add_to_tool(event.call, event, true); }
    void operator()(const turn::ToolFailed& event) { add_to_tool(event.call, event, true); }
    void operator()(const auto&) {}
};

Result<std::vector<fs::path>> capture_files(const fs::path& directory) {
    std::error_code error;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        if (entry.path().extension() == ".jsonl") {
            files.push_back(entry.path());
        }
    }
    if (error) {
        return fail(Code::unreadable, error.message(), directory);
    }
    std::ranges::sort(files);
    return files;
}

} // namespace

std::vector<turn::Event> kept_events(const Capture& capture, std::size_t count) {
    Collector collector;
    for (std::size_t i = 0; i < std::min(count, capture.events.size()); ++i) {
        std::visit(collector, capture.events[i].event);
    }
    std::vector<turn::Event> out;
    for (Kept& kept : collector.kept) {
        if (kept.whole) {
            std::ranges::move(kept.events, std::back_inserter(out));
        }
    }
    return out;
}

ReplayLibrary::ReplayLibrary(std::vector<Capture> captures) {
    for (Capture& capture : captures) {
        all_.push_back(std::make_shared<const Capture>(std::move(capture)));
        if (worth_rotating(*all_.back())) {
            rotation_.push_back(all_.back());
        }
    }
}

Result<ReplayLibrary> ReplayLibrary::load(const fs::path& directory) {
    if (directory.empty()) {
        return ReplayLibrary(builtin_captures());
    }
    OA_TRY(const std::vector<fs::path> files, capture_files(directory));
    std::vector<Capture> captures;
    for (const fs::path& file : files) {
        auto capture = read_capture(file);
        if (capture) {
            captures.push_back(std::move(*capture));
        } else if (capture.error().code != Code::not_found) { // not_found: no turn in it
            return std::unexpected(std::move(capture).error());
        }
    }
    ReplayLibrary library(std::move(captures));
    if (library.rotation_.empty()) {
        return fail(
            Code::not_found,
            "no recording of a completed turn (*.jsonl) is here",
            directory,
            "record one with serve --record DIR, or leave --replay out for the built-in set"
        );
    }
    return library;
}

Recording ReplayLibrary::find(std::string_view name) const {
    const auto exact = std::ranges::find(all_, name, [](const auto& one) { return one->name; });
    if (exact != all_.end()) {
        return *exact;
    }
    for (const Recording& recording : all_) {
        const std::string_view whole = recording->name;
        const std::size_t dash = whole.find('-');
        const bool number = dash != std::string_view::npos && whole.substr(0, dash) == name;
        const bool title = dash != std::string_view::npos && whole.substr(dash + 1) == name;
        if (number || title) {
            return recording;
        }
    }
    return nullptr;
}

Result<Recording> ReplayLibrary::choose(std::string_view prompt) {
    if (const auto name = asked_name(prompt)) {
        if (Recording found = find(*name)) {
            return found;
        }
        return fail(
            Code::precondition, fmt::format("no recording is named '{}'", printable(*name, 60))
        );
    }
    return rotation_[next_++ % rotation_.size()];
}

} // namespace oa_stream::authority
