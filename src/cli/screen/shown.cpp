#include "shown.hpp"

#include "oa_stream/base/layout.hpp"

namespace oa_stream::cli {

void show_text(std::string_view text, const Context& context, std::size_t piped) {
    const auto columns = context.out_tty ? static_cast<std::size_t>(context.width) : piped;
    context.out(laid_out(text, {columns, context.out_colour}));
}

void tell_text(std::string_view text, const Context& context) {
    const auto columns = context.tty ? static_cast<std::size_t>(context.width) : 0;
    context.err(laid_out(text, {columns, context.colour}));
}

} // namespace oa_stream::cli
