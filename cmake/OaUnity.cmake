# A cold build reads the same headers and instantiates the same templates for each source. One
# translation unit a folder does that once: less than half the time, and what a folder says twice is
# an error. ./dev lint reads each source by itself (OA_UNITY=OFF), so each includes what it uses.
option(OA_UNITY "Compile the sources of a folder as one translation unit" OFF)

# oa_unity(TARGET): at the end of the configure run, when each folder has added its sources.
function(oa_unity target)
    if(OA_UNITY)
        set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
        cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY [[${CMAKE_SOURCE_DIR}]] CALL oa_unity_groups [[${target}]])")
    endif()
endfunction()

function(oa_unity_groups target)
    get_target_property(sources ${target} SOURCES)
    get_target_property(base ${target} SOURCE_DIR)
    foreach(source IN LISTS sources)
        cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${base}")
        cmake_path(GET source PARENT_PATH folder)
        cmake_path(RELATIVE_PATH folder BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE group)
        string(MAKE_C_IDENTIFIER "${group}" group)
        # Commands are written in one shape, with the same names: each stands by itself.
        if(source MATCHES "_command\\.cpp$" OR source IN_LIST OA_UNITY_ALONE)
            set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
        else()
            set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP ${group})
        endif()
    endforeach()
endfunction()
