#include "oa_stream/config/variables.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

namespace oa_stream::config {
namespace {

class Inserter {
public:
    Inserter(const Values& values, std::span<const std::string_view> declared, Problems& problems)
        : values_(values), declared_(declared), problems_(problems) {}

    void visit(YamlNode& node) {
        if (node.kind == YamlKind::scalar) {
            insert(node);
        }
        for (YamlNode& item : node.items) {
            visit(item);
        }
        for (YamlEntry& entry : node.entries) {
            visit(entry.value);
        }
    }
    std::set<std::string, std::less<>> take() { return std::move(used_); }

private:
    void insert(YamlNode& node) {
        if (!node.text.contains("${")) {
            return;
        }
        std::string out;
        std::string_view rest = node.text;
        while (true) {
            const std::size_t at = rest.find("${");
            out += rest.substr(0, at);
            if (at == std::string_view::npos) {
                break;
            }
            if (at > 0 && rest[at - 1] == '$') {
                out += "{"; // its first dollar is there already
                rest.remove_prefix(at + 2);
                continue;
            }
            const std::size_t end = rest.find('}', at);
            if (end == std::string_view::npos) {
                problems_.add(node.at, {}, "'${' has no '}'", "$${ is the text ${");
                node.unset = true;
                return;
            }
            out += value_of(node, rest.substr(at + 2, end - at - 2));
            rest.remove_prefix(end + 1);
        }
        node.text = std::move(out);
        node.inserted = true;
    }

    std::string value_of(YamlNode& node, std::string_view name) {
        used_.emplace(name);
        if (const auto value = values_.find(name); value != values_.end()) {
            return value->second;
        }
        if (!contains(declared_, name)) {
            problems_.add(
                node.at,
                {},
                fmt::format("unknown variable '{}'", printable(name, 40)),
                did_you_mean(name, declared_, "list it under variables")
            );
        }
        node.unset = true;
        return fmt::format("${{{}}}", name);
    }

    const Values& values_;
    std::span<const std::string_view> declared_;
    Problems& problems_;
    std::set<std::string, std::less<>> used_;
};

} // namespace

bool is_variable_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 64 && name.front() >= 'a' && name.front() <= 'z' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
               std::string_view::npos;
}

Result<Values> parse_settings(std::span<const std::string> settings) {
    Values out;
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(
                Code::usage,
                fmt::format("'{}' is not name=value", printable(setting, 40)),
                {},
                "like bake=10m"
            );
        }
        const std::string name = setting.substr(0, equals);
        const std::string value = setting.substr(equals + 1);
        if (find_refused_control(value) || invalid_utf8(value)) {
            return fail(
                Code::usage,
                fmt::format("the value of '{}' has control characters", printable(name, 40))
            );
        }
        if (!out.emplace(name, value).second) {
            return fail(Code::usage, fmt::format("'{}' is set twice", printable(name, 40)));
        }
    }
    return out;
}

std::set<std::string, std::less<>> insert_values(
    YamlNode& node,
    const Values& values,
    std::span<const std::string_view> declared,
    Problems& problems
) {
    Inserter inserter(values, declared, problems);
    inserter.visit(node);
    return inserter.take();
}

} // namespace oa_stream::config
