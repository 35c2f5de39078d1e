//! How long connections may take for what they do.

use std::time::Duration;

/// How long connections may take for what they do.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionDeadlines {
    /// Until an HTTP/2 connection has sent its preface.
    pub(super) preface: Duration,
    /// The head of a request over HTTP/1, from its first byte on.
    pub(super) head: Duration,
    /// Without a request, over HTTP/1.
    pub(super) idle: Duration,
    /// Without a call, over HTTP/2.
    pub(super) idle_http2: Duration,
    /// An answer over HTTP/2 of which the client takes nothing.
    pub(super) unread: Duration,
    /// The same, where many requests are under way, of a connection that has more than its share of them.
    pub(super) unread_in_a_crowd: Duration,
    /// The head of the one request of a reserved connection.
    pub(super) reserved_head: Duration,
    /// All of a reserved connection.
    pub(super) reserved: Duration,
    /// Of a connection that was told to end, without a request.
    pub(super) last_words: Duration,
    /// Of such a connection, the answer that was under way.
    pub(super) last_answer: Duration,
}

impl Default for ConnectionDeadlines {
    fn default() -> Self {
        Self {
            preface: Duration::from_secs(10),
            head: Duration::from_secs(15),
            // Longer than clients and proxies keep a connection that they do not use, so that it is they who close it.
            idle: Duration::from_secs(75),
            idle_http2: Duration::from_secs(300),
            unread: Duration::from_secs(60),
            unread_in_a_crowd: Duration::from_secs(2),
            reserved_head: Duration::from_secs(2),
            reserved: Duration::from_secs(5),
            last_words: Duration::from_secs(5),
            last_answer: Duration::from_secs(600),
        }
    }
}

impl ConnectionDeadlines {
    /// How often to look for connections whose time is over.
    pub(super) fn look_interval(&self) -> Duration {
        let Self { preface, head, idle, idle_http2, unread, reserved_head, last_words, .. } = *self;
        let shortest = preface.min(head).min(idle).min(idle_http2).min(unread).min(reserved_head).min(last_words);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}
