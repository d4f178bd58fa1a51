#include "oa_stream/playbook/file.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/node.hpp"
#include "oa_stream/traffic/kind.hpp"

#include "file_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace oa_stream::playbook {
namespace {

using config::Node;
using config::Position;
using config::Problems;
using config::YamlEntry;
using config::YamlKind;
using config::YamlNode;

/// Position of "stage.gates[1].at_most" in the file, or of the nearest enclosing node that exists.
Position locate(const YamlNode& root, std::string_view path) {
    const YamlNode* node = &root;
    while (!path.empty()) {
        if (path.front() == '[') {
            std::size_t index = 0;
            const std::size_t end = std::min(path.find(']'), path.size() - 1);
            std::from_chars(path.data() + 1, path.data() + end, index);
            if (index >= node->items.size()) {
                break;
            }
            node = &node->items[index];
            path.remove_prefix(end + 1);
            continue;
        }
        path.remove_prefix(path.front() == '.' ? 1 : 0);
        const std::string_view key = path.substr(0, path.find_first_of(".["));
        const YamlNode* inner = node->find(key);
        if (inner == nullptr) {
            break;
        }
        node = inner;
        path.remove_prefix(key.size());
    }
    return node->at;
}

std::string settings_for(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        out += fmt::format("{}--set {}=…", out.empty() ? "" : " ", name);
    }
    return out;
}

class Loader {
public:
    Loader(std::string_view file, const config::Values& set, Unset unset)
        : problems_(std::string(file)), set_(set), unset_(unset) {
        out_.file = file;
    }

    Loaded load(std::string_view text) {
        auto root = config::parse_yaml(text, problems_);
        if (root && root->kind != YamlKind::map) {
            problems_.add(
                root->at,
                {},
                "expected a mapping, found " + std::string(config::to_string(root->kind))
            );
        } else if (root) {
            variables(*root);
            if (problems_.empty()) { // otherwise every use of them would be reported too
                insert(*root);
                read(*root);
            }
        }
        problems_.sort();
        out_.problems = problems_.all();
        if (!out_.problems.empty()) {
            out_.playbook.reset();
        }
        return std::move(out_);
    }

private:
    void variables(const YamlNode& root) {
        const YamlNode* list = root.find("variables");
        if (list == nullptr) {
            return;
        }
        for (const Node& item : Node(*list, problems_, "variables").list()) {
            Variable variable;
            config::read_section(item, file::k_variable, variable);
            if (item.yaml().kind == YamlKind::map && !variable.name.empty()) {
                declare(item, std::move(variable));
            }
        }
    }

    void declare(const Node& item, Variable variable) {
        const bool has_default = file::has(item, "default");
        const YamlNode* required = item.yaml().find("required");
        const bool must = required != nullptr && required->text == "true";
        if (!config::is_variable_name(variable.name)) {
            item.refuse(
                fmt::format("'{}' is not a name for a variable", printable(variable.name, 40)),
                "lower-case letters, digits and _, a letter first"
            );
        } else if (has_default == must) {
            item.refuse(
                fmt::format("variable {} needs either a default or required: true", variable.name)
            );
        } else if (contains(out_.variables, variable.name, &Variable::name)) {
            item.refuse(fmt::format("variable {} is listed twice", variable.name));
        }
        places_.push_back(item.at());
        out_.variables.push_back(std::move(variable));
    }

    /// Given values and defaults; reports missing variables at once.
    config::Values values() {
        config::Values out;
        std::vector<std::string_view> names;
        for (const Variable& variable : out_.variables) {
            names.push_back(variable.name);
            const auto given = set_.find(variable.name);
            if (given != set_.end()) {
                out.insert_or_assign(variable.name, given->second);
            } else if (variable.fallback) {
                out.insert_or_assign(variable.name, *variable.fallback);
            } else {
                out_.unset.push_back(variable.name);
            }
        }
        for (const auto& [name, value] : set_) {
            if (!contains(names, name)) {
                std::string known = names.empty()
                                        ? "it has none"
                                        : fmt::format("there are {}", fmt::join(names, ", "));
                problems_.add(
                    {},
                    fmt::format("{} {}", names::set, name),
                    fmt::format("{} {}: no such variable", names::set, printable(name, 40)),
                    did_you_mean(name, names, std::move(known))
                );
            }
        }
        if (!out_.unset.empty() && unset_ == Unset::refuse) {
            problems_.add(
                {},
                "variables", // the list after a misspelt key
                fmt::format("no value for {}", fmt::join(out_.unset, ", ")),
                settings_for(out_.unset)
            );
        }
        return out;
    }

    void insert(YamlNode& root) {
        const config::Values known = values();
        std::vector<std::string_view> names;
        names.reserve(out_.variables.size());
        for (const Variable& variable : out_.variables) {
            names.push_back(variable.name);
        }
        std::set<std::string, std::less<>> used;
        for (YamlEntry& top : root.entries) {
            if (top.key != "variables") {
                used.merge(config::insert_values(top.value, known, names, problems_));
            }
        }
        for (std::size_t i = 0; i < out_.variables.size(); ++i) {
            const std::string& name = out_.variables[i].name;
            if (!used.contains(name)) {
                problems_.add(
                    places_[i],
                    fmt::format("variables[{}].name", i),
                    fmt::format("variable {} is used nowhere", name)
                );
            }
        }
    }

    void read(const YamlNode& root) {
        Playbook playbook;
        config::read_section(Node(root, problems_, ""), file::k_playbook, playbook);
        link_readings(playbook);
        playbook.afterwards = playbook.kind == Kind::cutover || playbook.kind == Kind::rollback
                                  ? Afterwards::stay
                                  : Afterwards::restore;
        if (playbook.kind == Kind::cutover && !playbook.continuity) {
            playbook.continuity = Continuity::required;
        }
        if (problems_.empty()) {
            for (const Error& error : problems_of(playbook)) {
                problems_.add(
                    locate(root, error.where),
                    error.where,
                    fmt::format("{}: {}", error.where, error.message),
                    error.hint
                );
            }
        }
        out_.playbook = std::move(playbook);
    }

    Loaded out_;
    Problems problems_;
    const config::Values& set_;
    Unset unset_;
    std::vector<Position> places_; ///< positions of out_.variables
};

} // namespace

Loaded load_playbook(
    std::string_view text, std::string_view file, const config::Values& set, Unset unset
) {
    return Loader(file, set, unset).load(text);
}

Result<Playbook>
read_playbook(std::string_view text, std::string_view file, const config::Values& set) {
    Loaded loaded = load_playbook(text, file, set, Unset::refuse);
    auto& playbook = loaded.playbook;
    if (!playbook) {
        return std::unexpected(loaded.problems.front().error());
    }
    return *std::move(playbook);
}

std::optional<Kind> stated_kind(std::string_view text) {
    Problems unread{std::string()};
    const auto root = config::parse_yaml(text, unread);
    const YamlNode* kind = root ? root->find("kind") : nullptr;
    const auto found = std::ranges::find(k_kind_words, kind == nullptr ? "" : kind->text);
    return found == k_kind_words.end()
               ? std::nullopt
               : std::optional(static_cast<Kind>(found - k_kind_words.begin()));
}

const ShippedPlaybook* shipped_playbook(std::string_view name) {
    std::string_view file = name;
    for (const traffic::DriverKind* driver : traffic::driver_kinds()) {
        for (const std::string_view kind : {"cutover", "rollback"}) {
            if (driver->plain_playbooks && name == fmt::format("{}-{}", kind, driver->name)) {
                file = kind;
            }
        }
    }
    return find_or_null(shipped_playbooks(), file, &ShippedPlaybook::name);
}

Result<NamedText> find_playbook(std::string_view name) {
    const bool path = name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml");
    if (path) {
        // More than is accepted, so that the YAML reader reports the excess.
        auto text = read_file(std::string(name), 2 * config::YamlLimits{}.bytes);
        if (!text) {
            text.error().code = Code::unreadable;
            text.error().hint = Suggestion{"playbook list"} + " names those that are shipped";
            return std::unexpected(std::move(text).error());
        }
        return NamedText{std::string(name), *std::move(text)};
    }
    if (const ShippedPlaybook* shipped = shipped_playbook(name)) {
        return NamedText{std::string(name), std::string(shipped->text)};
    }
    const auto names = mapped(shipped_playbooks(), &ShippedPlaybook::name);
    return fail(
        Code::usage,
        fmt::format("no playbook is called '{}'", printable(name, 60)),
        {},
        did_you_mean(
            name, names, fmt::format("a file ending in .yaml, or {}", fmt::join(names, ", "))
        )
    );
}

} // namespace oa_stream::playbook
