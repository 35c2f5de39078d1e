//! How HTTP/1 and HTTP/2 are spoken, and what the second may cost.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;

use crate::tls::Protocol;

/// Bytes of a connection over HTTP/1 that are read ahead, which bounds what a head that never ends keeps in memory: a path of 64 kB,
/// which is hyper's own bound, and a few headers.
const READ_AHEAD: usize = 72 * 1024;
/// How long an HTTP/2 connection may be silent before it is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer that.
const PING_PATIENCE: Duration = Duration::from_secs(5);
/// Requests that one HTTP/2 connection may have under way; each may hold a body.
const STREAMS: u32 = 256;
/// Bytes that a client may send of one request ahead of what is read of it.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes that a client may send of all requests of a connection ahead of what is read of them.
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// Bytes of answers that one HTTP/2 connection may hold for each of its streams.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may open and reset before they were looked at; more end the connection.
const RESET_BEFORE_ACCEPTED: usize = 20;
/// Streams that may end by the client's mistakes; more end the connection.
const RESET_FOR_MISTAKES: usize = 256;

/// How a protocol is spoken.
pub(super) fn spoken(protocol: Protocol) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    // The time of a head is looked after together with all others.
    http.http1().header_read_timeout(None).max_buf_size(READ_AHEAD);
    let mut http2 = http.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_send_buf_size(SEND_BUFFER);
    http2.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
    http2.keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_PATIENCE);
    http2.max_pending_accept_reset_streams(RESET_BEFORE_ACCEPTED).max_local_error_reset_streams(RESET_FOR_MISTAKES);
    // The builder could also tell the two apart by what a client sends first, but it waits for that without a limit.
    match protocol {
        Protocol::Http1 => http.http1_only(),
        Protocol::Http2 => http.http2_only(),
    }
}
