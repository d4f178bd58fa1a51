# oa_folders(): each folder beside the calling list that has a CMakeLists.txt adds its own sources.
macro(oa_folders)
    file(GLOB lists CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt")
    foreach(list IN LISTS lists)
        cmake_path(GET list PARENT_PATH folder)
        add_subdirectory("${folder}")
    endforeach()
endmacro()

# oa_room(NAME SOURCES a.cpp … [FOLDERS] [USES room…] [PRIVATE target…])
#   one folder, one static library oa_<NAME>; USES names the rooms its headers include. With FOLDERS
#   each folder in it that has a CMakeLists.txt adds its own sources: a new one needs no line here.
function(oa_room name)
    cmake_parse_arguments(ROOM "FOLDERS" "" "SOURCES;USES;PRIVATE" ${ARGN})
    add_library(oa_${name} STATIC ${ROOM_SOURCES})
    target_include_directories(oa_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include"
        PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    list(TRANSFORM ROOM_USES PREPEND oa_)
    target_link_libraries(oa_${name} PUBLIC oa_settings ${ROOM_USES} PRIVATE oa_warnings ${ROOM_PRIVATE})
    oa_use_pch(oa_${name} oa_pch)
    oa_unity(oa_${name})
    if(ROOM_FOLDERS)
        oa_folders()
    endif()
endfunction()

# oa_unit_test(ROOM SOURCES a_test.cpp … [USES room…] [APART word…] [LONG])
#   one Catch2 binary unit_<ROOM>, registered with ctest under that name. Its sources are compiled as
#   oa_quick says. Test cases whose names begin with a word of APART run beside the others as
#   unit_<ROOM>_<word>: for rooms that wait for most of their time. LONG: takes most of a minute in one piece.
function(oa_unit_test room)
    cmake_parse_arguments(UNIT "LONG" "" "SOURCES;USES;APART" ${ARGN})
    add_executable(unit_${room} ${UNIT_SOURCES})
    list(TRANSFORM UNIT_USES PREPEND oa_)
    target_link_libraries(unit_${room} PRIVATE oa_${room} ${UNIT_USES} oa_test_main oa_warnings oa_quick)
    oa_use_pch(unit_${room} oa_test_pch)
    oa_unity(unit_${room})
    target_include_directories(unit_${room} PRIVATE "${CMAKE_SOURCE_DIR}/src/${room}")
    target_compile_definitions(unit_${room} PRIVATE
        OA_SOURCE_DIR="${CMAKE_SOURCE_DIR}" OA_BINARY_DIR="${CMAKE_BINARY_DIR}")
    set(tests unit_${room})
    set(rest) # with a filter Catch2 also runs the hidden ones
    foreach(word IN LISTS UNIT_APART)
        add_test(NAME unit_${room}_${word} COMMAND unit_${room} --durations no "${word}*")
        list(APPEND tests unit_${room}_${word})
        list(APPEND rest "~[.]" "~${word}*")
    endforeach()
    add_test(NAME unit_${room} COMMAND unit_${room} --durations no ${rest})
    set_tests_properties(${tests} PROPERTIES LABELS unit TIMEOUT 900)
    # What takes longest starts first.
    list(LENGTH tests cost)
    if(UNIT_LONG)
        math(EXPR cost "${cost} + 10")
    endif()
    set_tests_properties(${tests} PROPERTIES COST ${cost})
endfunction()
