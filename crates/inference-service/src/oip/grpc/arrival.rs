//! The messages of calls, held as they come.
//!
//! Rule of thumb: a message takes room by its bytes that are here, and every call but a prediction asks with few of them. The
//! library collects a message without a bound in time, so its bytes are counted, bounded and timed before they get there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream;
use monitoring::{ApiError, ConnectionEnd, ErrorCode, HeldKind, Hold, ServiceTime};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::metrics::GrpcMethod;
use super::status;
use crate::app::App;

/// Most bytes of a message that asks for health or about models.
pub(super) const MAX_QUESTION_BYTES: usize = 16 * 1024;
/// Most bytes of all questions of a call for reflection.
const MAX_REFLECTION_BYTES: usize = 256 * 1024;
/// How long a message may take to come; a prediction has its own deadline.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes around a message: whether it is packed, and its length.
const FRAME_BYTES: usize = 5;

tokio::task_local! {
    /// What the message of the call becomes.
    static PARSED: Arc<Mutex<Hold>>;
}

/// Holds the message of a call, what is made of it, and its answer.
pub(super) async fn hold(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = GrpcMethod::of(request.uri());
    let end = ConnectionEnd::of(&request);
    let (most, patience) = match method {
        GrpcMethod::ModelInfer => (app.config.max_body_bytes.saturating_add(FRAME_BYTES), None),
        GrpcMethod::ServerReflectionInfo => (MAX_REFLECTION_BYTES, None),
        _ => (MAX_QUESTION_BYTES, Some(MESSAGE_PATIENCE)),
    };
    let arriving = Arc::new(tokio::sync::Mutex::new(app.room.moving_hold(HeldKind::Message, CancellationToken::new())));
    let parsed = Arc::new(Mutex::new(app.room.hold(HeldKind::Parsed)));
    let until = patience.map(|patience| Instant::now() + patience);
    let working = Some(arriving.lock().await.service_time());
    let message = |body: Body| {
        ArrivingMessage { body: body.into_data_stream(), hold: arriving.clone(), working, left: most, until }
            .into_body()
    };
    let answer = PARSED.scope(parsed, next.run(request.map(message))).await;
    // Held until here: the message is in memory until the call is answered.
    drop(arriving);
    app.room.hold_answer(&end, answer).await.unwrap_or_else(|refusal| status::plain(&refusal).into_http())
}

/// Takes room for what a message becomes.
///
/// # Errors
/// `RESOURCE_EXHAUSTED` where there is none.
pub(super) fn grow_parsed(bytes: usize) -> Result<(), Status> {
    let grown = PARSED.try_with(|hold| hold.lock().unwrap_or_else(PoisonError::into_inner).grow_now(bytes));
    // Outside of a call there is nothing to hold for.
    grown.unwrap_or(Ok(())).map_err(|refusal| status::plain(&refusal))
}

struct ArrivingMessage {
    body: BodyDataStream,
    hold: Arc<tokio::sync::Mutex<Hold>>,
    /// Held while nobody asks for more of the message.
    working: Option<ServiceTime>,
    /// Bytes that may still come.
    left: usize,
    until: Option<Instant>,
}

impl ArrivingMessage {
    fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(Some(self), async |arriving| {
            let mut arriving = arriving?;
            match arriving.next().await {
                Ok(None) => None,
                Ok(Some(bytes)) => Some((Ok(bytes), Some(arriving))),
                Err(refusal) => Some((Err(status::plain(&refusal)), None)),
            }
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let mut hold = self.hold.lock().await;
        self.working = None;
        let next = async {
            tokio::select! {
                data = self.body.next() => Ok(data),
                () = hold.must_make_way() => Err(hold.too_slow()),
            }
        };
        let data = match self.until {
            Some(until) => timeout_at(until, next).await.unwrap_or_else(|_| Err(late()))?,
            None => next.await?,
        };
        self.working = Some(hold.service_time());
        let bytes = match data {
            None => {
                hold.settle();
                return Ok(None);
            }
            Some(Ok(bytes)) => bytes,
            Some(Err(problem)) => {
                let sentence = "The connection ended before the message was complete.";
                return Err(ApiError::new(ErrorCode::Cancelled, sentence).caused_by(problem));
            }
        };
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(too_large)?;
        hold.grow(bytes.len()).await?;
        hold.moved(bytes.len());
        Ok(Some(bytes))
    }
}

fn late() -> ApiError {
    ApiError::new(ErrorCode::DeadlineExceeded, "The message did not arrive within 30 seconds.")
}

fn too_large() -> ApiError {
    ApiError::new(ErrorCode::TooLarge, "The message has more bytes than this call takes.")
}
