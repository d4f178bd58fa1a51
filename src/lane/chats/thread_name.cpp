#include "thread_name.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace oa_stream::lane {

namespace {

constexpr std::array<std::string_view, 2> k_worker_names{"worker_id", "workerId"};
constexpr std::string_view k_field = "conversation_id";

/// The one value that all of `names` have; empty when none is set.
Accepted<std::string>
agreed(const Json& body, std::span<const std::string_view> names, std::string_view field) {
    std::string value;
    std::string_view from;
    for (const auto name : names) {
        const auto* found = given(body, name);
        if (found == nullptr) {
            continue;
        }
        if (!found->is_string()) {
            return invalid_field(std::string(field), fmt::format("{} must be a string", name));
        }
        const auto next = trim(found->get_ref<const std::string&>());
        if (next.empty()) {
            continue;
        }
        if (!value.empty() && next != value) {
            return invalid_field(
                std::string(field), fmt::format("{} and {} differ: send one of them", from, name)
            );
        }
        value = next;
        from = name;
    }
    return value;
}

Accepted<std::string> checked(std::string id) {
    if (!is_wire_id(id)) {
        return invalid_field(
            std::string(k_field), "a conversation id is 1 to 128 characters of A-Z a-z 0-9 _ -"
        );
    }
    return id;
}

} // namespace

Accepted<std::string> read_path_id(std::string_view raw) {
    const auto decoded = percent_decode(raw);
    if (!decoded) {
        return invalid_field(
            std::string(k_field), "the conversation id in the path is badly escaped"
        );
    }
    return checked(std::string(trim(*decoded)));
}

std::string new_thread_name() {
    return "thread_" + random_hex(16);
}

Accepted<std::string> read_thread_name(
    const Json& body, const std::optional<std::string>& path_id, std::string_view query
) {
    auto outer = thread_in_query(query);
    std::string_view outer_name = "the query";
    if (path_id) {
        OA_TRY(outer, read_path_id(*path_id));
        outer_name = "the path";
    }
    auto inner = agreed(body, k_thread_names, k_field);
    if (!inner) {
        return inner;
    }
    if (!outer.empty() && !inner->empty() && outer != *inner) {
        return invalid_field(
            std::string(k_field),
            fmt::format("{} and the body name different conversations", outer_name)
        );
    }
    auto id = outer.empty() ? *std::move(inner) : std::move(outer);
    return id.empty() ? Accepted<std::string>(id) : checked(std::move(id));
}

Accepted<std::string> read_worker_name(const Json& body, std::string_view own) {
    OA_TRY(auto worker, agreed(body, k_worker_names, "worker_id"));
    if (worker.empty()) {
        worker = own;
    } else if (!own.empty() && worker != own) {
        return invalid_field(
            "worker_id", "this lane runs another worker; leave worker_id out to use it"
        );
    }
    return worker;
}

} // namespace oa_stream::lane
