# cmake -DPAGES=a.1;b.5 -DMAN=FOLDER -P OaMan.cmake: FOLDER/man1/a.1.gz, FOLDER/man5/b.5.gz.
file(REMOVE_RECURSE "${MAN}")
foreach(page IN LISTS PAGES)
    string(REGEX MATCH "[15]$" section "${page}")
    file(COPY "${page}" DESTINATION "${MAN}/man${section}")
endforeach()
file(GLOB pages "${MAN}/man*/*")
execute_process(COMMAND gzip -9 -n ${pages} COMMAND_ERROR_IS_FATAL ANY)
file(TOUCH "${MAN}/stamp")
