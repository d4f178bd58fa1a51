# cmake -DOA=… -DMADE=… -P OaMade.cmake: what the binary prints about itself, ready to install.
file(REMOVE_RECURSE "${MADE}")
file(MAKE_DIRECTORY "${MADE}/man1")
execute_process(COMMAND "${OA}" man --out "${MADE}/man1" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB pages "${MADE}/man1/*.1")
execute_process(COMMAND gzip -9 -n ${pages} COMMAND_ERROR_IS_FATAL ANY)
foreach(shell IN ITEMS bash zsh fish)
    execute_process(COMMAND "${OA}" completions ${shell} OUTPUT_FILE "${MADE}/${shell}"
                    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(TOUCH "${MADE}/stamp")
