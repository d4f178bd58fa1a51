// help --search: searches the command table, the exit codes and the two file formats.
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/file.hpp"

#include "core/exit_codes.hpp"
#include "help.hpp"
#include "man_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <tuple>
#include <utility>

namespace oa_stream::cli {

namespace {

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    for (const char c : to_lower(text) + " ") {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::exchange(word, {}));
        }
    }
    return out;
}

/// 0: not all words occur. A match in an earlier element of `places` ranks higher.
std::size_t
rank_of(const std::vector<std::string>& words, std::initializer_list<std::string_view> places) {
    std::size_t worst = places.size();
    for (const std::string& word : words) {
        std::size_t rank = 0;
        std::size_t left = places.size();
        for (const std::string_view place : places) {
            if (to_lower(place).contains(word)) {
                rank = left;
                break;
            }
            --left;
        }
        worst = std::min(worst, rank);
    }
    return worst;
}

class Search {
public:
    explicit Search(std::string_view text) : words_(words_of(text)) {}

    void add(std::size_t rank, Found found) {
        if (rank != 0) {
            hits_.push_back({rank, hits_.size(), std::move(found)});
        }
    }

    void command(const CommandSpec& command) {
        const std::string page = page_word(command.path);
        constexpr std::size_t k_above_options = 4;
        const std::size_t rank =
            rank_of(words_, {command.path, command.also, command.summary, command.about});
        add(rank == 0 ? 0 : rank + k_above_options,
            {page, fmt::format("oa-stream {}", command.path), std::string(command.summary)});
        for (const OptionSpec& option : command.options) {
            if (!option.old) {
                add(rank_of(words_, {option.name, option.help, command.path}) > 1
                        ? rank_of(words_, {option.name, option.help})
                        : 0,
                    {page,
                     fmt::format("{} {}", command.path, option.long_name()),
                     std::string(option.help)});
            }
        }
    }

    /// Rows of a page's tables: "| `key` | … |".
    void table(std::string_view page, std::string_view title, std::string_view markdown) {
        while (!markdown.empty()) {
            const std::string_view line = cut_line(markdown);
            if (!line.starts_with("| `")) {
                continue;
            }
            const std::string_view key = line.substr(3, line.find('`', 3) - 3);
            std::string_view help = line.substr(0, line.rfind(" |"));
            help.remove_prefix(help.rfind("| ") + 2); // its last cell is the explanation
            add(rank_of(words_, {key, help}),
                {std::string(page), fmt::format("{}: {}", title, key), without_links(trim(help))});
        }
    }

    std::vector<Found> take(std::size_t limit) {
        std::ranges::sort(hits_, [](const Hit& a, const Hit& b) {
            return std::tuple(b.rank, a.at) < std::tuple(a.rank, b.at);
        });
        hits_.resize(std::min(hits_.size(), limit));
        std::vector<Found> out;
        for (Hit& hit : hits_) {
            out.push_back(std::move(hit.found));
        }
        return out;
    }

    [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

private:
    std::vector<std::string> words_;
    struct Hit {
        std::size_t rank;
        std::size_t at; ///< index in the order of the tables
        Found found;
    };
    std::vector<Hit> hits_;
};

} // namespace

std::vector<Found> search_help(std::string_view words, std::size_t limit) {
    Search search(words);
    if (search.words().empty()) {
        return {};
    }
    for (const CommandSpec& command : all_commands()) {
        search.command(command);
    }
    for (const OptionSpec& option : global_options()) {
        search.add(
            rank_of(search.words(), {option.name, option.help}),
            {"", fmt::format("every command {}", option.long_name()), std::string(option.help)}
        );
    }
    for (const ExitCodeRow& row : k_exit_codes) {
        const std::string name = fmt::format("exit code {}", static_cast<int>(row.code));
        constexpr std::size_t k_above_commands = 9; // "exit 8" must find exactly this line
        const std::size_t rank = rank_of(search.words(), {name, row.meaning});
        search.add(rank > 1 ? k_above_commands : rank, {"", name, std::string(row.meaning)});
    }
    search.table("playbook", "playbook", playbook::playbook_page());
    return search.take(limit);
}

} // namespace oa_stream::cli
