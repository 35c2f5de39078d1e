//! `ModelInfer`.

use std::time::Instant;

use monitoring::{ApiError, ErrorCode, RequestContext};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};

use super::deadline::deadline;
use super::message::named;
use super::proto::{ModelInferRequest, ModelInferResponse};
use super::{message, status};
use crate::app::App;
use crate::model::Prediction;
use crate::oip::output::InferAnswer;
use crate::oip::refusal::invalid;
use crate::oip::request::{InferRequest, request_id};
use crate::predict::{Progress, RunRequest, header_tags, run, within};

type Messages = Streaming<ModelInferRequest>;

/// Answers one call, and reports its end whatever that is.
pub(super) async fn infer(
    app: &App,
    context: RequestContext,
    call: Request<Messages>,
) -> Result<Response<ModelInferResponse>, Status> {
    let mut progress = Progress::start(app, context);
    let ended = match answer(app, &mut progress, call).await {
        Ok(answer) => match progress.complete(answer.predictions).await {
            Ok(predictions) => {
                let answer = InferAnswer { predictions, ..answer };
                app.decoders.by_size(Prediction::text_bytes(&answer.predictions), || message::response(&answer)).await
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(progress.fail(refusal).await),
    };
    match ended {
        Ok(message) => {
            let mut response = Response::new(message);
            status::identify(response.metadata_mut(), &progress.header_id());
            Ok(response)
        }
        Err(refusal) => Err(status::status(&refusal, &progress.header_id())),
    }
}

async fn answer(app: &App, progress: &mut Progress, call: Request<Messages>) -> Result<InferAnswer, ApiError> {
    let (metadata, _, messages) = call.into_parts();
    let headers = metadata.into_headers();
    let deadline = deadline(&headers, app.config.request_timeout())?;
    // Clients over gRPC hang up at the deadline themselves, and have not left early then.
    progress.set_client_deadline(deadline);
    within(deadline, async {
        let message = only_message(messages, app.config.max_body_bytes).await?;
        let decoding_since = Instant::now();
        let version = progress.find_version(named(&message.model_name), named(&message.model_version))?;
        progress.set_request_id(request_id(named(&message.id))?);
        progress.set_tags(header_tags(&headers)?, message::tags(&message)?)?;
        let size = message.encoded_len();
        let read = || message::request(message, &version.engine);
        let InferRequest { payload, options } = app.decoders.by_size(size, read).await??;
        let engine = version.engine.clone();
        let request = RunRequest { version, payload, top_k: options.top_k(), decoding_since, deadline };
        Ok(InferAnswer { predictions: run(app, progress, request).await?, options, engine })
    })
    .await
}

/// The message of the call. The end of the stream is awaited, too, so that the connection goes on in order.
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
