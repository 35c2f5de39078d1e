//! The client of the tests, for code that waits for each answer.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use testkit::{Answer, HttpConnection, HttpRequest};
use tokio::runtime::{self, Runtime};

/// A connection that is kept alive, with one request at a time on it.
pub(super) struct BlockingConnection {
    connection: HttpConnection,
    runtime: Runtime,
}

impl BlockingConnection {
    /// A connection to this address, which is made with the first request.
    ///
    /// # Errors
    /// Where the system gives no means to wait.
    pub(super) fn to(address: SocketAddr) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { connection: HttpConnection::to(address), runtime })
    }

    /// Asks for a path, and gives the body of the answer.
    ///
    /// # Errors
    /// Where the answer is not 200.
    pub(super) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.ask(&HttpRequest::get(path).bytes()).with_context(|| format!("{path} does not answer"))
    }

    /// Sends a request in full, and gives the body of the answer.
    ///
    /// # Errors
    /// Where the answer is not 200.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let answer = self.send(request)?;
        ensure!(answer.status == 200, "the answer is {}: {}", answer.status, answer.text());
        Ok(answer.body)
    }

    /// Sends a request in full, and waits for the end of its answer.
    ///
    /// # Errors
    /// Where there is no answer.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<Answer> {
        Ok(self.runtime.block_on(self.connection.send(request))?)
    }
}

/// A body that is sent to a path, as a request in full.
pub(super) fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    HttpRequest::post(path, body).header("content-type", content_type).bytes()
}
