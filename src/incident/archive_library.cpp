// libarchive, loaded at the first call of it: only bundles need it, and it brings the libraries of
// every format. Everything else calls libarchive as its manual says.
#include "oa_stream/base/process.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <ctime>

// The functions that this room calls, each handed on to the loaded library.
#define OA_REAL(name) OA_LATE_CALL("libarchive.so.13", "libarchive13", name)

using Archive = struct archive;
using Entry = struct archive_entry;

// NOLINTBEGIN(readability-identifier-naming,cert-dcl50-cpp): the names and shapes are libarchive's
extern "C" {

int archive_errno(Archive* one) {
    OA_REAL(archive_errno)(one);
}
const char* archive_error_string(Archive* one) {
    OA_REAL(archive_error_string)(one);
}
la_int64_t archive_filter_bytes(Archive* one, int filter) {
    OA_REAL(archive_filter_bytes)(one, filter);
}
void archive_set_error(Archive* one, int number, const char* format, ...) {
    std::array<char, 512> text{};
    std::va_list rest;
    va_start(rest, format);
    static_cast<void>(std::vsnprintf(text.data(), text.size(), format, rest));
    va_end(rest);
    OA_REAL(archive_set_error)(one, number, "%s", text.data());
}

Archive* archive_read_new() {
    OA_REAL(archive_read_new)();
}
int archive_read_free(Archive* one) {
    OA_REAL(archive_read_free)(one);
}
int archive_read_support_format_tar(Archive* one) {
    OA_REAL(archive_read_support_format_tar)(one);
}
int archive_read_open(
    Archive* one,
    void* data,
    archive_open_callback* open,
    archive_read_callback* read,
    archive_close_callback* close
) {
    OA_REAL(archive_read_open)(one, data, open, read, close);
}
int archive_read_next_header(Archive* one, Entry** entry) {
    OA_REAL(archive_read_next_header)(one, entry);
}
la_ssize_t archive_read_data(Archive* one, void* into, std::size_t size) {
    OA_REAL(archive_read_data)(one, into, size);
}

Archive* archive_write_new() {
    OA_REAL(archive_write_new)();
}
int archive_write_free(Archive* one) {
    OA_REAL(archive_write_free)(one);
}
int archive_write_close(Archive* one) {
    OA_REAL(archive_write_close)(one);
}
int archive_write_add_filter_zstd(Archive* one) {
    OA_REAL(archive_write_add_filter_zstd)(one);
}
int archive_write_set_format_pax_restricted(Archive* one) {
    OA_REAL(archive_write_set_format_pax_restricted)(one);
}
int archive_write_open_filename(Archive* one, const char* file) {
    OA_REAL(archive_write_open_filename)(one, file);
}
int archive_write_header(Archive* one, Entry* entry) {
    OA_REAL(archive_write_header)(one, entry);
}
la_ssize_t archive_write_data(Archive* one, const void* bytes, std::size_t size) {
    OA_REAL(archive_write_data)(one, bytes, size);
}

Entry* archive_entry_new() {
    OA_REAL(archive_entry_new)();
}
void archive_entry_free(Entry* entry) {
    OA_REAL(archive_entry_free)(entry);
}
const char* archive_entry_pathname(Entry* entry) {
    OA_REAL(archive_entry_pathname)(entry);
}
const char* archive_entry_hardlink(Entry* entry) {
    OA_REAL(archive_entry_hardlink)(entry);
}
__LA_MODE_T archive_entry_filetype(Entry* entry) {
    OA_REAL(archive_entry_filetype)(entry);
}
void archive_entry_set_pathname(Entry* entry, const char* path) {
    OA_REAL(archive_entry_set_pathname)(entry, path);
}
void archive_entry_set_size(Entry* entry, la_int64_t size) {
    OA_REAL(archive_entry_set_size)(entry, size);
}
void archive_entry_set_perm(Entry* entry, __LA_MODE_T mode) {
    OA_REAL(archive_entry_set_perm)(entry, mode);
}
void archive_entry_set_filetype(Entry* entry, unsigned int type) {
    OA_REAL(archive_entry_set_filetype)(entry, type);
}
void archive_entry_set_mtime(Entry* entry, std::time_t seconds, long nanoseconds) {
    OA_REAL(archive_entry_set_mtime)(entry, seconds, nanoseconds);
}
}
// NOLINTEND(readability-identifier-naming,cert-dcl50-cpp)
#undef OA_REAL
