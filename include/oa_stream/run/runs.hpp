// The runs of this machine, known only from their folders: whether one ended well, ended badly,
// runs or died.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/error.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/run/files.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::run {

enum class RunLife {
    running,  ///< a living process works in it
    finished, ///< sealed, or its journal says how it ended
    died,     ///< neither: what is there is a readable prefix
};
inline constexpr std::array<std::string_view, 3> k_run_life_words{"running", "finished", "died"};
[[nodiscard]] std::string_view to_string(RunLife life) noexcept;

struct RunEntry {
    std::string id; ///< the folder's name
    std::filesystem::path folder;
    RunFacts facts{};
    std::string kind{}; ///< as a word
    std::string name{};
    RunLife life = RunLife::finished;
    std::string verdict{}; ///< empty: none was reached
    std::optional<std::int64_t> exit_code{};
    std::string started_at{};
    WallTime started{}; ///< the epoch when unknown
    std::optional<double> duration_s{};
    std::string headline{};
    Advice next{}; ///< the command that it suggested
    std::string holder{}; ///< "process 12 on host", while it runs or until it died
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string> unreadable{}; ///< folders of it: what is in them is not counted
    bool pinned = false;
    std::string pin_reason{};
    Json document = Json::object(); ///< run.json, as far as it can be read
};

/// A JSON file of a run folder, such as run.json: empty when missing, torn or not an object.
[[nodiscard]] Json document_in(const std::filesystem::path& file);
/// The run.json of a run folder, likewise.
[[nodiscard]] inline Json document_of(const std::filesystem::path& folder) {
    return document_in(folder / k_document_file);
}

/// Code::not_found when there is no such folder. Whatever else is missing or torn is left empty.
[[nodiscard]] Result<RunEntry> read_run(const std::filesystem::path& folder);
/// Whether a run began in this folder, whatever is left of it. What cannot be looked at counts:
/// traffic may depend on it.
[[nodiscard]] bool holds_run(const std::filesystem::path& folder);
/// Of every run, by name; none while there is no such state directory. Code::io when they cannot be
/// listed: then nobody knows whether there are any. Folders without a run are left out.
[[nodiscard]] Result<std::vector<std::filesystem::path>>
run_folders(const std::filesystem::path& state_dir);
/// Newest first; after all others those from the future. Code::io as above.
[[nodiscard]] Result<std::vector<RunEntry>> list_runs(const std::filesystem::path& state_dir);
/// A clock was wrong when it began: nobody knows how old it is.
[[nodiscard]] bool is_from_future(const RunEntry& run, WallTime now) noexcept;

/// The folder that is meant by a folder's name, the unique beginning or end of one, `last`,
/// `last:KIND`, or a path to a run folder that was moved: every option and argument that names a
/// run goes through here. Code::usage with what could be meant, also of a folder without a run.
[[nodiscard]] Result<std::filesystem::path>
find_run(const std::filesystem::path& state_dir, std::string_view word);

/// {id, kind, mutates, name, state, ended, verdict, exit_code, started_at, duration_s, bytes,
/// files, unreadable, pinned, evidence, headline, next}
[[nodiscard]] Json to_json(const RunEntry& entry);

// Sums
// -------------------------------------------------------------------------------------------------

/// Its files are final: the sums are written last, and go first when a rollback opens it again.
[[nodiscard]] inline bool is_sealed(const std::filesystem::path& folder) noexcept {
    return is_there(folder / k_sums_file);
}

struct SumsCheck {
    bool sealed = false;
    std::size_t right = 0;
    /// Files, and "SHA256SUMS: line 3" where that is none, or repeats a name.
    std::vector<std::string> changed{};
    std::vector<std::string> missing{}; ///< also what is there as something else than a file
    /// Folders and files that are there, sealed or not: nobody knows whether they are whole.
    std::vector<std::string> unreadable{};
    /// After the seal, links and pipes too; notes and pins are not counted.
    std::vector<std::string> added{};
    [[nodiscard]] bool whole() const noexcept {
        return changed.empty() && missing.empty() && unreadable.empty();
    }
};
/// Works out every sum again. Code::unreadable for a SHA256SUMS that cannot be read at all.
[[nodiscard]] Result<SumsCheck> check_sums(const std::filesystem::path& folder);
/// "63 files as they were sealed", or what is not so.
[[nodiscard]] std::string sums_text(const SumsCheck& check);

// Pins
// -------------------------------------------------------------------------------------------------

/// A pinned run is never removed by gc. Secrets in `reason` are blanked. Code::io.
[[nodiscard]] Result<void> pin_run(const std::filesystem::path& folder, std::string_view reason);
/// Code::usage when it is not pinned.
[[nodiscard]] Result<void> unpin_run(const std::filesystem::path& folder);

/// "812 B", "3.4 MB": powers of 1000, as `--max-size` takes them.
[[nodiscard]] std::string size_text(std::uint64_t bytes);
/// "12s", "3m", "5h", "2d": rounded down.
[[nodiscard]] std::string age_text(std::chrono::seconds age);

} // namespace oa_stream::run
