//! `ModelInfer`.

use std::time::Instant;

use monitoring::{ApiError, ErrorCode};
use tonic::{Request, Response, Status, Streaming};

use super::calls::context;
use super::deadline::deadline;
use super::proto::{ModelInferRequest, ModelInferResponse};
use super::{message, status};
use crate::app::App;
use crate::model::Prediction;
use crate::oip::request::{InferRequest, request_id};
use crate::oip::{invalid, named};
use crate::predict::{self, Progress, Target};

type Messages = Streaming<ModelInferRequest>;

/// Answers one call, and tells of it whatever its end.
pub(super) async fn infer(app: &App, call: Request<Messages>) -> Result<Response<ModelInferResponse>, Status> {
    let mut progress = Progress::start(app, context(&call));
    let (metadata, _, messages) = call.into_parts();
    let outcome = match deadline(app, &metadata.into_headers()) {
        Ok(deadline) => {
            // A client hangs up at the deadline, too; that is not leaving early.
            progress.due(deadline);
            predict::within(deadline, answer(deadline, app, &mut progress, messages)).await
        }
        Err(refusal) => Err(refusal),
    };
    match progress.end_with(outcome).await {
        Ok((predictions, (request, target))) => {
            let mut response = Response::new(message::response(&request, &target.engine, &predictions));
            status::identify(response.metadata_mut(), progress.request_id());
            Ok(response)
        }
        Err(refusal) => Err(status::status(&refusal, progress.request_id())),
    }
}

async fn answer(
    deadline: Instant,
    app: &App,
    progress: &mut Progress,
    messages: Messages,
) -> Result<(Vec<Prediction>, (InferRequest, Target)), ApiError> {
    let message = only_message(messages, app.config.max_body_bytes).await?;
    let decoding = Instant::now();
    let asked = (message.model_name.clone(), message.model_version.clone());
    let target = Target::find(app, progress, (named(&asked.0), named(&asked.1)))?;
    progress.named(request_id(named(&message.id)));
    let mut request = message::request(message, &target.engine)?;
    let asked = (request.take_inputs(), request.top_k());
    let predictions = target.run(app, progress, (decoding, deadline), asked).await?;
    Ok((predictions, (request, target)))
}

/// The message of the call. Waiting for the end behind it lets the connection go on in order.
async fn only_message(mut messages: Messages, max_bytes: usize) -> Result<ModelInferRequest, ApiError> {
    let mut next = async || messages.message().await.map_err(|problem| status::unreadable(&problem, max_bytes));
    let Some(message) = next().await? else {
        return Err(ApiError::new(ErrorCode::Cancelled, "The call ended before its message."));
    };
    match next().await? {
        None => Ok(message),
        Some(_) => Err(invalid("The call has more than one message.")),
    }
}
