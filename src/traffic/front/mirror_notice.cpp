// The mirror's comparisons and its reports: its state, its metrics and its lines in the log.
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include "mirror.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <array>
#include <new>
#include <optional>

namespace oa_stream::traffic {
namespace {

constexpr std::size_t k_longest_line = 400;
constexpr std::size_t k_lines_a_pair = 5;
constexpr std::size_t k_lines = 20; ///< differences reported per k_lines_over
constexpr auto k_lines_over = std::chrono::seconds(1);

struct CounterRow {
    std::string_view name;
    std::uint64_t MirrorCounters::* value;
};
constexpr std::array<CounterRow, 10> k_counters{{
    {"sampled", &MirrorCounters::sampled},
    {"refused", &MirrorCounters::refused},
    {"busy", &MirrorCounters::busy},
    {"too_large", &MirrorCounters::too_large},
    {"copied", &MirrorCounters::copied},
    {"same", &MirrorCounters::same},
    {"different", &MirrorCounters::different},
    {"unanswered", &MirrorCounters::unanswered},
    {"late", &MirrorCounters::late},
    {"abandoned", &MirrorCounters::abandoned},
}};

} // namespace

void Mirror::compare(const MirrorCopyPtr& copy) {
    auto pair = std::make_shared<MirrorPair>(std::move(copy->pair_));
    auto job = [pair = std::move(pair),
                copy = copy,
                weak = weak_from_this(),
                executor = executor_,
                judge = options_.compare]() mutable {
        std::optional<std::vector<std::string>> found;
        try {
            found = judge(*pair);
        } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): users take precedence
        }
        // Objects of the loop are returned to it, to be destroyed there.
        asio::post(
            executor,
            [pair = std::move(pair),
             copy = std::move(copy),
             weak = std::move(weak),
             found = std::move(found)] {
                const auto self = weak.lock();
                if (self && found) {
                    self->judged(copy, *pair, *found);
                } else if (self && copy->mirror_) {
                    self->end(*copy, &MirrorCounters::too_large);
                }
            }
        );
    };
    asio::post(thread_, std::move(job));
}

void Mirror::judged(
    const MirrorCopyPtr& copy, const MirrorPair& pair, const std::vector<std::string>& differences
) {
    if (!copy->mirror_) {
        return;
    }
    const auto id = pair.user.headers.get("x-request-id");
    end(*copy, differences.empty() ? &MirrorCounters::same : &MirrorCounters::different);
    for (std::size_t i = 0; i < differences.size() && i < k_lines_a_pair; ++i) {
        const bool last = i + 1 == k_lines_a_pair && differences.size() > k_lines_a_pair;
        note(fmt::format(
            "mirror {} differs in {}{}: {}{}",
            options_.name,
            printable(pair.request),
            id ? fmt::format(" (request {})", printable(*id)) : "",
            differences[i],
            last ? fmt::format(" (and {} more)", differences.size() - k_lines_a_pair) : ""
        ));
    }
}

void Mirror::note(std::string_view line) {
    if (!note_) {
        return;
    }
    const auto now = Clock::now();
    if (now - lines_since_ > k_lines_over) {
        if (left_out_ > 0) {
            note_(fmt::format("mirror {}: {} more lines left out", options_.name, left_out_));
        }
        lines_since_ = now;
        lines_ = 0;
        left_out_ = 0;
    }
    if (++lines_ > k_lines) {
        ++left_out_;
        return;
    }
    // A difference is already printable: escaping its quotes again would garble it.
    const std::string text = show_controls(Redactor().apply(line));
    const auto cut = cut_at_code_point(text, k_longest_line);
    note_(fmt::format("{}{}", cut, cut.size() < text.size() ? "…" : ""));
}

Json Mirror::state() const {
    Json counters = Json::object();
    for (const CounterRow& row : k_counters) {
        counters[std::string(row.name)] = counters_.*row.value;
    }
    return {
        {"name", options_.name},
        {"url", options_.url},
        {"share", static_cast<double>(options_.share) / k_whole_share},
        {"dry", dry_},
        {"open", open_.size()},
        {"bytes", bytes_},
        {"counters", std::move(counters)},
    };
}

std::string Mirror::metrics() const {
    constexpr std::string_view k_name = "oa_stream_front_mirror_requests_total";
    std::string out = fmt::format(
        "# HELP {0} Requests sampled for the mirror, and what became of them.\n# TYPE {0} "
        "counter\n",
        k_name
    );
    for (const CounterRow& row : k_counters) {
        out += fmt::format(
            "{}{{mirror=\"{}\",result=\"{}\"}} {}\n",
            k_name,
            options_.name,
            row.name,
            counters_.*row.value
        );
    }
    out += fmt::format(
        "# HELP oa_stream_front_mirror_open Copies under way.\n"
        "# TYPE oa_stream_front_mirror_open gauge\noa_stream_front_mirror_open{{mirror=\"{}\"}} "
        "{}\n",
        options_.name,
        open_.size()
    );
    return out;
}

std::string Mirror::summary() const {
    std::string out = fmt::format("mirror {}:", options_.name);
    for (const CounterRow& row : k_counters) {
        const auto value = counters_.*row.value;
        const bool always = row.name == "sampled" || row.name == "same" || row.name == "different";
        if (value > 0 || always) {
            out += fmt::format("{} {} {}", out.ends_with(':') ? "" : ",", value, row.name);
        }
    }
    return out;
}

} // namespace oa_stream::traffic
