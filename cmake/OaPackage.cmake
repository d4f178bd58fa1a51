# What is installed where, and the Debian package of it (cpack -G DEB).
include(GNUInstallDirs)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON) # what is packed was built by name

# The manual pages as packages have them: compressed, without the time.
set(OA_MAN "${CMAKE_BINARY_DIR}/man")
configure_file(packaging/deb/changelog.in "${CMAKE_BINARY_DIR}/changelog" @ONLY)
file(GLOB OA_MAN_PAGES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/man/*.[15]")
add_custom_command(
    OUTPUT "${OA_MAN}/stamp"
    COMMAND ${CMAKE_COMMAND} "-DPAGES=${OA_MAN_PAGES}" -DMAN=${OA_MAN}
            "-DCHANGELOG=${CMAKE_BINARY_DIR}/changelog" -P "${CMAKE_SOURCE_DIR}/cmake/OaMan.cmake"
    DEPENDS ${OA_MAN_PAGES} "${CMAKE_BINARY_DIR}/changelog" "${CMAKE_SOURCE_DIR}/cmake/OaMan.cmake"
    COMMENT "Manual pages and the package's changelog"
    VERBATIM
)
add_custom_target(oa_package DEPENDS "${OA_MAN}/stamp")

install(TARGETS oa-stream RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY "${OA_MAN}/man1" "${OA_MAN}/man5" DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES completions/oa-stream.bash RENAME oa-stream
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES completions/_oa-stream DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES completions/oa-stream.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY playbooks DESTINATION ${CMAKE_INSTALL_DATADIR}/oa-stream)
# Documents lie as they do in the source tree, so that the links between them lead somewhere.
install(FILES README.md CHANGELOG.md CONTRIBUTING.md packaging/deb/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.png")
install(FILES "${OA_MAN}/changelog.gz" DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/deb/lintian-overrides RENAME oa-stream DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)
install(FILES bench/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/bench)
install(DIRECTORY playbooks DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/schemas/ DESTINATION ${CMAKE_INSTALL_DATADIR}/oa-stream/schemas FILES_MATCHING PATTERN "*.json")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} USE_SOURCE_PERMISSIONS)
install(FILES packaging/systemd/oa-stream.service packaging/systemd/oa-stream-verify.service
              packaging/systemd/oa-stream-verify.timer packaging/systemd/oa-stream-verify@.service
              packaging/systemd/oa-stream-verify@.timer packaging/systemd/oa-stream-verify-failed@.service
        DESTINATION /usr/lib/systemd/system)
install(PROGRAMS packaging/mail/mail-failure DESTINATION /usr/lib/oa-stream)
install(FILES packaging/default/verify.env.example DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/sysusers/oa-stream.conf DESTINATION /usr/lib/sysusers.d)
install(FILES packaging/default/oa-stream DESTINATION /etc/default)
install(FILES packaging/logrotate/oa-stream DESTINATION /etc/logrotate.d)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME oa-stream)
set(CPACK_PACKAGE_VENDOR "oa-stream")
set(CPACK_PACKAGE_CONTACT "oa-stream maintainers <maintainers@oa-stream.example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libarchive13, libcurl4 (>= 7.88)") # loaded when they are needed
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "systemd, ca-certificates, man-db")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"runs, verifies, cuts over and rolls back a chat stream lane
The lane speaks the AI SDK stream and OpenAI chat completions in front of a
Codex app-server. The other commands verify it, move traffic to it stage by
stage under measured limits, roll it back, and leave evidence.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/packaging/deb/postinst"
    "${CMAKE_SOURCE_DIR}/packaging/deb/prerm"
    "${CMAKE_SOURCE_DIR}/packaging/deb/postrm"
    "${CMAKE_SOURCE_DIR}/packaging/deb/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
