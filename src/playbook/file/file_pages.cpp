// Generates the schema and the page from the tables that read the files.
#include "oa_stream/config/describe.hpp"

#include "file_keys.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

constexpr std::string_view k_intro = R"(# Playbooks

<!-- Made by: oa-stream playbook schema --markdown > docs/playbooks.md -->

A playbook is a YAML file that describes a run: its checks, how the traffic moves, what must hold
before the next step, and what happens otherwise.

    oa-stream playbook list                     the shipped ones
    oa-stream playbook show cutover             one of them, to copy
    oa-stream playbook validate my.yaml         every mistake, with line and column
    oa-stream playbook explain my.yaml          what it will do, step by step

## Rules of the files

- The reader is strict: an unknown or repeated key, a wrong type or a number without its unit is an
  error that names file, line and column, what was expected, and the nearest key.
- Times are written `250ms`, `10s`, `5m`, `2h` or `30d`, shares `5%`, rates `2/s`, `120/m` or
  `10/h`. A bare number is never guessed at.
- Booleans are `true` and `false`. Words that YAML readers disagree about (`yes`, `on`, `010`,
  `12:30`, `~`) are refused where a text is expected; in quotes they are text.
- Anchors, aliases, tags, merge keys and a second document are refused; so is more than 1 MB.
- `${name}` in a value is replaced by a variable: declared under `variables`, given with
  `--set name=value`, or its default. It is inserted as text and never read as YAML, so put quotes
  around it inside `{ }`. A key that may be left out counts as left out when its variable is empty.
  `$${` is the text `${`.
- A run refuses what this release cannot carry out; it never skips it silently.

Editors check while you type with [playbook.schema.json](../playbooks/playbook.schema.json); in
VS Code's YAML extension and others one line at the top of the file is enough:

    # yaml-language-server: $schema=playbook.schema.json

)";

} // namespace

Json playbook_schema() {
    return config::json_schema(
        file::k_playbook,
        "https://openagents.com/schemas/oa-stream/playbook.v1.json",
        "oa-stream playbook"
    );
}

std::string playbook_page() {
    std::string out(k_intro);
    out +=
        "## Shipped playbooks\n\n| name | kind | what | variables |\n| --- | --- | --- | --- |\n";
    for (const ShippedPlaybook& shipped : shipped_playbooks()) {
        const Loaded loaded = load_playbook(shipped.text, shipped.name, {}, Unset::keep);
        std::string variables;
        for (const Variable& variable : loaded.variables) {
            variables += fmt::format(
                "{}`{}`{}",
                variables.empty() ? "" : ", ",
                variable.name,
                variable.fallback ? "" : " (required)"
            );
        }
        out += fmt::format(
            "| [{0}](../playbooks/{0}.yaml) | {1} | {2} | {3} |\n",
            shipped.name,
            loaded.playbook ? to_string(loaded.playbook->kind) : "",
            loaded.playbook ? loaded.playbook->summary : "",
            variables
        );
    }
    out += "\n`cutover-cloud-run` and `rollback-cloud-run` are other names of `cutover` and "
           "`rollback`.\n";
    out += "\n## Keys\n\n";
    out += config::key_tables(file::k_playbook);
    out.pop_back(); // one line end is enough
    return out;
}

} // namespace oa_stream::playbook
