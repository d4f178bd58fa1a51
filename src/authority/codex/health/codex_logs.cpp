#include "codex_logs.hpp"

#include <sqlite3.h>

#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr int k_wait_ms = 500;
/// One transaction, so that only one lock wait is needed.
constexpr const char* k_silence =
    "BEGIN IMMEDIATE; "
    "CREATE TRIGGER IF NOT EXISTS oa_stream_keeps_no_logs BEFORE INSERT ON logs "
    "BEGIN SELECT RAISE(IGNORE); END; "
    "DELETE FROM logs; "
    "COMMIT;";

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};

/// logs_2.sqlite with its -wal and -shm files; the number is the schema version.
std::vector<fs::path> log_files(const fs::path& home, bool main_only) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(home, error)) {
        const std::string name = entry.path().filename().string();
        const bool log = name.starts_with("logs_") && name.contains(".sqlite");
        if (log && (!main_only || name.ends_with(".sqlite"))) {
            found.push_back(entry.path());
        }
    }
    return found;
}

Result<void> silence(const fs::path& file) {
    sqlite3* raw = nullptr;
    const int opened = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
    const std::unique_ptr<sqlite3, CloseDatabase> database(raw);
    if (opened != SQLITE_OK) {
        return fail(Code::io, sqlite3_errstr(opened), file);
    }
    sqlite3_busy_timeout(raw, k_wait_ms);
    if (sqlite3_exec(raw, k_silence, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return fail(Code::io, sqlite3_errmsg(raw), file);
    }
    return {};
}

} // namespace

void remove_logs(const fs::path& home) {
    for (const fs::path& file : log_files(home, false)) {
        std::error_code ignored;
        fs::remove(file, ignored);
    }
}

Result<void> silence_logs(const fs::path& home) {
    for (const fs::path& file : log_files(home, true)) {
        OA_CHECK(silence(file));
    }
    return {};
}

} // namespace oa_stream::authority
