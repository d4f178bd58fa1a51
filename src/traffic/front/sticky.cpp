#include "sticky.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace oa_stream::traffic {
namespace {

/// No lane accepts a longer id; a body may contain megabytes, which would be kept for each of many
/// threads.
constexpr std::size_t k_longest_id = 128;

std::vector<std::string_view> segments(std::string_view path) {
    std::vector<std::string_view> out;
    while (!path.empty()) {
        path.remove_prefix(path.front() == '/' ? 1 : 0);
        const auto end = path.find('/');
        out.push_back(path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
    }
    return out;
}

/// The {id} of a path that contains one.
std::string_view id_in(const std::vector<std::string_view>& parts) {
    if (parts.size() >= 3 && parts[1] == "chats") {
        return parts[2];
    }
    if (parts.size() == 4 && parts[1] == "chat" && parts[3] == "stream") {
        return parts[2];
    }
    if (parts.size() == 5 && parts[1] == "chat" && parts[2] == "stream" && parts[4] == "stream") {
        return parts[3];
    }
    return {};
}

bool starts_turn(const std::vector<std::string_view>& parts) {
    const bool chat = parts.size() >= 2 && parts[0] == "api" && parts[1] == "chat";
    return chat && (parts.size() == 2 || (parts.size() == 3 && parts[2] == "stream"));
}

/// A history may be megabytes long, and parsing it delays every stream of the door.
ThreadRef turn_in(std::string_view body) {
    std::array<std::string, k_thread_names.size()> ids;
    bool answers = false; // the last of `messages` is the assistant's …
    std::optional<bool> lone_answers; // … or the member beside them, which takes precedence
    const auto outer = [&](std::string_view name, std::string_view text) {
        const auto known = std::ranges::find(k_thread_names, name);
        if (known != k_thread_names.end()) {
            ids[static_cast<std::size_t>(known - k_thread_names.begin())] = trim(text);
        } else if ((name == "text" || name == "message") && !trim(text).empty()) {
            lone_answers = false;
        }
    };
    const auto is_answer = [](std::string_view name, std::string_view text, bool before) {
        return name == "role" ? iequals(text, "assistant") : before;
    };
    const std::array inner{
        SkimInner{
            "messages",
            [&](std::string_view name, std::string_view text) {
                answers = is_answer(name, text, answers);
            }
        },
        SkimInner{
            "message",
            [&](std::string_view name, std::string_view text) {
                lone_answers = is_answer(name, text, lone_answers.value_or(false));
            }
        },
    };
    if (!skim_json(body, outer, inner)) {
        return {.thread = {}, .new_turn = true};
    }
    const auto first = std::ranges::find_if(ids, [](const auto& id) { return !id.empty(); });
    const bool live = lone_answers.value_or(answers);
    return {
        .thread = first == ids.end() ? std::string() : *first, .live_turn = live, .new_turn = !live
    };
}

} // namespace

std::optional<std::size_t> StickyThreads::find(const std::string& thread) {
    const auto found = index_.find(thread);
    if (found == index_.end()) {
        return std::nullopt;
    }
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->backend;
}

std::uint64_t StickyThreads::remember(const std::string& thread, std::size_t backend) {
    const std::uint64_t call = ++calls_;
    if (const auto found = index_.find(thread); found != index_.end()) {
        found->second->backend = backend;
        found->second->call = call;
        recent_.splice(recent_.begin(), recent_, found->second);
        return call;
    }
    recent_.emplace_front(thread, backend, call);
    index_[thread] = recent_.begin();
    if (index_.size() > limit_) {
        index_.erase(recent_.back().thread);
        recent_.pop_back();
    }
    return call;
}

std::uint64_t StickyThreads::said_by(const std::string& thread) const {
    const auto found = index_.find(thread);
    return found == index_.end() ? 0 : found->second->call;
}

void StickyThreads::forget(const std::string& thread) {
    if (const auto found = index_.find(thread); found != index_.end()) {
        recent_.erase(found->second);
        index_.erase(found);
    }
}

ThreadRef thread_of(
    std::string_view method, std::string_view path, std::string_view query, std::string_view body
) {
    const auto parts = segments(path);
    if (parts.size() < 2 || parts[0] != "api") {
        return {};
    }
    ThreadRef out;
    const bool post = method == "POST";
    const bool makes_chat = post && parts.size() == 2 && parts[1] == "chats";
    if (const auto id = id_in(parts); !id.empty()) {
        const bool streams = parts.back() == "stream";
        out = post && streams ? turn_in(body) : ThreadRef{};
        out.thread = trim(percent_decode(id).value_or(std::string(id)));
        out.live_turn =
            out.live_turn || (method == "GET" && streams) || (post && parts.back() == "stop");
    } else if (makes_chat || (post && starts_turn(parts))) {
        out = turn_in(body);
        if (std::string named = thread_in_query(query); !named.empty()) {
            out.thread = std::move(named);
        }
        out.live_turn = out.live_turn && !makes_chat; // where it exists the answer is 409
        out.new_turn = out.new_turn && !makes_chat;
    }
    if (out.thread.size() > k_longest_id) {
        out.thread.clear();
    }
    return out;
}

} // namespace oa_stream::traffic
