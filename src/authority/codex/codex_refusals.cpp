#include "codex_refusals.hpp"

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/function_names.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/health/codex_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::authority {

namespace {

constexpr std::int64_t k_overloaded = -32'001;

/// Precedes the function's name and a colon.
constexpr std::string_view k_function_mark = "dynamic tool input schema is not supported for ";

struct Row {
    std::string_view text; ///< contained in the message
    RefusalKind kind;
};

// codex-cli 0.169.0; checked against the real binary by the [codex] tests.
constexpr std::array k_rows{
    Row{"Server is draining", RefusalKind::overloaded}, // after SIGTERM, until its turns end
    Row{"is not materialized yet", RefusalKind::thread_empty},
    Row{"list_turns is not supported yet", RefusalKind::thread_empty},
    Row{"thread not found: ", RefusalKind::thread_not_loaded},
    Row{"thread not loaded: ", RefusalKind::thread_unknown},
    Row{"no rollout found for thread id", RefusalKind::thread_unknown},
    Row{"invalid thread id: ", RefusalKind::thread_unknown},
    Row{"invalid session id: ", RefusalKind::thread_unknown},
    Row{"ephemeral threads do not support thread/turns/list", RefusalKind::thread_unknown},
    Row{"is archived. Run `codex unarchive", RefusalKind::thread_archived},
    Row{"already has an active writer", RefusalKind::thread_in_use},
    Row{"turn not found: ", RefusalKind::turn_unknown},
    Row{"ephemeral threads do not support thread/revert", RefusalKind::turn_unknown},
    Row{"identifies an in-progress turn", RefusalKind::turn_unended},
    Row{"no active turn to interrupt", RefusalKind::no_active_turn},
    Row{"expected active turn id", RefusalKind::no_active_turn},
    Row{"forked history still references it", RefusalKind::thread_shared},
    Row{k_function_mark, RefusalKind::bad_function},
    Row{"failed to load configuration", RefusalKind::bad_config},
};

constexpr std::string_view k_store = "thread-store internal error";
// SQLite causes that may be temporary, in addition to a full disk. Corruption is not.
constexpr std::array<std::string_view, 3> k_store_causes{
    "disk I/O error",
    "readonly database",
    "database is locked",
};

bool lacks_store(std::string_view message) noexcept {
    return message.contains(k_store) &&
           (disk_cause_in(message) ||
            std::ranges::any_of(k_store_causes, [&](std::string_view cause) {
                return message.contains(cause);
            }));
}

Code code_of(RefusalKind kind) noexcept {
    switch (kind) {
    case RefusalKind::overloaded:
    case RefusalKind::store_away:
        return Code::unavailable;
    case RefusalKind::thread_not_loaded:
    case RefusalKind::thread_unknown:
    case RefusalKind::thread_empty:
        return Code::not_found;
    case RefusalKind::turn_unknown:
        return Code::precondition;
    case RefusalKind::turn_unended:
    case RefusalKind::thread_in_use:
        return Code::conflict;
    case RefusalKind::bad_function:
        return Code::usage;
    case RefusalKind::bad_config:
        return Code::config;
    case RefusalKind::thread_archived:
    case RefusalKind::thread_shared:
    case RefusalKind::no_active_turn:
    case RefusalKind::other:
        break;
    }
    return Code::protocol;
}

/// The function's name as the client uses it.
std::string function_in(std::string_view message) {
    const auto rest = message.substr(message.find(k_function_mark) + k_function_mark.size());
    return name_for_client(rest.substr(0, rest.find(':')));
}

} // namespace

RefusalKind kind_of(const Refusal& refusal) noexcept {
    if (refusal.code == k_overloaded) {
        return RefusalKind::overloaded;
    }
    for (const Row& row : k_rows) {
        if (refusal.message.contains(row.text)) {
            return row.kind;
        }
    }
    return lacks_store(refusal.message) ? RefusalKind::store_away : RefusalKind::other;
}

Error error_of(const Refusal& refusal, std::string_view method) {
    const RefusalKind kind = kind_of(refusal);
    Error error{
        .code = code_of(kind),
        .message = fmt::format("codex refused {}: {}", method, printable(refusal.message, 300))
    };
    if (kind == RefusalKind::bad_function) {
        error.where = std::string(k_function_at).append(function_in(refusal.message));
    }
    return error;
}

} // namespace oa_stream::authority
