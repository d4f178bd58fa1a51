# Two interface targets every room links: how we compile, and what we refuse to compile.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)

add_library(oa_settings INTERFACE)
target_compile_definitions(oa_settings INTERFACE
    _GLIBCXX_ASSERTIONS                 # dereferencing an error result aborts with a line, not garbage
    JSON_USE_IMPLICIT_CONVERSIONS=0
    BOOST_ASIO_SEPARATE_COMPILATION     # src/base/asio.cpp holds the library's code once
    BOOST_ASIO_NO_DEPRECATED
)
target_compile_options(oa_settings INTERFACE -fno-omit-frame-pointer)
target_link_libraries(oa_settings INTERFACE Threads::Threads Boost::headers fmt::fmt nlohmann_json::nlohmann_json)
target_link_options(oa_settings INTERFACE -fuse-ld=lld)

if(OA_SANITIZE STREQUAL "address")
    target_compile_options(oa_settings INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_link_options(oa_settings INTERFACE -fsanitize=address,undefined)
elseif(OA_SANITIZE STREQUAL "thread")
    target_compile_options(oa_settings INTERFACE -fsanitize=thread)
    target_link_options(oa_settings INTERFACE -fsanitize=thread)
elseif(OA_SANITIZE STREQUAL "fuzz")
    target_compile_options(oa_settings INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
    target_link_options(oa_settings INTERFACE -fsanitize=address,undefined)
elseif(OA_SANITIZE STREQUAL "coverage")
    target_compile_options(oa_settings INTERFACE -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(oa_settings INTERFACE -fprofile-instr-generate)
endif()

add_library(oa_warnings INTERFACE)
target_compile_options(oa_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

find_program(OA_CCACHE ccache)
if(OA_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${OA_CCACHE})
endif()
