// SPDX-License-Identifier: Apache-2.0
#include "session/report_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string>

#include "util/io.h"

namespace tcpdiag::session {
namespace {

// 0, or the errno that ended it; ECANCELED: two signals did. A pipe that is ready takes PIPE_BUF bytes without waiting.
int write_stream(int fd, std::string_view text, const Signals& signals, int err) {
  while (signals.take() != 0) {  // those sent while the trace ended: it ended
  }
  for (int asked = 0; !text.empty();) {
    std::array<pollfd, 2> ready{
        {{.fd = fd, .events = POLLOUT, .revents = 0}, {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    if (ready[1].revents != 0 && signals.take() != 0) {
      if (++asked == 2) return ECANCELED;
      write_all(err, "tcpdiag: the report is being written; once more ends without it\n");
    }
    if (ready[0].revents == 0) continue;
    const ssize_t written = ::write(fd, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      return errno;
    }
  }
  return 0;
}

Error stream_error(int error) {
  if (error == EPIPE) {
    return {.what = "standard output was closed before the whole report was written",
            .hint = "use -o FILE to keep all of it"};
  }
  if (error == ECANCELED) return {.what = "interrupted while the report was written", .hint = "part of it is missing"};
  return {.what = "cannot write the report to standard output: " + errno_text(error), .hint = "use -o FILE"};
}

Result<> write_standard(std::string_view text, const Signals& signals, Streams streams) {
  const int error = write_stream(streams.out, text, signals, streams.err);
  if (error == 0) return {};
  Error answer = stream_error(error);
  const bool elsewhere = error != EPIPE && error != ECANCELED && ::isatty(streams.err) == 1 &&
                         write_stream(streams.err, text, signals, streams.err) == 0;
  if (elsewhere) answer.hint = "it is printed above";
  return tl::unexpected(std::move(answer));
}

}  // namespace

Result<> write_report(Output& output, std::string_view text, const Signals& signals, Streams streams) {
  if (!output.is_file()) return write_standard(text, signals, streams);
  const Result<> written = output.write_file(text);
  if (written) return {};
  Error answer = written.error();
  if (write_standard(text, signals, streams)) {
    output.discard();
    answer.hint = output.is_kept() ? "what it has stays, the rest and the report went to standard output"
                                   : "the report went to standard output instead";
  } else {
    output.keep();
    answer.hint = "nor could it be printed; what fits is in " + output.shown();
  }
  return tl::unexpected(std::move(answer));
}

}  // namespace tcpdiag::session
