//! The task that delivers records to the logging service.
//!
//! Rule of thumb: a record leaves the spool as delivered only when the logging service has
//! acknowledged it as stored. Whatever may be different next time is tried again; a record that is
//! refused for its content is given up alone, and the others go on.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use monitoring::{Counter, Each, Family, LabelEnum as _, RequestContext, SpanError, Traces, label_enum};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, info, warn};

use super::books::Books;
use super::line::RecordLine;
use super::spool::{Settlement, Spool};
use crate::log_service::LogRoute;

label_enum! {
    /// Why a delivery did not succeed.
    pub(crate) enum DeliveryError: "reason" {
        /// No connection, or it broke.
        Connection = "connection",
        /// No answer in time.
        Timeout = "timeout",
        /// 429 or 503: the logging service asked to come back later.
        Busy = "busy",
        /// 400, 413 or 422: the records themselves were refused.
        Rejected = "rejected",
        /// Any other answer; perhaps something else listens there.
        Unexpected = "unexpected",
    }
}

/// Records of one request.
const BATCH_RECORDS: usize = 500;
/// Bytes of one request, about.
const BATCH_BYTES: u64 = 1024 * 1024;
/// How long a record may wait for others to share its request. A request costs both services far more than a record
/// of it does, the commit at its end above all, so a busy service sends a few large ones.
const LINGER: Duration = Duration::from_millis(200);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Delivers what is in the spool until told to stop.
pub(super) struct RecordDelivery {
    pub(super) spool: Spool,
    pub(super) books: Books,
    pub(super) log: LogRoute,
    pub(super) errors: Family<Counter, Each<DeliveryError>>,
    pub(super) traces: Traces,
    /// Set when the service stops: from then on, only until that moment.
    pub(super) stop: watch::Receiver<Option<Instant>>,
    /// Rung when there are records.
    pub(super) bell: std::sync::Arc<tokio::sync::Notify>,
}

/// What the logging service answers to records that it has stored.
#[derive(Deserialize)]
struct Acknowledgement {
    accepted: usize,
    duplicates: usize,
}

impl RecordDelivery {
    /// Runs until the stop's moment, or until all is delivered after the stop was called.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut batch_limit = BATCH_RECORDS;
        loop {
            let stop_at = *self.stop.borrow_and_update();
            let batch = self.spool.lend(batch_limit, BATCH_BYTES).await;
            if batch.is_empty() {
                if stop_at.is_some() {
                    return;
                }
                self.wait_for_records().await;
                continue;
            }
            if stop_at.is_some_and(|stop_at| stop_at <= Instant::now()) {
                return;
            }
            match self.deliver(&batch).await {
                Ok(()) => {
                    let more_wait = batch.len() == batch_limit || bytes(&batch) >= BATCH_BYTES / 2;
                    self.spool.settle(Settlement::Delivered);
                    if pause != FIRST_PAUSE {
                        info!(spooled = self.books.waiting().records, "prediction_log_delivery_resumed");
                    }
                    (pause, batch_limit) = (FIRST_PAUSE, BATCH_RECORDS);
                    if !more_wait {
                        self.linger().await;
                    }
                }
                Err((DeliveryError::Rejected, problem)) if batch.len() == 1 => {
                    error!(problem, record = %String::from_utf8_lossy(&batch[0].text), "prediction_log_record_rejected");
                    self.spool.settle(Settlement::Rejected);
                }
                // One of these records is refused; halving finds it, and the others get through.
                Err((DeliveryError::Rejected, _)) => batch_limit = batch.len() / 2,
                Err((reason, problem)) => {
                    if pause == FIRST_PAUSE {
                        warn!(reason = reason.as_str(), problem, "prediction_log_delivery_failing");
                    }
                    self.rest(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits for a record, and then a moment for others to go with it.
    async fn wait_for_records(&mut self) {
        tokio::select! {
            () = self.bell.notified() => {}
            // An error means that the outbox is gone, and with it everybody who could record.
            _ = self.stop.changed() => return,
        }
        self.linger().await;
    }

    /// Lets records gather, unless the service stops.
    async fn linger(&mut self) {
        if self.stop.borrow().is_none() {
            tokio::select! {
                () = sleep(LINGER) => {}
                _ = self.stop.changed() => {}
            }
        }
    }

    /// Pauses between half and all of `pause`, so that several senders do not come back together.
    async fn rest(&mut self, pause: Duration) {
        let jittered = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        if self.stop.borrow().is_some() {
            return sleep(jittered.min(FIRST_PAUSE)).await;
        }
        tokio::select! {
            () = sleep(jittered) => {}
            _ = self.stop.changed() => {}
        }
    }

    async fn deliver(&self, batch: &[RecordLine]) -> Result<(), (DeliveryError, String)> {
        let context = RequestContext::outgoing(&self.traces, "POST /log");
        let result = self.attempt(batch, &context).await;
        let reason = result.as_ref().err().map(|(reason, _)| *reason);
        if let Some(reason) = reason {
            self.errors.with(reason).inc();
        }
        let error = reason.map(|reason| SpanError { error_type: reason.as_str(), is_fault: true });
        context.span.end(Instant::now().into(), error);
        result
    }

    async fn attempt(&self, batch: &[RecordLine], context: &RequestContext) -> Result<(), (DeliveryError, String)> {
        let mut body = Vec::with_capacity(batch.iter().map(|line| line.text.len() + 1).sum());
        for line in batch {
            body.extend_from_slice(&line.text);
            body.push(b'\n');
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        context.send_on(&mut headers);
        let deadline = self.stop.borrow().unwrap_or_else(|| Instant::now() + ATTEMPT_TIMEOUT);
        let exchange = async {
            let response = self.log.request(Method::POST).headers(headers).body(body).send().await?;
            Ok((response.status(), response.bytes().await?))
        };
        let exchanged: Result<(StatusCode, Bytes), reqwest::Error> = timeout_at(deadline, exchange)
            .await
            .map_err(|_| (DeliveryError::Timeout, "no answer in time".to_owned()))?;
        let (status, answer) = exchanged.map_err(|error| (DeliveryError::Connection, causes(&error)))?;
        judge(status, &answer, batch.len())
    }
}

fn bytes(batch: &[RecordLine]) -> u64 {
    batch.iter().map(RecordLine::size).sum()
}

fn judge(status: StatusCode, answer: &[u8], sent: usize) -> Result<(), (DeliveryError, String)> {
    let text = || format!("{status}: {}", String::from_utf8_lossy(&answer[..answer.len().min(300)]));
    match status.as_u16() {
        200 => match serde_json::from_slice(answer) {
            Ok(Acknowledgement { accepted, duplicates }) if accepted + duplicates == sent => Ok(()),
            _ => Err((DeliveryError::Unexpected, format!("no acknowledgement of {sent} records; {}", text()))),
        },
        429 | 503 => Err((DeliveryError::Busy, text())),
        400 | 413 | 422 => Err((DeliveryError::Rejected, text())),
        _ => Err((DeliveryError::Unexpected, text())),
    }
}

/// The error with its causes; the outermost alone says only that sending failed.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
