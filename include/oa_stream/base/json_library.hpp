// nlohmann's JSON as this project compiles it: include it by this header only, so that each source
// sees the same checks.
#pragma once

#include <cassert>
#include <string_view>

/// After each copy and move, and before each destruction, the library checks that its own pointers
/// are set (assert_invariant): half of the instructions of a Json. Its checks of what it is asked
/// for stay.
#define JSON_ASSERT(condition) /* NOLINT(cppcoreguidelines-macro-usage) */                         \
    do {                                                                                           \
        if constexpr (!std::string_view(#condition).starts_with("m_type != value_t::")) {          \
            assert(condition);                                                                     \
        }                                                                                          \
    } while (false)

#include <nlohmann/json.hpp>
