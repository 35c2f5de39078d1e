//! What the attackers aim at, and how they reach it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// An attacker that cannot get rid of its bytes, or gets no answer, gives up after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are written at a time.
const PART: usize = 64 << 10;
/// A receive buffer so small that an answer has to wait in the service.
pub(super) const SMALL_BUFFER: u32 = 4096;

/// Both services, and what has been thrown at them.
#[derive(Debug)]
pub(super) struct Aim {
    pub(super) inference: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) logging: SocketAddr,
    pub(super) connections: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Aim {
    /// Either service.
    pub(super) fn either(&self, random: &mut Rng) -> SocketAddr {
        if random.bool() { self.inference } else { self.logging }
    }

    /// Connects from one of many addresses, none of which is the honest clients'.
    ///
    /// # Errors
    /// The system's, and the service's refusal.
    pub(super) async fn connect(&self, to: SocketAddr, random: &mut Rng) -> io::Result<TcpStream> {
        self.connect_with(to, random, None).await
    }

    /// The same with a receive buffer of so many bytes.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn connect_with(
        &self,
        to: SocketAddr,
        random: &mut Rng,
        buffer: Option<u32>,
    ) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 6, 6, random.u8(1..250)), 0)))?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = within(socket.connect(to)).await?;
        self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(stream)
    }

    /// Writes what the service takes.
    ///
    /// # Errors
    /// The connection's; also where the service has taken nothing for a while.
    pub(super) async fn write(&self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(PART) {
            within(stream.write_all(part)).await?;
            self.bytes.fetch_add(part.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends a whole request over a connection of its own, and reads what comes back, as far as it comes soon.
    ///
    /// # Errors
    /// The connection's.
    pub(super) async fn send(&self, to: SocketAddr, request: &[u8], random: &mut Rng) -> io::Result<()> {
        let mut stream = self.connect(to, random).await?;
        self.write(&mut stream, request).await?;
        let mut answer = vec![0; PART];
        within(stream.read(&mut answer)).await?;
        Ok(())
    }
}

/// The head and the body of a request by POST.
pub(super) fn post(path: &str, content_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [head(path, content_type, headers, body.len()).as_bytes(), body].concat()
}

/// The head of such a request, which announces so many bytes.
pub(super) fn head(path: &str, content_type: &str, headers: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{headers}\r\n"
    )
}

/// Holds what an attacker has got for a while.
pub(super) async fn hold<T>(held: T, random: &mut Rng) {
    sleep(Duration::from_millis(random.u64(200..4_000))).await;
    drop(held);
}

async fn within<T>(doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, doing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
