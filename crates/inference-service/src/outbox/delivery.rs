//! The task that delivers records to the logging service.
//!
//! Rule of thumb: a record leaves the spool as delivered only when the logging service has
//! acknowledged it as stored. What may succeed another time is tried again; a record that is
//! refused for its content is given up alone, and the others go on.

use std::sync::Arc;
use std::time::Duration;

use monitoring::{Backoff, Counter, Each, Family, LabelEnum as _, RequestContext, SpanError, Traces, label_enum};
use prediction_record::read_json;
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use super::books::Books;
use super::line::{Amount, RecordLine};
use super::spool::{Settlement, SpoolInbox};
use crate::log_service::{LogAnswer, LogRequest, LogRoute, NoLogAnswer};

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

/// Most records of one request.
const BATCH_RECORDS: usize = 500;
/// Most bytes of one request, about.
const BATCH_BYTES: u64 = 1024 * 1024;
/// How long a record may wait for others to share its request. A request costs both services far more than a record
/// of it does, above all for the commit at its end, so a busy service sends a few large ones.
const LINGER: Duration = Duration::from_millis(200);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Delivers what is in the spool until told to stop.
pub(super) struct RecordDelivery {
    pub(super) spool: Arc<SpoolInbox>,
    pub(super) books: Books,
    pub(super) log: LogRoute,
    pub(super) errors: Family<Counter, Each<DeliveryError>>,
    pub(super) traces: Traces,
    /// Set when the service stops: from then on, only until that moment.
    pub(super) stop: watch::Receiver<Option<Instant>>,
    /// Wakes the delivery when there are records.
    pub(super) changed: Arc<Notify>,
}

/// Why an attempt did not succeed, with the details for the log.
struct DeliveryFailure {
    reason: DeliveryError,
    problem: String,
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
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        let mut batch_limit = BATCH_RECORDS;
        loop {
            let stop_at = *self.stop.borrow_and_update();
            let Some(batch) = self.lend(batch_limit).await else { return };
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
                    let more_wait = batch.len() == batch_limit || Amount::of(&batch).bytes >= BATCH_BYTES / 2;
                    self.spool.settle(Settlement::Delivered);
                    if backoff.is_failing() {
                        info!(spooled = self.books.waiting().records, "prediction_log_delivery_resumed");
                    }
                    backoff.reset();
                    batch_limit = BATCH_RECORDS;
                    if !more_wait {
                        self.linger().await;
                    }
                }
                Err(DeliveryFailure { reason: DeliveryError::Rejected, problem }) if batch.len() == 1 => {
                    error!(problem, record = %String::from_utf8_lossy(&batch[0].text), "prediction_log_record_rejected");
                    self.spool.settle(Settlement::Rejected);
                }
                // One of these records is refused; halving finds it, and the others get through.
                Err(DeliveryFailure { reason: DeliveryError::Rejected, .. }) => batch_limit = batch.len() / 2,
                Err(DeliveryFailure { reason, problem }) => {
                    if !backoff.is_failing() {
                        warn!(reason = reason.as_str(), problem, "prediction_log_delivery_failing");
                    }
                    self.rest(backoff.next_delay()).await;
                }
            }
        }
    }

    /// The oldest records; `None` if the stop's moment comes before the disk gives them.
    async fn lend(&mut self, records: usize) -> Option<Vec<RecordLine>> {
        let lending = self.spool.lend(records, BATCH_BYTES);
        tokio::pin!(lending);
        loop {
            let stop_at = *self.stop.borrow_and_update();
            let stopped = async {
                match stop_at {
                    Some(stop_at) => sleep_until(stop_at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                lines = &mut lending => return Some(lines),
                () = stopped => return None,
                changed = self.stop.changed() => if changed.is_err() { return None },
            }
        }
    }

    /// Waits for a record, and then a moment for others to go with it.
    async fn wait_for_records(&mut self) {
        tokio::select! {
            () = self.changed.notified() => {}
            // An error means that the outbox is gone, so that no more records can come.
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

    /// Rests before the next attempt; only briefly once the service stops.
    async fn rest(&mut self, delay: Duration) {
        if self.stop.borrow().is_some() {
            return sleep(delay.min(FIRST_DELAY)).await;
        }
        tokio::select! {
            () = sleep(delay) => {}
            _ = self.stop.changed() => {}
        }
    }

    /// Makes one attempt, which is counted and traced.
    async fn deliver(&self, batch: &[RecordLine]) -> Result<(), DeliveryFailure> {
        let context = RequestContext::outgoing(&self.traces, "POST /log");
        let mut body = Vec::with_capacity(batch.iter().map(|line| line.text.len() + 1).sum());
        for line in batch {
            body.extend_from_slice(&line.text);
            body.push(b'\n');
        }
        let deadline = self.stop.borrow().unwrap_or_else(|| Instant::now() + ATTEMPT_TIMEOUT);
        let content_type = "application/x-ndjson";
        let request = LogRequest { method: Method::POST, content_type, body: body.into(), context: &context, deadline };
        let result = match self.log.send(request).await {
            Ok(answer) => judge(&answer, batch.len()),
            Err(problem) => Err(problem.into()),
        };
        let reason = result.as_ref().err().map(|failure| failure.reason);
        if let Some(reason) = reason {
            self.errors.with(reason).inc();
        }
        let error = reason.map(|reason| SpanError { error_type: reason.as_str(), is_fault: true });
        context.span.end(Instant::now().into(), error);
        result
    }
}

impl From<NoLogAnswer> for DeliveryFailure {
    fn from(problem: NoLogAnswer) -> Self {
        let reason = match problem {
            NoLogAnswer::Timeout => DeliveryError::Timeout,
            NoLogAnswer::Connection(_) => DeliveryError::Connection,
        };
        Self { reason, problem: problem.to_string() }
    }
}

/// Whether the answer acknowledges as many records as were sent.
fn judge(answer: &LogAnswer, sent: usize) -> Result<(), DeliveryFailure> {
    let failure = |reason| Err(DeliveryFailure { reason, problem: answer.text() });
    match answer.status.as_u16() {
        200 => match read_json(&answer.body) {
            Ok(Acknowledgement { accepted, duplicates }) if accepted + duplicates == sent => Ok(()),
            _ => Err(DeliveryFailure {
                reason: DeliveryError::Unexpected,
                problem: format!("no acknowledgement of {sent} records; {}", answer.text()),
            }),
        },
        429 | 503 => failure(DeliveryError::Busy),
        400 | 413 | 422 => failure(DeliveryError::Rejected),
        _ => failure(DeliveryError::Unexpected),
    }
}
