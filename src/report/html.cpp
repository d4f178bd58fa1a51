#include "html.hpp"

#include "oa_stream/base/markup.hpp"

#include <fmt/format.h>

namespace oa_stream::report::html {
namespace {

// Contrast of text on its ground is at least 4.5 in both schemes.
constexpr std::string_view k_style = R"~~~(
:root { color-scheme: light dark; --ground: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --card: #f6f8fa; --pass: #116329; --fail: #a40e26; --unsure: #7d4e00; --skip: #57606a;
  --canary: #bc4c00; --stable: #0550ae; --other: #116329; --fourth: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --text: #e6edf3; --soft: #9ea7b3;
  --line: #30363d; --card: #161b22; --pass: #56d364; --fail: #ff7b72; --unsure: #e3b341;
  --skip: #9ea7b3; --canary: #ffa657; --stable: #79c0ff; --other: #56d364; --fourth: #d2a8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--ground);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .75rem;
  overflow-x: auto; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); min-width: 6rem; overflow-wrap: break-word; }
td.wide { min-width: 16rem; }
tr:last-child > * { border-bottom: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .unsure { color: var(--unsure); }
.skip { color: var(--skip); } .badge { font-weight: 700; white-space: nowrap; }
figure { margin: 1rem 0; break-inside: avoid; } figcaption { font-weight: 600; font-size: .95rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 0 2rem; }
svg { width: 100%; height: auto; max-width: 36rem; display: block; }
svg text { fill: var(--text); font: 13px system-ui, sans-serif; }
svg .soft { fill: var(--soft); } svg .axis { stroke: var(--line); }
.stable { --tone: var(--stable); } .canary { --tone: var(--canary); }
.other { --tone: var(--other); } .fourth { --tone: var(--fourth); }
svg .stable, svg .canary, svg .other, svg .fourth { fill: var(--tone); stroke: var(--tone); }
svg .line { fill: none; stroke-width: 1.5; } svg .range { stroke-width: 2.5; opacity: .55; }
svg .limit { stroke: var(--text); stroke-dasharray: 4 3; }
svg .mark { stroke: var(--soft); stroke-dasharray: 1 3; }
.legend { margin: .25rem 0; color: var(--soft); font-size: .9rem; }
.legend > span { display: inline-block; margin-right: .75rem; }
.key { color: var(--tone); } summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
pre.command, pre.rows { white-space: pre-wrap; }
pre.command span { display: inline-block; max-width: 100%; }
pre.rows span { display: block; padding-left: 4ch; text-indent: -4ch; }
@media screen { pre.rows .row { white-space: pre; } }
@media (min-width: 50rem) { pre { white-space: pre-wrap; } }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  .scroll:has(td.wide) thead { display: none; } .scroll td { min-width: 0; }
  .scroll:has(td.wide) tr { display: grid; grid-template-columns: 1fr auto auto;
    border-bottom: 1px solid var(--line); }
  .scroll:has(td.wide) tr:last-child { border-bottom: 0; } .scroll tr:has(td.wide) td { border: 0; }
  td.wide, .scroll:has(td.wide) td:has(code) { grid-column: 1 / -1; } td.wide { padding-top: 0; }
  .scroll:has(td.wide) td:has(code) { padding-bottom: 0; } }
@media print { .scroll { overflow: visible; border: 0; } body { font-size: .75rem; line-height: 1.4; padding: 0;
  max-width: none; } table { font-size: 1em; }
  pre { white-space: pre-wrap; } svg { max-width: 22rem; max-height: 20cm; }
  th, td { padding: .15rem .4rem; min-width: 0; } td.wide { min-width: 0; } tr { break-inside: avoid; }
  .charts { grid-template-columns: 1fr 1fr; } h2 { break-after: avoid; margin-top: 1rem; }
  details { color: var(--soft); } }
)~~~";

/// "pass", "fail", …: the class that colours it.
std::string_view tone(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::pass:
        return "pass";
    case Verdict::fail:
    case Verdict::error:
        return "fail";
    case Verdict::inconclusive:
        return "unsure";
    case Verdict::skipped:
        break;
    }
    return "skip";
}

} // namespace

std::string badge(Verdict verdict) {
    return badge(verdict, to_string(verdict));
}

std::string badge(Verdict verdict, std::string_view word) {
    constexpr auto sign = [](Verdict of) -> std::string_view {
        return of == Verdict::pass ? "✓" : of == Verdict::skipped ? "–" : "✗";
    };
    return fmt::format(
        R"(<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>)",
        tone(verdict),
        verdict == Verdict::inconclusive ? "?" : sign(verdict),
        word
    );
}

std::string page_head(std::string_view title) {
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
        escape_markup(title),
        k_style
    );
}

std::string table(std::string_view label, std::string_view head_row, std::string_view rows) {
    // Reached by keyboard, too: who cannot swipe scrolls with the arrows.
    return fmt::format(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">\n<table>\n"
        "<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n</div>\n",
        escape_markup(label),
        head_row,
        rows
    );
}

} // namespace oa_stream::report::html
