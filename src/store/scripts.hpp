// Decisions that must be made in one step, as Redis scripts.
#pragma once

#include "resp.hpp"

#include <string_view>

namespace oa_stream::store {

/// A script is run by its digest, and loaded when the server does not have it (any more).
struct Script {
    struct Answer {
        Reply::Kind kind;
        std::size_t least = 0; ///< minimum number of items in a list
    };
    std::string_view name;
    Answer answer;
    std::string_view text;
};

/// Field of a session's counts: the store lost its rows, and this session has not offered its own
/// yet.
inline constexpr std::string_view k_offers = "w";

/// The names of a row's values, in the order of fields_at() and add_fields().
#define OA_FIELDS "'th', 'sd', 'tl', 'cr', 'up', 'ar', 'lm', 'lt'"

namespace scripts {

inline constexpr Script::Answer k_number{Reply::Kind::number};
inline constexpr Script::Answer k_text{Reply::Kind::text};
constexpr Script::Answer list_of(std::size_t least) {
    return {Reply::Kind::list, least};
}

// The first two arguments are always the prefix of the keys and this process's session.
extern const Script sign_on;
extern const Script count; ///< writes the counts of this session again
extern const Script acquire;
extern const Script take_place; ///< counts a turn without a row
extern const Script commit;
extern const Script end;
extern const Script hold_again;
extern const Script let_go; ///< releases a failed start, or a turn that others may adopt
extern const Script want;
extern const Script stop_done; ///< a requested stop has been carried out
extern const Script pass;
extern const Script tell_deleted;
extern const Script reap;
extern const Script adopt;
extern const Script look;
extern const Script note_read; ///< a read of a thread's messages
extern const Script put;
extern const Script offer; ///< a lane's rows
extern const Script change;
extern const Script erase;
extern const Script changes;
extern const Script rows;
extern const Script use_key;
extern const Script forget_key;
extern const Script answer_key;
extern const Script keep_response;
extern const Script response_items;
extern const Script drop_response;
extern const Script trim_responses;
extern const Script readers;
extern const Script orphans;

} // namespace scripts
} // namespace oa_stream::store
