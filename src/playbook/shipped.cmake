# cmake -DOUT=… -DFILES=a.yaml;b.yaml -P shipped.cmake: the shipped playbooks as C++ text.
set(rows "")
set(count 0)
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME_WE)
    file(READ "${file}" text)
    string(APPEND rows "    ShippedPlaybook{\"${name}\", R\"~~~~(${text})~~~~\"},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUT}" "#include \"oa_stream/playbook/file.hpp\"

#include <array>

namespace oa_stream::playbook {
namespace {
constexpr std::array<ShippedPlaybook, ${count}> k_shipped{
${rows}};
} // namespace

std::span<const ShippedPlaybook> shipped_playbooks() noexcept {
    return k_shipped;
}
} // namespace oa_stream::playbook
")
