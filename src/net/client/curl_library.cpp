// Loads libcurl at its first call: it brings thirty libraries, and loading them takes longer than
// most commands run. All other code calls libcurl as its manual describes.
#include "oa_stream/base/process.hpp"

#include <curl/curl.h>

#include <cstdarg>

// The libcurl functions that this room calls, each forwarded to the loaded library. A variadic
// function takes one more argument, which is as wide as a pointer on every system with curl's LP64
// types. The enums below are as wide as int, so promotion changes nothing.
#pragma clang diagnostic ignored "-Wvarargs"
static_assert(sizeof(CURLoption) == sizeof(int) && sizeof(CURLINFO) == sizeof(int));
static_assert(sizeof(long) == sizeof(void*) && sizeof(curl_off_t) == sizeof(void*));

#define OA_REAL(name) OA_LATE_CALL("libcurl.so.4", "libcurl4", name)

// NOLINTBEGIN(readability-identifier-naming,cert-dcl50-cpp): the names and shapes are libcurl's
extern "C" {

CURLcode curl_global_init(long flags) {
    OA_REAL(curl_global_init)(flags);
}

CURL* curl_easy_init() {
    OA_REAL(curl_easy_init)();
}
void curl_easy_cleanup(CURL* easy) {
    OA_REAL(curl_easy_cleanup)(easy);
}
CURLcode curl_easy_pause(CURL* easy, int mask) {
    OA_REAL(curl_easy_pause)(easy, mask);
}
const char* curl_easy_strerror(CURLcode code) {
    OA_REAL(curl_easy_strerror)(code);
}
CURLcode(curl_easy_setopt)(CURL* easy, CURLoption option, ...) {
    std::va_list rest;
    va_start(rest, option);
    void* const value = va_arg(rest, void*);
    va_end(rest);
    OA_REAL(curl_easy_setopt)(easy, option, value);
}
CURLcode(curl_easy_getinfo)(CURL* easy, CURLINFO info, ...) {
    std::va_list rest;
    va_start(rest, info);
    void* const into = va_arg(rest, void*);
    va_end(rest);
    OA_REAL(curl_easy_getinfo)(easy, info, into);
}

CURLM* curl_multi_init() {
    OA_REAL(curl_multi_init)();
}
CURLMcode curl_multi_cleanup(CURLM* multi) {
    OA_REAL(curl_multi_cleanup)(multi);
}
CURLMcode curl_multi_add_handle(CURLM* multi, CURL* easy) {
    OA_REAL(curl_multi_add_handle)(multi, easy);
}
CURLMcode curl_multi_remove_handle(CURLM* multi, CURL* easy) {
    OA_REAL(curl_multi_remove_handle)(multi, easy);
}
CURLMsg* curl_multi_info_read(CURLM* multi, int* left) {
    OA_REAL(curl_multi_info_read)(multi, left);
}
CURLMcode curl_multi_socket_action(CURLM* multi, curl_socket_t socket, int events, int* running) {
    OA_REAL(curl_multi_socket_action)(multi, socket, events, running);
}
CURLMcode(curl_multi_setopt)(CURLM* multi, CURLMoption option, ...) {
    std::va_list rest;
    va_start(rest, option);
    void* const value = va_arg(rest, void*);
    va_end(rest);
    OA_REAL(curl_multi_setopt)(multi, option, value);
}

curl_slist* curl_slist_append(curl_slist* list, const char* text) {
    OA_REAL(curl_slist_append)(list, text);
}
void curl_slist_free_all(curl_slist* list) {
    OA_REAL(curl_slist_free_all)(list);
}

CURLU* curl_url() {
    OA_REAL(curl_url)();
}
void curl_url_cleanup(CURLU* url) {
    OA_REAL(curl_url_cleanup)(url);
}
CURLUcode curl_url_get(CURLU* url, CURLUPart what, char** part, unsigned int flags) {
    OA_REAL(curl_url_get)(url, what, part, flags);
}
CURLUcode curl_url_set(CURLU* url, CURLUPart what, const char* part, unsigned int flags) {
    OA_REAL(curl_url_set)(url, what, part, flags);
}
void curl_free(void* text) {
    OA_REAL(curl_free)(text);
}
}
// NOLINTEND(readability-identifier-naming,cert-dcl50-cpp)
#undef OA_REAL
