#include "man_format.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include "core/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace oa_stream::cli {
namespace {

/// Date of the manual's last review: fixed, so that builds are reproducible.
constexpr std::string_view k_reviewed = "2026-11-21";

/// Replaces the non-ASCII characters of the tables.
std::string ascii(std::string_view text) {
    constexpr std::array<std::array<std::string_view, 2>, 8> k_pairs{{
        {"…", "..."},
        {"–", "-"},
        {"→", "->"},
        {"≥", ">="},
        {"≤", "<="},
        {"×", "x"},
        {"±", "+/-"},
        {"’", "'"},
    }};
    std::string out(text);
    for (const auto& [from, to] : k_pairs) {
        for (std::size_t at = out.find(from); at != std::string::npos; at = out.find(from, at)) {
            out.replace(at, from.size(), to);
        }
    }
    return out;
}

/// One paragraph of Markdown: `code` in bold, links as their text.
std::string inline_text(std::string_view markdown) {
    const std::string text = without_links(markdown);
    std::string out;
    bool code = false;
    for (std::size_t at = 0; at <= text.size();) {
        const auto tick = std::min(text.find('`', at), text.size());
        const std::string piece = roff(std::string_view(text).substr(at, tick - at));
        out += code ? fmt::format("\\fB{}\\fR", piece) : piece;
        code = !code;
        at = tick + 1;
    }
    return out;
}

std::vector<std::string> cells_of(std::string_view row) {
    std::vector<std::string> out;
    std::string cell;
    for (std::size_t at = 1; at < row.size(); ++at) {
        if (row[at] == '|' && row[at - 1] != '\\') {
            out.emplace_back(trim(cell));
            cell.clear();
        } else {
            cell += row[at];
        }
    }
    return out;
}

class Converter {
public:
    [[nodiscard]] std::string convert(std::string_view markdown) {
        while (!markdown.empty()) {
            line(cut_line(markdown));
        }
        flush();
        end_code();
        return std::move(out_);
    }

private:
    void line(std::string_view text) {
        if (text.starts_with("```") && !(in_code_ && !fenced_)) {
            flush();
            fenced_ ? end_code() : begin_code();
            fenced_ = !fenced_;
        } else if (fenced_ || (text.starts_with("    ") && paragraph_.empty())) {
            begin_code();
            out_ += roff(fenced_ ? text : text.substr(4)) + '\n';
        } else {
            end_code();
            prose(text);
        }
    }

    void prose(std::string_view text) {
        if (text.starts_with('|')) {
            flush();
            row(cells_of(text));
            return;
        }
        head_.clear();
        if (text.starts_with("# ") || text.starts_with("<!--")) {
            return;
        }
        if (text.starts_with("## ")) {
            flush();
            out_ += fmt::format(".SH {}\n", to_upper(roff(text.substr(3))));
        } else if (text.starts_with("### ")) {
            flush();
            out_ += fmt::format(".SS {}\n", roff(text.substr(4)));
        } else if (text.starts_with("- ")) {
            flush();
            item_ = true;
            paragraph_ = text.substr(2);
        } else if (trim(text).empty()) {
            flush();
        } else {
            paragraph_ += (paragraph_.empty() ? "" : " ") + std::string(trim(text));
        }
    }

    void row(std::vector<std::string> cells) {
        if (head_.empty()) {
            head_ = std::move(cells);
            return;
        }
        if (cells.empty() || cells[0].starts_with("---")) {
            return;
        }
        out_ += fmt::format(".TP\n{}\n", inline_text(cells[0]));
        const std::size_t columns = std::min(cells.size(), head_.size());
        const auto column = std::ranges::find_if(head_, [](const std::string& name) {
            return name == "meaning" || name == "what";
        });
        const auto main = static_cast<std::size_t>(column - head_.begin());
        std::string text = main < columns ? cells[main] : "";
        for (std::size_t at = 1; at < columns; ++at) {
            if (at != main && !cells[at].empty() && cells[at] != "–") {
                text += fmt::format("{}{}: {}.", text.empty() ? "" : " ", head_[at], cells[at]);
            }
        }
        out_ += inline_text(text) + '\n';
    }

    void flush() {
        if (!paragraph_.empty()) {
            const std::string_view before = item_ ? ".IP \\(bu 2\n" : after_head() ? "" : ".PP\n";
            out_ += std::string(before) + inline_text(paragraph_) + '\n';
        }
        paragraph_.clear();
        item_ = false;
    }
    /// mandoc warns of .PP right after a heading.
    [[nodiscard]] bool after_head() const {
        const auto last = out_.rfind('\n', out_.size() < 2 ? 0 : out_.size() - 2);
        const auto begin = last == std::string::npos ? 0 : last + 1;
        return out_.compare(begin, 2, ".S") == 0;
    }

    void begin_code() {
        if (!in_code_) {
            out_ += std::string(after_head() ? "" : ".PP\n") + ".EX\n";
            in_code_ = true;
        }
    }
    void end_code() {
        if (in_code_) {
            out_ += ".EE\n";
            in_code_ = false;
        }
    }

    std::string out_ = ".SH DESCRIPTION\n";
    std::string paragraph_;
    std::vector<std::string> head_;
    bool item_ = false;
    bool in_code_ = false;
    bool fenced_ = false;
};

} // namespace

std::string without_links(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        // A link's text contains no bracket, so `[]` in a code span does not begin a link.
        const auto middle = text[at] == '[' ? text.find(']', at) : std::string_view::npos;
        const bool link = middle != std::string_view::npos && text.substr(middle, 2) == "](";
        const auto end = link ? text.find(')', middle) : std::string_view::npos;
        if (text.substr(at, 2) == "\\|") {
            out += text[++at];
        } else if (end != std::string_view::npos) {
            out += text.substr(at + 1, middle - at - 1);
            at = end;
        } else {
            out += text[at];
        }
    }
    return out;
}

std::string roff(std::string_view text) {
    std::string out;
    for (const char c : ascii(text)) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string man_head(std::string_view name, int section, std::string_view summary) {
    std::string_view line = summary;
    line.remove_suffix(line.ends_with('.') ? 1 : 0);
    return fmt::format(
        ".TH {} {} {} \"oa-stream {}\" \"oa-stream manual\"\n.SH NAME\n{} \\- {}\n",
        roff(to_upper(name)),
        section,
        k_reviewed,
        version(),
        roff(name),
        roff(line)
    );
}

std::string man_from_markdown(std::string_view markdown) {
    return Converter().convert(markdown);
}

} // namespace oa_stream::cli
