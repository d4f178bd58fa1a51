#include "resp.hpp"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <array>
#include <charconv>
#include <utility>

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
    std::uint64_t value = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc() && read.ptr == end ? value : 0;
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

/// hiredis' formatter prints each size with sprintf: two thirds of what an append cost a lane.
void append_command(std::string& out, std::span<const std::string_view> words) {
    append_size(out, '*', words.size());
    for (const auto word : words) {
        append_size(out, '$', word.size());
        out += word;
        out += "\r\n";
    }
}

struct ReplyReader::Impl {
    std::unique_ptr<redisReader, Free> reader{redisReaderCreate()};
};

ReplyReader::ReplyReader() : impl_(std::make_unique<Impl>()) {
    if (!impl_->reader) {
        throw std::bad_alloc();
    }
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
        return std::nullopt;
    }
    const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(raw));
    return reply_of(*reply);
}

} // namespace oa_stream::store
