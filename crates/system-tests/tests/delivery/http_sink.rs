//! A server that takes whatever is posted to it: Slack, and the receivers of webhooks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use serde_json::Value;
use tokio::net::TcpListener;

/// Everything that was posted, in its order.
pub(crate) struct HttpSink {
    pub(crate) address: SocketAddr,
    posts: Arc<Mutex<Vec<(String, Value)>>>,
}

impl HttpSink {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let posts = Arc::new(Mutex::new(Vec::new()));
        let taken = posts.clone();
        let take = async move |uri: Uri, body: Bytes| {
            let body = serde_json::from_slice(&body).unwrap();
            taken.lock().unwrap().push((uri.path().to_owned(), body));
            // What Slack answers to a message that it likes.
            "ok"
        };
        tokio::spawn(async { axum::serve(listener, Router::new().fallback(take)).await });
        Self { address, posts }
    }

    /// The bodies that were posted to a path.
    pub(crate) fn posted_to(&self, path: &str) -> Vec<Value> {
        let posts = self.posts.lock().unwrap();
        posts.iter().filter(|(to, _)| to == path).map(|(_, body)| body.clone()).collect()
    }
}
