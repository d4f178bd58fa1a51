#include "shape.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <utility>

namespace fs = std::filesystem;

namespace oa_stream::shape {
namespace {

constexpr std::array k_rooms{
    Room{"base", ""},
    Room{"config", "base"},
    Room{"telemetry", "base"},
    Room{"turn", "base telemetry"},
    Room{"wire", "base turn"},
    Room{"contract", "base wire"},
    Room{"encode", "base turn wire contract"},
    Room{"net", "base"},
    Room{"authority", "base turn wire net"},
    Room{"store", "base net"},
    Room{"lane", "base config telemetry turn wire contract encode net authority store"},
    Room{"measure", "base config telemetry net"},
    Room{"traffic", "base config telemetry net"},
    Room{"report", "base measure"},
    Room{"run", "base measure report"},
    Room{"routes", "base net run"},
    Room{"probe", "base telemetry turn wire contract encode net authority measure run routes"},
    Room{"incident", "base telemetry measure run"},
    Room{"playbook", "base config telemetry turn net measure traffic routes probe report run"},
    Room{
        "cli",
        "base config telemetry turn wire contract encode net authority store lane measure "
        "traffic routes probe "
        "report run incident playbook"
    },
};

/// A library that stays in its rooms, and never stands in a public header.
struct Library {
    std::string_view name, include_prefix;
    std::array<std::string_view, 2> rooms;
    std::size_t most_files; ///< 0: any number
};
constexpr std::array k_libraries{
    // One file that includes Beast takes 6 to 40 s to compile.
    Library{"Beast", "boost/beast", {"net", ""}, 4},
    Library{"libcurl", "curl/", {"net", ""}, 0},
    Library{"CLI11", "CLI/", {"cli", ""}, 0},
    Library{"yaml-cpp", "yaml-cpp/", {"config", "measure"}, 0},
    Library{"spdlog", "spdlog/", {"base", ""}, 1},
    Library{"simdjson", "simdjson", {"base", ""}, 1},
    Library{"toml++", "toml++/", {"authority", ""}, 1},
    Library{"SQLite", "sqlite3.h", {"authority", ""}, 1},
    Library{"hiredis", "hiredis/", {"store", ""}, 1},
    Library{"libarchive", "archive", {"base", "incident"}, 0},
};

constexpr std::size_t k_most_lines = 400;
constexpr std::size_t k_most_test_lines = 600;
constexpr std::size_t k_most_files = 30;
/// Folders of data: a file there is a case, and cases are as many as they are.
constexpr std::array<std::string_view, 8> k_data_folders{
    "bad", "cases", "goldens", "data", "seeds", "captures", "terminal", "node_modules"
};

struct Include {
    std::string target;
    bool quoted = false;
    std::size_t line = 0;
};

struct Source {
    fs::path path; ///< relative to the root
    std::string room;
    bool header = false; ///< a public one
    std::size_t lines = 0;
    std::vector<Include> includes;
};

std::optional<Include> include_of(const std::string& line, std::size_t number) {
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string::npos || line[start] != '#') {
        return std::nullopt;
    }
    const auto word = line.find_first_not_of(" \t", start + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) {
        return std::nullopt;
    }
    const auto open = line.find_first_of("<\"", word + 7);
    if (open == std::string::npos) {
        return std::nullopt;
    }
    const auto close = line.find(line[open] == '<' ? '>' : '"', open + 1);
    return Include{line.substr(open + 1, close - open - 1), line[open] == '"', number};
}

Source read_source(const fs::path& root, const fs::path& file, std::string room, bool header) {
    Source source{fs::relative(file, root), std::move(room), header, 0, {}};
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        ++source.lines;
        if (auto include = include_of(line, source.lines)) {
            source.includes.push_back(std::move(*include));
        }
    }
    return source;
}

bool is_code(const fs::path& path) {
    return path.extension() == ".cpp" || path.extension() == ".hpp";
}

std::vector<fs::path> code_below(const fs::path& folder) {
    std::vector<fs::path> files;
    if (fs::is_directory(folder)) {
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file() && is_code(entry.path())) {
                files.push_back(entry.path());
            }
        }
    }
    std::ranges::sort(files);
    return files;
}

const Room* room_named(std::string_view name) {
    const auto found = std::ranges::find(k_rooms, name, &Room::name);
    return found == k_rooms.end() ? nullptr : &*found;
}

std::string at(const Source& source, std::size_t line) {
    return source.path.generic_string() + ":" + std::to_string(line);
}

/// The room of "oa_stream/<room>/x.hpp", empty for anything else.
std::string_view room_of_target(std::string_view target) {
    constexpr std::string_view prefix = "oa_stream/";
    if (!target.starts_with(prefix)) {
        return {};
    }
    target.remove_prefix(prefix.size());
    return target.substr(0, target.find('/'));
}

void check_direction(const Source& source, const Include& include, std::vector<Finding>& out) {
    const auto target = room_of_target(include.target);
    const auto* room = room_named(source.room);
    if (target.empty() || room == nullptr || target == source.room) {
        return;
    }
    if (room_named(target) == nullptr) {
        out.push_back(
            {"direction", at(source, include.line), "there is no room " + std::string(target)}
        );
    } else if (const auto list = names(*room); std::ranges::find(list, target) == list.end()) {
        out.push_back(
            {"direction",
             at(source, include.line),
             source.room + " may not include " + std::string(target)}
        );
    }
}

/// A quoted include without "oa_stream/" is a private header of the room: it lies beside the file
/// or is named by its path from the room's root.
void check_private(
    const fs::path& root, const Source& source, const Include& include, std::vector<Finding>& out
) {
    if (!include.quoted || include.target.starts_with("oa_stream/")) {
        return;
    }
    const bool beside = fs::exists(root / source.path.parent_path() / include.target);
    const bool in_room = fs::exists(root / "src" / source.room / include.target);
    if (source.header || include.target.find("..") != std::string::npos || (!beside && !in_room)) {
        out.push_back(
            {"foreign-header",
             at(source, include.line),
             include.target + " is not a header of this room"}
        );
    }
}

void check_library(const Source& source, const Include& include, std::vector<Finding>& out) {
    if (include.quoted) {
        return;
    }
    for (const auto& library : k_libraries) {
        if (!include.target.starts_with(library.include_prefix)) {
            continue;
        }
        const auto name = std::string(library.name);
        if (source.header) {
            out.push_back({"header-library", at(source, include.line), name + " in a public header"}
            );
        } else if (std::ranges::find(library.rooms, source.room) == library.rooms.end()) {
            out.push_back(
                {"library",
                 at(source, include.line),
                 name + " stays in " + std::string(library.rooms[0])}
            );
        }
    }
}

void check_library_counts(std::span<const Source> sources, std::vector<Finding>& out) {
    for (const auto& library : k_libraries) {
        if (library.most_files == 0) {
            continue;
        }
        const auto users = std::ranges::count_if(sources, [&](const Source& source) {
            return std::ranges::any_of(source.includes, [&](const Include& include) {
                return include.target.starts_with(library.include_prefix);
            });
        });
        if (std::cmp_greater(users, library.most_files)) {
            out.push_back(
                {"library",
                 "src/" + std::string(library.rooms[0]),
                 std::string(library.name) + " in " + std::to_string(users) + " files, at most " +
                     std::to_string(library.most_files)}
            );
        }
    }
}

std::string text_of(const fs::path& file) {
    std::ifstream stream(file);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

/// The words of a CMakeLists.txt outside comments that name a C++ file.
std::set<std::string> listed_in(const fs::path& cmake_lists) {
    std::set<std::string> names;
    std::ifstream stream(cmake_lists);
    for (std::string line; std::getline(stream, line);) {
        line = line.substr(0, line.find('#'));
        std::ranges::replace_if(line, [](char c) { return c == '(' || c == ')' || c == '"'; }, ' ');
        std::istringstream words(line);
        for (std::string word; words >> word;) {
            if (word.ends_with(".cpp")) {
                names.insert(word);
            }
        }
    }
    return names;
}

/// A folder in a room may list its sources itself.
void check_listed(const fs::path& root, const fs::path& folder, std::vector<Finding>& out) {
    const auto list = folder / "CMakeLists.txt";
    if (!fs::exists(list)) {
        return;
    }
    const auto where = fs::relative(list, root).generic_string();
    const auto listed = listed_in(list);
    std::set<fs::path> apart;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.is_directory() && fs::exists(entry.path() / "CMakeLists.txt")) {
            apart.insert(entry.path());
            check_listed(root, entry.path(), out);
        }
    }
    for (const auto& file : code_below(folder)) {
        const auto below = fs::relative(file, folder);
        const auto name = below.generic_string();
        if (file.extension() == ".cpp" && !listed.contains(name) &&
            !apart.contains(folder / *below.begin())) {
            out.push_back({"listed", where, name + " is not listed"});
        }
    }
    // Data, as playbooks/*.yaml, may be: what is there is shipped.
    static const std::regex k_globbed(R"(GLOB[^)]*(\*|\*\.[chi]pp)["\s)])");
    if (std::regex_search(text_of(list), k_globbed)) {
        out.push_back({"listed", where, "sources are listed by hand, not globbed"});
    }
}

void check_all_lists(const fs::path& root, std::vector<Finding>& out) {
    for (const auto* top : {"src", "tests"}) {
        if (!fs::is_directory(root / top)) {
            continue;
        }
        std::vector<fs::path> folders;
        for (const auto& entry : fs::directory_iterator(root / top)) {
            if (entry.is_directory()) {
                folders.push_back(entry.path());
            }
        }
        std::ranges::sort(folders);
        for (const auto& folder : folders) {
            if (!fs::exists(folder / "CMakeLists.txt") && !code_below(folder).empty() &&
                room_named(folder.filename().string()) != nullptr) {
                out.push_back(
                    {"listed",
                     fs::relative(folder, root).generic_string(),
                     "there is no CMakeLists.txt"}
                );
            }
            check_listed(root, folder, out);
        }
    }
}

/// Rows "| `room` | … | `a`, `b` |" of docs/architecture.md → what each may include.
std::map<std::string, std::string> documented(const fs::path& page) {
    std::map<std::string, std::string> rows;
    std::ifstream stream(page);
    for (std::string line; std::getline(stream, line);) {
        std::vector<std::string> cells;
        std::istringstream row(line);
        for (std::string cell; std::getline(row, cell, '|');) {
            std::erase_if(cell, [](char c) { return c == '`' || c == ' '; });
            cells.push_back(cell);
        }
        if (cells.size() == 4 && room_named(cells[1]) != nullptr) {
            rows[cells[1]] = cells[3];
        }
    }
    return rows;
}

std::string shown(const Room& room) {
    if (room.name == "cli") {
        return "all";
    }
    auto text = std::string(room.may_include.empty() ? "–" : room.may_include);
    std::ranges::replace(text, ' ', ',');
    return text;
}

void check_docs(const fs::path& root, std::vector<Finding>& out) {
    const auto rows = documented(root / "docs" / "architecture.md");
    for (const auto& room : k_rooms) {
        const auto row = rows.find(std::string(room.name));
        const auto want = shown(room);
        if (row == rows.end()) {
            out.push_back(
                {"docs", "docs/architecture.md", "no row for room " + std::string(room.name)}
            );
        } else if (row->second != want) {
            out.push_back(
                {"docs",
                 "docs/architecture.md",
                 std::string(room.name) + " may include " + want + ", the page says " + row->second}
            );
        }
    }
}

std::vector<Source> sources_of(const fs::path& root) {
    std::vector<Source> sources;
    for (const auto& [top, header] :
         {std::pair{fs::path("src"), false}, {fs::path("include/oa_stream"), true}}) {
        for (const auto& file : code_below(root / top)) {
            const auto room = fs::relative(file, root / top).begin()->string();
            sources.push_back(read_source(root, file, room, header));
        }
    }
    return sources;
}

void check_rooms_exist(std::span<const Source> sources, std::vector<Finding>& out) {
    for (const auto& source : sources) {
        if (room_named(source.room) == nullptr) {
            out.push_back(
                {"direction", source.path.generic_string(), "there is no room " + source.room}
            );
        }
    }
}

void check_lengths(
    const fs::path& root, std::span<const Source> sources, std::vector<Finding>& out
) {
    const auto judge = [&](const Source& source, std::size_t most) {
        if (source.lines > most) {
            out.push_back(
                {"length",
                 source.path.generic_string(),
                 std::to_string(source.lines) + " lines, at most " + std::to_string(most)}
            );
        }
    };
    for (const auto& source : sources) {
        judge(source, k_most_lines);
    }
    for (const auto& file : code_below(root / "tests")) {
        judge(read_source(root, file, "tests", false), k_most_test_lines);
    }
}

/// Public is what a file of another room includes, and what such a header needs of its own room.
std::set<std::string> public_headers(std::span<const Source> sources) {
    std::set<std::string> out;
    for (std::size_t known = 1; known != out.size();) {
        known = out.size();
        for (const auto& source : sources) {
            const bool shown = source.header && out.contains(source.path.generic_string());
            for (const auto& include : source.includes) {
                if (shown || room_of_target(include.target) != source.room) {
                    out.insert("include/" + include.target);
                }
            }
        }
    }
    return out;
}

void check_public(std::span<const Source> sources, std::vector<Finding>& out) {
    const auto used = public_headers(sources);
    for (const auto& source : sources) {
        const auto path = source.path.generic_string();
        if (source.header && !used.contains(path)) {
            out.push_back({"public-header", path, "no other room includes it: move it to src"});
        }
    }
}

void check_folder(const fs::path& root, const fs::path& folder, std::vector<Finding>& out) {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        if (entry.is_regular_file()) {
            ++files;
        } else if (entry.is_directory() &&
                   std::ranges::find(k_data_folders, name) == k_data_folders.end()) {
            check_folder(root, entry.path(), out);
        }
    }
    if (files > k_most_files) {
        out.push_back(
            {"folder",
             fs::relative(folder, root).generic_string(),
             std::to_string(files) + " files, at most " + std::to_string(k_most_files)}
        );
    }
}

/// A compiler's output was committed below src once.
void check_kinds(const fs::path& root, std::vector<Finding>& out) {
    constexpr std::array kinds{".cpp", ".hpp", ".in", ".cmake"};
    for (const auto* top : {"src", "include"}) {
        if (!fs::is_directory(root / top)) {
            continue;
        }
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            const auto& path = entry.path();
            if (entry.is_regular_file() && path.filename() != "CMakeLists.txt" &&
                std::ranges::find(kinds, path.extension()) == kinds.end()) {
                out.push_back({"kind", fs::relative(path, root).generic_string(), "it is no source"}
                );
            }
        }
    }
}

void check_folders(const fs::path& root, std::vector<Finding>& out) {
    for (const auto* top : {"src", "include", "tests"}) {
        if (fs::is_directory(root / top)) {
            check_folder(root, root / top, out);
        }
    }
}

} // namespace

std::span<const Room> rooms() noexcept {
    return k_rooms;
}

std::vector<std::string> names(const Room& room) {
    std::istringstream words{std::string(room.may_include)};
    return {std::istream_iterator<std::string>(words), {}};
}

std::vector<Finding> check_tree(const fs::path& root) {
    std::vector<Finding> out;
    const auto sources = sources_of(root);
    check_rooms_exist(sources, out);
    for (const auto& source : sources) {
        for (const auto& include : source.includes) {
            check_direction(source, include, out);
            check_private(root, source, include, out);
            check_library(source, include, out);
        }
    }
    check_library_counts(sources, out);
    check_all_lists(root, out);
    check_lengths(root, sources, out);
    check_public(sources, out);
    check_folders(root, out);
    check_kinds(root, out);
    check_docs(root, out);
    return out;
}

std::string describe(std::span<const Finding> findings) {
    std::string text;
    for (const auto& finding : findings) {
        text += finding.rule + " " + finding.where + ": " + finding.text + "\n";
    }
    return text;
}

} // namespace oa_stream::shape
