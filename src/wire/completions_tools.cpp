#include "completions_tools.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace oa_stream::wire::completions {

namespace {

constexpr std::string_view k_rule = "C21";
constexpr std::array<std::string_view, 4> k_piece_members{"index", "id", "type", "function"};
constexpr std::array<std::string_view, 2> k_function_members{"name", "arguments"};

/// Calls `use` with the members and the index of each object in the array.
template <class Use>
void each_call(const Members& of, std::string_view where, Notes& notes, const Use& use) {
    const Json* list = of.find("tool_calls");
    if (list == nullptr || list->is_null()) {
        return;
    }
    if (!list->is_array()) {
        notes.push_back({k_rule, fmt::format("{}.tool_calls is not an array", where)});
        return;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string place = fmt::format("{}.tool_calls[{}]", where, i);
        if ((*list)[i].is_object()) {
            const Members call((*list)[i], place, k_rule, notes);
            call.only(k_piece_members);
            use(call, place);
        } else {
            notes.push_back({k_rule, place + " is not an object"});
        }
    }
}

/// No client can run a type other than function.
void check_type(const Members& call, bool needed) {
    const auto type = call.maybe_text("type");
    if (type && *type != "function") {
        call.note("type", fmt::format("is \"{}\", not function", *type));
    } else if (!type && needed && call.find("type") == nullptr) {
        call.note("type", "is missing");
    }
}

} // namespace

std::vector<ToolCallPiece>
read_call_pieces(const Members& of, std::string_view where, Notes& notes) {
    std::vector<ToolCallPiece> pieces;
    each_call(of, where, notes, [&](const Members& call, const std::string& place) {
        ToolCallPiece piece;
        piece.index = call.count("index");
        piece.id = call.maybe_text("id");
        check_type(call, piece.id.has_value());
        if (const Json* inner = call.find("function"); inner != nullptr && inner->is_object()) {
            const std::string inside = place + ".function";
            const Members function(*inner, inside, k_rule, notes);
            function.only(k_function_members);
            piece.name = function.maybe_text("name");
            piece.arguments = function.maybe_text("arguments").value_or("");
        } else {
            call.note("function", "is not an object");
        }
        pieces.push_back(std::move(piece));
    });
    return pieces;
}

std::vector<ToolCall> read_calls(const Members& of, std::string_view where, Notes& notes) {
    std::vector<ToolCall> calls;
    each_call(of, where, notes, [&](const Members& call, const std::string& place) {
        ToolCall one;
        one.id = call.word("id");
        check_type(call, true);
        if (const Json* inner = call.object("function")) {
            const std::string inside = place + ".function";
            const Members function(*inner, inside, k_rule, notes);
            function.only(k_function_members);
            one.name = function.word("name");
            one.arguments = function.text("arguments");
        }
        calls.push_back(std::move(one));
    });
    return calls;
}

} // namespace oa_stream::wire::completions
