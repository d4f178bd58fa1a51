#include "resp.hpp"

#include "oa_stream/base/text.hpp"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace oa_stream::store {

namespace {

struct Free {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
    void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};

Reply reply_of(const redisReply& from) {
    Reply out;
    switch (from.type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        out.kind = Reply::Kind::text;
        out.text.assign(from.str, from.len);
        break;
    case REDIS_REPLY_ERROR:
        out.kind = Reply::Kind::error;
        out.text.assign(from.str, from.len);
        break;
    case REDIS_REPLY_INTEGER:
        out.kind = Reply::Kind::number;
        out.number = from.integer;
        break;
    case REDIS_REPLY_ARRAY:
        out.kind = Reply::Kind::list;
        out.items.reserve(from.elements);
        for (std::size_t i = 0; i < from.elements; ++i) {
            out.items.push_back(reply_of(*from.element[i]));
        }
        break;
    default:
        break;
    }
    return out;
}

} // namespace

std::string Reply::str() const {
    return kind == Kind::number ? std::to_string(number) : text;
}

std::string Reply::at(std::size_t at) const {
    return at < items.size() ? items[at].str() : std::string();
}

std::uint64_t Reply::count() const {
    if (kind == Kind::number) {
        return number < 0 ? 0 : static_cast<std::uint64_t>(number);
    }
    return number_of<std::uint64_t>(text).value_or(0);
}

void append_command(std::string& out, const Command& command) {
    const std::vector<std::string_view> words(command.begin(), command.end());
    append_command(out, words);
}

namespace {

void append_size(std::string& out, char kind, std::size_t size) {
    std::array<char, 24> line{kind};
    auto* end = std::to_chars(line.data() + 1, line.data() + line.size() - 2, size).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out.append(line.data(), static_cast<std::size_t>(end - line.data()));
}

} // namespace

/// Faster than hiredis' formatter, which prints each size with sprintf: that was two thirds of the
/// cost of an append.
void append_command(std::string& out, std::span<const std::string_view> words) {
    append_size(out, '*', words.size());
    for (const auto word : words) {
        append_size(out, '$', word.size());
        out += word;
        out += "\r\n";
    }
}

namespace {

/// Redis's own limit, unless configured otherwise
constexpr long long k_longest_text = 512LL << 20U;
constexpr int k_most_items = 16 << 20U;
constexpr std::size_t k_longest_line = 16U << 10U; ///< of a number, a size or an error

/// hiredis allocates memory for all announced items, so their number is limited.
void* create_array(const redisReadTask* task, int size) {
    if (size > k_most_items) {
        return nullptr;
    }
    return static_cast<redisReplyObjectFunctions*>(task->privdata)->createArray(task, size);
}

/// An incomplete item begins with its size, after its type. hiredis would buffer all of it, however
/// large it is, so the size is checked.
bool announces_too_much(const redisReader& reader) {
    const auto rest = std::string_view(reader.buf, reader.len).substr(reader.pos);
    const auto line = rest.substr(0, std::min(rest.find("\r\n"), rest.size()));
    if (line.size() > k_longest_line) {
        return true;
    }
    long long size = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), size);
    const bool text = reader.ridx >= 0 && reader.rstack[reader.ridx].type == REDIS_REPLY_STRING;
    return text && (read.ec == std::errc::result_out_of_range || size > k_longest_text);
}

} // namespace

struct ReplyReader::Impl {
    std::unique_ptr<redisReader, Free> reader{redisReaderCreate()};
    redisReplyObjectFunctions made{};
};

ReplyReader::ReplyReader() : impl_(std::make_unique<Impl>()) {
    if (!impl_->reader) {
        throw std::bad_alloc();
    }
    impl_->made = *impl_->reader->fn;
    impl_->made.createArray = create_array;
    impl_->reader->privdata = impl_->reader->fn;
    impl_->reader->fn = &impl_->made;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
    redisReaderFeed(impl_->reader.get(), bytes.data(), bytes.size());
}

Result<std::optional<Reply>> ReplyReader::next() {
    void* raw = nullptr;
    if (redisReaderGetReply(impl_->reader.get(), &raw) != REDIS_OK) {
        return fail(Code::protocol, "the store's answer makes no sense");
    }
    if (raw == nullptr) {
        if (announces_too_much(*impl_->reader)) {
            return fail(Code::protocol, "the store announces more than it can have");
        }
        return std::nullopt;
    }
    const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(raw));
    return reply_of(*reply);
}

} // namespace oa_stream::store
