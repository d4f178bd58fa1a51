// nlohmann's JSON as this project compiles it: include it by this header only, so that each source
// sees the same checks.
#pragma once

#include <algorithm>
#include <cassert>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

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

/// Apart from oa_stream: the arguments of a call that are JSON would bring all of its functions.
namespace oa_stream::json_library {

/// The members of an object in their order, as nlohmann's ordered_map, whose names cannot be moved:
/// it copies all members, with everything in them, whenever it outgrows its memory. emplace_back()
/// is the vector's: it adds a name that is not there, without a search. The last two parameters are
/// those that the library passes to each kind of map.
template <class Name, class Value, class /*Less*/, class /*Allocator*/>
class JsonMembers : public std::vector<std::pair<Name, Value>> {
    using Base = std::vector<std::pair<Name, Value>>;

public:
    using key_type = Name;
    using mapped_type = Value;
    using key_compare = std::equal_to<>;
    using Base::Base;
    using Base::erase;
    using typename Base::const_iterator;
    using typename Base::iterator;
    using typename Base::size_type;
    using typename Base::value_type;

    [[nodiscard]] iterator find(std::string_view name) {
        return std::ranges::find(*this, name, name_of);
    }
    [[nodiscard]] const_iterator find(std::string_view name) const {
        return std::ranges::find(*this, name, name_of);
    }
    [[nodiscard]] size_type count(std::string_view name) const {
        return find(name) == this->end() ? 0 : 1;
    }
    /// A name that is there already keeps its value.
    std::pair<iterator, bool> emplace(Name name, Value value) {
        if (const auto found = find(name); found != this->end()) {
            return {found, false};
        }
        Base::emplace_back(std::move(name), std::move(value));
        return {std::prev(this->end()), true};
    }
    std::pair<iterator, bool> insert(value_type member) {
        return emplace(std::move(member.first), std::move(member.second));
    }
    template <class Iterator> void insert(Iterator first, Iterator last) {
        std::for_each(first, last, [this](const value_type& member) { insert(member); });
    }
    size_type erase(std::string_view name) {
        const auto found = find(name);
        if (found == this->end()) {
            return 0;
        }
        Base::erase(found);
        return 1;
    }
    Value& operator[](std::string_view name) { return emplace(Name(name), Value()).first->second; }

private:
    static std::string_view name_of(const value_type& member) { return member.first; }
};

} // namespace oa_stream::json_library
