#include "live_events.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/run/files.hpp"

#include "core/document.hpp"

#include <fstream>
#include <string>
#include <utility>

namespace oa_stream::cli {
namespace {

constexpr Millis k_every{100};

} // namespace

struct LiveEvents::Tail {
    std::filesystem::path folder;
    LiveDocuments out;
    std::streamoff read = 0;
    bool over = false;

    /// Reads whole lines only: a line that is being written is read at the next look.
    void read_new() {
        std::ifstream file(folder / run::k_timeline_file, std::ios::binary);
        file.seekg(read);
        std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto end = text.rfind('\n');
        if (end == std::string::npos) {
            return;
        }
        text.resize(end + 1);
        read += static_cast<std::streamoff>(text.size());
        std::string_view rest = text;
        while (!rest.empty()) {
            if (const auto event = parse_json(cut_line(rest))) {
                out.add("timeline-line", *event);
            }
        }
    }

    /// A reader that stops reading must not block the run: unread output stays in the file.
    void print_some() {
        out.print_some();
        if (out.up_to_date()) {
            read_new();
        }
    }

    void print_rest() {
        read_new();
        out.end();
    }

    static Task<void> follow(std::shared_ptr<Tail> tail) {
        while (!tail->over) {
            tail->print_some();
            (void)co_await sleep_for(k_every);
        }
    }
};

Result<void> check_live(const LiveOptions& live, const Context& context) {
    return live.ndjson && context.json ? fail(
                                             Code::usage,
                                             "both --ndjson and --json were given",
                                             names::ndjson,
                                             "leave one out"
                                         )
                                       : Result<void>{};
}

LiveEvents::LiveEvents(Context& context) : context_(context) {
}

LiveEvents::~LiveEvents() {
    if (tail_) {
        tail_->over = true;
    }
}

void LiveEvents::follow(const asio::any_io_executor& executor, std::filesystem::path folder) {
    tail_ = std::make_shared<Tail>(Tail{std::move(folder), LiveDocuments(context_)});
    spawn(executor, "events", Tail::follow(tail_));
}

void LiveEvents::end() {
    if (tail_) {
        tail_->print_rest();
        tail_->over = true;
    }
}

} // namespace oa_stream::cli
