#include "acceptor.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

namespace oa_stream::net {

namespace {

/// Limits how long a burst of new connections delays running streams.
constexpr int k_batch = 64;
/// Out of descriptors or memory: the kernel queues the clients meanwhile.
constexpr Millis k_exhausted_pause{50};

} // namespace

Acceptor::Acceptor(const asio::any_io_executor& executor, Listener listener, Hooks hooks)
    : socket_(executor, listener.socket.release()), pause_(executor),
      endpoint_(std::move(listener.endpoint)), device_(listener.device), inode_(listener.inode),
      hooks_(std::move(hooks)) {
}

Acceptor::~Acceptor() {
    stop();
}

void Acceptor::resume() {
    if (!backing_off_) {
        arm();
    }
}

void Acceptor::finish() {
    for (int taken = 0; taken <= k_backlog && socket_.is_open() && hooks_.room(); ++taken) {
        if (accept_one() != Step::more) {
            break;
        }
    }
    stop();
}

void Acceptor::stop() {
    if (!socket_.is_open()) {
        return;
    }
    remove_file(); // while we still listen: no other process can have taken the name
    boost::system::error_code ignored;
    socket_.close(ignored);
    pause_.cancel();
    hooks_ = {};
}

void Acceptor::remove_file() const {
    struct stat info{};
    const bool ours = !endpoint_.unix_path.empty() &&
                      ::lstat(endpoint_.unix_path.c_str(), &info) == 0 && info.st_dev == device_ &&
                      info.st_ino == inode_;
    if (ours) {
        ::unlink(endpoint_.unix_path.c_str());
    }
}

void Acceptor::arm() {
    if (armed_ || !socket_.is_open()) {
        return;
    }
    armed_ = true;
    socket_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this()](const boost::system::error_code& error) {
            self->armed_ = false;
            if (!error) {
                self->accept_some();
            }
        }
    );
}

void Acceptor::accept_some() {
    for (int taken = 0; taken < k_batch; ++taken) {
        if (!socket_.is_open() || !hooks_.room()) {
            return;
        }
        switch (accept_one()) {
        case Step::more:
            break;
        case Step::drained:
            arm();
            return;
        case Step::exhausted:
            back_off();
            return;
        }
    }
    arm();
}

Acceptor::Step Acceptor::accept_one() {
    Descriptor peer(
        ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)
    );
    if (peer) {
        hooks_.accepted(std::move(peer));
        return Step::more;
    }
    switch (errno) {
    case EAGAIN:
        return Step::drained;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return Step::exhausted;
    default:
        return Step::more; // that client left while it was queued (accept(2), "Error handling")
    }
}

void Acceptor::back_off() {
    backing_off_ = true;
    pause_.expires_after(k_exhausted_pause);
    pause_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        self->backing_off_ = false;
        if (!error) {
            self->accept_some();
        }
    });
}

} // namespace oa_stream::net
