// Reads the id map's file at start, and rewrites it without outdated lines.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/output.hpp"

#include "id_map_writer.hpp"
#include "v1_rows.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <system_error>
#include <type_traits>

namespace oa_stream::lane {

namespace {

constexpr std::uint64_t k_v1_limit = 4ULL << 30U;
/// With fewer outdated lines a rewrite is not worth it.
constexpr std::uint64_t k_few_lines = 10'000;
/// Rows per step of the loop: about a millisecond.
constexpr ThreadTable::Index k_slice = 2'000;
/// Rewriting a large file takes long: rewrites that forget titles may use a twentieth of the time.
constexpr int k_share = 20;

std::filesystem::path beside(std::filesystem::path path, std::string_view ending) {
    path += ending;
    return path;
}

Result<void> keep_copy(const std::filesystem::path& path, const std::filesystem::path& copy) {
    std::error_code error;
    std::filesystem::remove(copy, error);
    std::filesystem::create_hard_link(path, copy, error);
    if (error) {
        return fail(
            Code::io, fmt::format("cannot keep a copy: {}", error.message()), copy.string()
        );
    }
    return {};
}

Result<void> write_to(const OpenFile& file, std::string_view bytes, const std::string& where) {
    if (const int error = write_all(file.get(), bytes); error != 0) {
        return fail(Code::io, fmt::format("cannot write: {}", errno_text(error)), where);
    }
    return {};
}

Result<bool> begins_as_v1(const std::filesystem::path& path) {
    OA_TRY(const bool there, look_for(path));
    if (!there) {
        return false;
    }
    const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.ok()) {
        return fail(Code::io, fmt::format("cannot read: {}", errno_text(errno)), path.string());
    }
    char first = 0;
    return ::read(file.get(), &first, 1) == 1 && is_v1_map({&first, 1});
}

/// Runs `work` on the pool's thread; then the coroutine continues on its executor.
template <class Work>
Task<std::invoke_result_t<Work>>
run_on(asio::thread_pool* pool, asio::any_io_executor executor, Work work) {
    struct State {
        explicit State(const asio::any_io_executor& on) : timer(on, Clock::time_point::max()) {}
        asio::steady_timer timer;
        std::optional<std::invoke_result_t<Work>> result{};
    };
    const auto state = std::make_shared<State>(executor);
    asio::post(*pool, [state, executor, work = std::move(work)]() mutable {
        auto result = work();
        asio::post(executor, [state, result = std::move(result)]() mutable {
            state->result = std::move(result);
            state->timer.cancel();
        });
    });
    while (true) {
        if (auto& result = state->result) {
            co_return *std::move(result);
        }
        co_await state->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

} // namespace

Result<void> IdMapWriter::load() {
    if (!persistent()) {
        return {};
    }
    const auto& path = options_.path;
    OA_TRY(const bool old, begins_as_v1(path));
    if (old) {
        OA_TRY(const auto text, read_file(path, k_v1_limit));
        OA_CHECK(load_v1(path, text));
        OA_CHECK(keep_copy(path, beside(path, ".v1")));
        table_->order_all();
        OA_CHECK(write_whole());
        note(fmt::format("converted {} rows; the old file is kept as .v1", table_->size()));
        return {};
    }
    OA_TRY(const auto loaded, file_.load([this](const RowView& row) {
        if (row.deleted) {
            append_line(erased_, row);
            titles_left_ = titles_left_ || table_->find(row.owner, row.id) != ThreadTable::k_none;
        }
        const auto at = table_->put_unordered(row);
        if (row.deleted) {
            table_->erase_unordered(at);
        }
    }));
    lines_ = loaded.lines;
    const auto before = table_->size();
    auto json = path;
    json.replace_extension(".json");
    OA_TRY(
        const bool beside_it, path.extension() == ".map" ? begins_as_v1(json) : Result<bool>(false)
    );
    if (beside_it) {
        OA_TRY(const auto text, read_file(json, k_v1_limit));
        OA_CHECK(load_v1(json, text));
    }
    table_->order_all();
    if (loaded.damaged) {
        OA_CHECK(keep_copy(path, beside(path, ".damaged")));
    }
    note(loaded.dropped + (loaded.damaged ? "; the file as it was is kept as .damaged" : ""));
    if (loaded.damaged || beside_it) {
        OA_CHECK(write_whole());
    }
    if (beside_it) {
        std::error_code error;
        std::filesystem::rename(json, beside(json, ".imported"), error);
        note(fmt::format("took over {} rows of {}", table_->size() - before, json.string()));
    }
    return {};
}

/// Adds rows from an old file; known rows stay unchanged.
Result<void> IdMapWriter::load_v1(const std::filesystem::path& from, std::string_view text) {
    return read_v1_rows(text, from.string(), [this](const RowView& row) {
        if (table_->find(row.owner, row.id) == ThreadTable::k_none) {
            table_->put_unordered(row);
        }
    });
}

/// Used before the loop runs, so it writes everything at once.
Result<void> IdMapWriter::write_whole() {
    OA_TRY(auto draft, open_draft(options_.path));
    std::string text(k_thread_log_header);
    for (ThreadTable::Index at = 0; at < table_->end(); ++at) {
        if (table_->alive(at)) {
            append_line(text, table_->row(at));
        }
        if (text.size() > (1U << 20U) || at + 1 == table_->end()) {
            OA_CHECK(write_to(draft.first, text, draft.second.string()));
            text.clear();
        }
    }
    OA_CHECK(write_to(draft.first, text, draft.second.string()));
    lines_ = table_->size();
    erased_.clear();
    titles_left_ = false;
    return file_.replace(draft.second, file_.place());
}

void IdMapWriter::start() {
    if (persistent() && worth_compacting()) {
        begin_compacting();
    }
    schedule_forgetting();
}

bool IdMapWriter::worth_compacting() const {
    return lines_ > 2 * table_->size() + k_few_lines;
}

/// Not while a batch is being written: it has read lines of other processes that are not in the
/// table yet, and they are before the place from which lines are kept.
void IdMapWriter::begin_compacting() {
    if (writing_) {
        compact_next_ = true;
        return;
    }
    // Now the writer thread is idle and does not use the file
    if (!std::exchange(compacting_, true)) {
        spawn(executor_, "id map compaction", compact(shared_from_this(), file_.place()));
    }
}

Task<void> IdMapWriter::compact(std::shared_ptr<IdMapWriter> self, IdMapFile::Place since) {
    const auto began = Clock::now();
    const bool with_erased = !self->worth_compacting();
    const auto erased = self->erased_.size();
    self->titles_left_ = false; // rows that are erased from now on set it again
    auto done = co_await write_draft(self, since, with_erased);
    self->compacting_ = false;
    if (!done) {
        self->titles_left_ = true;
    } else if (!with_erased) {
        self->erased_.erase(0, std::min(erased, self->erased_.size()));
    }
    const auto took = std::chrono::duration_cast<Millis>(Clock::now() - began);
    self->forget_ = std::max(self->options_.forget, k_share * took);
    self->schedule_forgetting();
    if (!done && done.error().code != Code::conflict && self->options_.problem && !self->stopped_) {
        self->options_.problem(done.error());
    }
}

/// Rows that change meanwhile are written twice: in the draft, and as lines behind `since`. The
/// latter count, because they are further behind.
Task<Result<void>> IdMapWriter::write_draft(
    std::shared_ptr<IdMapWriter> self, IdMapFile::Place since, bool with_erased
) {
    OA_CO_TRY(auto opened, open_draft(self->options_.path));
    const auto draft =
        std::make_shared<std::pair<OpenFile, std::filesystem::path>>(std::move(opened));
    std::string text(k_thread_log_header);
    std::uint64_t lines = 0;
    if (with_erased) {
        text += self->erased_;
        lines = static_cast<std::uint64_t>(std::ranges::count(self->erased_, '\n'));
    }
    Result<void> written{};
    for (ThreadTable::Index at = 0; !self->stopped_ && written && at < self->table_->end();) {
        const auto end = std::min(at + k_slice, self->table_->end());
        for (; at < end; ++at) {
            if (self->table_->alive(at)) {
                append_line(text, self->table_->row(at));
                ++lines;
            }
        }
        written = co_await run_on(
            &self->compactor_,
            self->executor_,
            [draft, text = std::exchange(text, {})] {
                return write_to(draft->first, text, draft->second.string());
            }
        );
    }
    if (self->stopped_) {
        written = fail(Code::conflict, "stopped");
    }
    const auto before = self->lines_;
    if (written) {
        written = co_await run_on(&self->compactor_, self->executor_, [draft]() -> Result<void> {
            if (::fdatasync(draft->first.get()) != 0) {
                return fail(Code::io, "cannot sync", draft->second.string());
            }
            return {};
        });
    }
    if (written && !self->stopped_) {
        written =
            co_await run_on(&self->writer_, self->executor_, [draft, since, file = &self->file_] {
                return file->replace(draft->second, since);
            });
    }
    if (!written || self->stopped_) {
        std::error_code none;
        std::filesystem::remove(draft->second, none);
        co_return written;
    }
    self->lines_ = lines + (self->lines_ - std::min(before, self->lines_));
    co_return written;
}

} // namespace oa_stream::lane
