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

    /// Whole lines only: one that is being written comes with the next look.
    void print_new() {
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
                context->out(document_line("timeline-line", *event, *context));
            }
        }
    }

    static Task<void> follow(std::shared_ptr<Tail> tail) {
        while (tail->context != nullptr) {
            tail->print_new();
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

void LiveEvents::end(const run::RunResult& result) {
    if (tail_) {
        tail_->print_new();
        tail_->context = nullptr;
    }
    print_document("run-result", result.document, context_);
}

} // namespace oa_stream::cli
