# Most of a translation unit's time goes into the same system headers; precompiled, a cold build takes
# little more than half as long. Only headers that no commit changes belong here, and sources include
# what they use all the same: ./dev lint reads them without (OA_PCH=OFF).
option(OA_PCH "Precompile the system headers that most sources include" ON)

set(OA_PCH_HEADERS
    <algorithm> <array> <charconv> <chrono> <cmath> <cstdint> <deque> <expected> <filesystem> <fstream>
    <functional> <map> <memory> <optional> <random> <set> <span> <sstream> <string> <string_view> <tuple>
    <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> <fmt/ranges.h> <boost/asio.hpp> "${CMAKE_SOURCE_DIR}/include/oa_stream/base/json_library.hpp")

# oa_pch(NAME HEADERS…): a target that others take their precompiled headers from.
function(oa_pch name)
    if(NOT OA_PCH)
        return()
    endif()
    file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/${name}.cpp" CONTENT "// Its target is for the precompiled headers only.\n")
    add_library(${name} OBJECT "${CMAKE_BINARY_DIR}/${name}.cpp")
    target_link_libraries(${name} PRIVATE oa_settings oa_warnings)
    target_precompile_headers(${name} PRIVATE ${ARGN})
    # ccache knows a precompiled header by its bytes, so they must not hold the time.
    target_compile_options(${name} PUBLIC "SHELL:-Xclang -fno-pch-timestamp")
endfunction()

# oa_use_pch(TARGET NAME)
function(oa_use_pch target name)
    if(OA_PCH)
        target_precompile_headers(${target} REUSE_FROM ${name})
        target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    endif()
endfunction()
