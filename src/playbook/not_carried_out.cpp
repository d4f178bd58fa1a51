// What a playbook may say before the engine can do it. A row leaves this file when it can.
#include "oa_stream/playbook/playbook.hpp"

namespace oa_stream::playbook {
namespace {

class Missing {
public:
    explicit Missing(const Playbook& playbook) : book_(playbook) {}

    std::vector<Error> all() {
        add(book_.shadow.has_value(),
            "shadow",
            "a shadow comparison is part of runs from the next release on");
        return std::move(out_);
    }

private:
    void add(bool present, std::string_view key, std::string message, std::string hint = {}) {
        if (present) {
            out_.push_back({Code::config, std::move(message), std::string(key), std::move(hint)});
        }
    }

    const Playbook& book_;
    std::vector<Error> out_;
};

} // namespace

std::vector<Error> not_carried_out(const Playbook& playbook) {
    return Missing(playbook).all();
}

} // namespace oa_stream::playbook
