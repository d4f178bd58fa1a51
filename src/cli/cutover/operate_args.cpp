#include "operate_args.hpp"

#include "core/version.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
Result<ExitCode> operate(
    Context& context,
    const std::function<Task<Result<playbook::RunEnd>>(playbook::Operator by)>& start
) {
    Screen screen(context);
    StopRequest stop;
    std::string run;
    playbook::Operator by;
    by.state_dir = context.state_dir;
    by.argv = context.argv;
    by.version = version();
    by.stop = &stop;
    by.observer = screen.observer();
    by.on_run = [&](const std::string& id) {
        run = id;
        if (!context.quiet) {
            screen.say("run " + id);
        }
    };
    const SignalWords words{
        "finishing the step under way, then bringing the traffic back",
        [&] {
            return !stop.mutated()
                       ? std::string("Nothing was changed.")
                       : fmt::format(
                             "Some traffic may be moved. To finish: oa-stream rollback apply --run "
                             "{}",
                             run
                         );
        },
    };
    const auto end = run_to_end<playbook::RunEnd>(
        [&](const asio::any_io_executor&) { return start(std::move(by)); }, stop, screen, words
    );
    screen.clear();
    if (!end) {
        return std::unexpected(end.error());
    }
    return tell_run(*end, context);
}

} // namespace oa_stream::cli
