# cmake -DPAGES=a.1;b.5 -DMAN=FOLDER -DCHANGELOG=FILE -P OaMan.cmake: FOLDER/man1/a.1.gz,
# FOLDER/man5/b.5.gz, FOLDER/changelog.gz.
file(REMOVE_RECURSE "${MAN}")
foreach(page IN LISTS PAGES)
    string(REGEX MATCH "[15]$" section "${page}")
    file(COPY "${page}" DESTINATION "${MAN}/man${section}")
endforeach()
file(COPY "${CHANGELOG}" DESTINATION "${MAN}")
file(GLOB pages "${MAN}/man*/*" "${MAN}/changelog")
execute_process(COMMAND gzip -9 -n ${pages} COMMAND_ERROR_IS_FATAL ANY)
file(TOUCH "${MAN}/stamp")
