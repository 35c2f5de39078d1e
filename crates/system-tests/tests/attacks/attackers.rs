//! Clients that send what they like and read nothing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Bytes that the system takes for a client that reads nothing.
const RECEIVED_UNREAD: u32 = 4096;
/// How long to wait before a connection that was closed is made again.
const AGAIN: Duration = Duration::from_millis(100);

/// A request that never ends, or whose answer is never read.
#[derive(Clone)]
pub(super) struct Attack {
    /// What is sent at first.
    pub(super) head: String,
    /// Bytes that follow, all the same.
    pub(super) filler: u8,
    pub(super) bytes: usize,
    /// Whether the attacker looks for an answer, and begins anew when it comes.
    pub(super) reads: bool,
}

impl Attack {
    /// A body of which the last byte never comes.
    pub(super) fn unfinished(path: &str, content_type: &str, bytes: usize) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\ncontent-length: {bytes}\r\n\r\n"
        );
        Self { head, filler: b'1', bytes: bytes - 1, reads: true }
    }

    /// A body that is announced, and of which nothing comes.
    pub(super) fn announced(path: &str, content_type: &str, bytes: usize) -> Self {
        Self { bytes: 0, ..Self::unfinished(path, content_type, bytes) }
    }

    /// A question whose answer nobody reads.
    pub(super) fn unread(path: &str) -> Self {
        Self { head: format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"), filler: 0, bytes: 0, reads: false }
    }

    /// Goes on for ever, over so many connections for each of the attacks. They are closed when this is dropped.
    pub(super) async fn all(attacks: &[Self], address: SocketAddr, connections: usize) {
        let mut clients = JoinSet::new();
        for attack in attacks.iter().cycle().take(connections) {
            clients.spawn(attack.clone().go_on(address));
        }
        clients.join_all().await;
    }

    async fn go_on(self, address: SocketAddr) {
        loop {
            // Whatever ends it, it begins anew.
            let _ = self.once(address).await;
            sleep(AGAIN).await;
        }
    }

    async fn once(&self, address: SocketAddr) -> std::io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        if !self.reads {
            socket.set_recv_buffer_size(RECEIVED_UNREAD)?;
        }
        let stream = socket.connect(address).await?;
        let (mut reading, mut writing) = stream.into_split();
        writing.write_all(self.head.as_bytes()).await?;
        let send = async {
            let piece = vec![self.filler; 64 * 1024];
            let mut left = self.bytes;
            while left > 0 {
                let now = left.min(piece.len());
                writing.write_all(&piece[..now]).await?;
                left -= now;
            }
            std::future::pending::<std::io::Result<()>>().await
        };
        let answered = async {
            if !self.reads {
                std::future::pending::<()>().await;
            }
            let mut answer = [0; 1024];
            reading.read(&mut answer).await.map(drop)
        };
        tokio::select! {
            sent = send => sent,
            answered = answered => answered,
        }
    }
}
