#include "run_screen.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"

#include "open_report.hpp"
#include "suggestion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

namespace oa_stream::cli {

void redraw(std::string_view line, const Context& context) {
    if (context.live && !context.quiet) {
        context.err("\r\x1b[2K" + cut_to(line, static_cast<std::size_t>(context.width - 1)));
    }
}

playbook::OnStage Screen::on_stage() {
    if (!context_.live || context_.quiet) {
        return {};
    }
    return [this](const playbook::StageView& view) {
        context_.err("\r\x1b[2K" + playbook::stage_line(view, style_));
        live_ = true;
    };
}

void Screen::say(const Advice& line) {
    clear();
    const auto columns = context_.tty ? static_cast<std::size_t>(context_.width) : 0;
    context_.err(
        laid_out(redactor_.clean(typed_here(line, context_)).text(), {columns, context_.colour}) +
        "\n"
    );
}

void Screen::expect(std::optional<std::chrono::milliseconds> time) {
    until_.reset();
    if (time) {
        until_ = std::chrono::steady_clock::now() + *time;
    }
}

std::string Screen::left() const {
    if (!until_) {
        return {};
    }
    const std::chrono::duration<double> rest = *until_ - std::chrono::steady_clock::now();
    return rest.count() < 1 ? "  nearly done" : fmt::format("  about {:.0f}s left", rest.count());
}

void Screen::progress(std::string_view line) {
    if (line.empty()) {
        clear();
    } else if (context_.live && !context_.quiet) {
        redraw(left() + std::string(line), context_);
        live_ = true;
    }
}

void Screen::clear() {
    if (live_) {
        context_.err("\r\x1b[2K");
        live_ = false;
    }
}

void tell_parts(const std::vector<Advice>& given, Context& context) {
    std::vector<std::string> parts =
        mapped(given, [&context](const Advice& part) { return typed_here(part, context).text(); });
    std::erase(parts, "");
    const std::string line = fmt::format("{}", fmt::join(parts, " "));
    const auto columns = static_cast<std::size_t>(context.width);
    const bool whole = !context.tty || columns_of(line) <= columns;
    constexpr std::size_t k_indent = 2;
    for (std::string& part : parts) {
        part = !whole && part.starts_with("next: ") ? continued(part, columns - k_indent) : part;
    }
    if (!whole && !parts.empty()) {
        parts.front() = wrapped(parts.front(), columns, k_indent);
    }
    context.err(
        laid_out(whole ? line : fmt::format("{}", fmt::join(parts, "\n  ")), {0, context.colour}) +
        "\n"
    );
}

std::vector<Advice>
run_parts(Verdict verdict, std::string_view run, std::string_view evidence, const Advice& next) {
    return {
        fmt::format("{} run {}", to_string(verdict), run),
        evidence.empty() ? "" : fmt::format("evidence {}", evidence),
        next.empty() ? Advice() : "next: " + next,
    };
}

void tell_last(const LastWords& words, Context& context) {
    context.evidence = words.evidence;
    if (context.quiet && words.exit == ExitCode::ok) {
        return;
    }
    tell_report(context);
    tell_parts(run_parts(words.verdict, words.run, words.evidence, words.next), context);
}

} // namespace oa_stream::cli
