#include "run_screen.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace oa_stream::cli {

playbook::Observer Screen::observer() {
    playbook::Observer out;
    if (!context_.quiet) {
        out.say = [this](std::string_view line) { say(line); };
    }
    if (context_.tty && !context_.quiet) {
        out.stage = [this](const playbook::StageView& view) {
            context_.err("\r\x1b[2K" + playbook::stage_line(view, style_));
            live_ = true;
        };
    }
    return out;
}

void Screen::say(std::string_view line) {
    clear();
    context_.err(redactor_.apply(line) + "\n");
}

void Screen::clear() {
    if (live_) {
        context_.err("\r\x1b[2K");
        live_ = false;
    }
}

void on_signal(
    asio::signal_set& signals, playbook::StopRequest& stop, Screen& screen, const SignalWords& words
) {
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (error) {
            return;
        }
        if (words.at_once) {
            screen.say(words.first);
            std::_Exit(128 + number);
        }
        if (stop.requested()) {
            screen.say("second signal: leaving at once. " + (words.second ? words.second() : ""));
            const bool harmless = !stop.mutated();
            std::_Exit(harmless ? 128 + number : static_cast<int>(ExitCode::rollback_unverified));
        }
        stop.request(number);
        screen.say("signal: " + words.first + "; a second signal leaves at once");
        on_signal(signals, stop, screen, words);
    });
}

void tell_last(const LastWords& words, Context& context) {
    context.evidence = words.evidence;
    if (context.quiet && words.exit == ExitCode::ok) {
        return;
    }
    context.err(fmt::format(
        "{} run {} evidence {}{}\n",
        to_string(words.verdict),
        words.run,
        words.evidence,
        words.next.empty() ? "" : " next: " + words.next
    ));
}

} // namespace oa_stream::cli
