#include "live_events.hpp"

#include "oa_stream/base/lines.hpp"

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
    Context* context = nullptr; ///< null: over
    std::streamoff read = 0;
    std::string unprinted{};

    /// Whole lines only: one that is being written comes with the next look.
    void read_new() {
        std::ifstream file(folder / "timeline.ndjson", std::ios::binary);
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
                unprinted += document_line("timeline-line", *event, *context);
            }
        }
    }

    /// A reader that stands still must not stop the run: what it does not take stays in the file.
    void print_some() {
        if (unprinted.empty()) {
            read_new();
        }
        unprinted.erase(0, context->out_some(unprinted));
    }

    void print_rest() {
        read_new();
        context->out(std::exchange(unprinted, {}));
    }

    static Task<void> follow(std::shared_ptr<Tail> tail) {
        while (tail->context != nullptr) {
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
        tail_->context = nullptr;
    }
}

void LiveEvents::follow(const asio::any_io_executor& executor, std::filesystem::path folder) {
    tail_ = std::make_shared<Tail>(Tail{std::move(folder), &context_});
    spawn(executor, "events", Tail::follow(tail_));
}

void LiveEvents::end() {
    if (tail_) {
        tail_->print_rest();
        tail_->context = nullptr;
    }
}

} // namespace oa_stream::cli
