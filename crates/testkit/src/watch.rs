//! Scrapes the inference service again and again, and requires its books to balance each time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::{HttpConnection, HttpRequest, LogBooks, Metrics, Service};

const SCRAPE_EVERY: Duration = Duration::from_millis(25);

/// Scrapes at work. While nobody listens at the address, they fail, which is fine.
pub struct BooksWatch {
    stop: Arc<AtomicBool>,
    scraping: JoinHandle<Watched>,
}

/// What the scrapes have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Scrapes that were answered.
    pub scrapes: usize,
    /// The most records that waited.
    pub most_spooled: u64,
    /// The most records that a process had dropped.
    pub most_dropped: u64,
}

impl BooksWatch {
    /// Begins to scrape the service, and whatever takes its port after it.
    pub fn start(service: &Service) -> Self {
        Self::start_every(service, SCRAPE_EVERY)
    }

    /// The same at another pace.
    pub fn start_every(service: &Service, every: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let scraping = tokio::spawn(scrape(service.address, every, stop.clone()));
        Self { stop, scraping }
    }

    /// Ends it, and tells what was seen.
    ///
    /// # Panics
    /// If the books did not balance at a scrape, or there was none.
    pub async fn stop(self) -> Watched {
        self.stop.store(true, Ordering::Relaxed);
        let watched = self.scraping.await.expect("the books balance in every scrape");
        assert!(watched.scrapes > 0, "no scrape was answered");
        eprintln!("{} scrapes, in each of which the books balance", watched.scrapes);
        watched
    }
}

async fn scrape(address: SocketAddr, every: Duration, stop: Arc<AtomicBool>) -> Watched {
    let (mut connection, request) = (HttpConnection::to(address), HttpRequest::get("/metrics").bytes());
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched = Watched::default();
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let Ok(answer) = connection.send(&request).await else { continue };
        assert_eq!(answer.status, 200, "{}", answer.text());
        let books = LogBooks::of(&Metrics::parse(&answer.text()));
        assert!(books.balance(), "{books:?}");
        watched.scrapes += 1;
        watched.most_spooled = watched.most_spooled.max(books.spooled);
        watched.most_dropped = watched.most_dropped.max(books.dropped);
    }
    watched
}
