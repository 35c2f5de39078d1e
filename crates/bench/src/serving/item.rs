//! The one item of a model that every contender predicts, and the request for it.
//!
//! Rule of thumb: a request is made before the clock runs, and a server that answers it wrongly is not measured.

use std::fs;
use std::io::Cursor;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use image::ImageFormat;
use image::imageops::FilterType;
use inference_service::input::{ImageLimits, ModelInput, decode};
use inference_service::model::{Engine, Session};
use serde_json::Value;

use super::contender::{ContenderKind, RequestBody};
use crate::connection::{self, BlockingConnection};
use crate::peers::PeerKind;
use testkit::root;

/// A picture, the tensor that it is to a model, and what the model sees in it.
pub(super) struct ServedItem {
    model: String,
    picture: Vec<u8>,
    input: ModelInput,
    label: String,
}

impl ServedItem {
    /// Reads a picture of the repository as a JPEG file of the model's size, and asks the engine itself.
    ///
    /// # Errors
    /// Where that fails.
    pub(super) fn read(engine: &Arc<Engine>, picture: &str) -> Result<Self> {
        let bytes = fs::read(root().join(picture)).context("the example picture cannot be read")?;
        let spec = engine.config().input.as_ref().context("the model takes no pictures")?;
        let picture = jpeg(bytes, spec.width, spec.height)?;
        let input = decode(&picture, spec, &ImageLimits::default())?;
        let prediction = engine.prediction(Session::new(engine)?.run(&input)?, NonZeroUsize::MIN)?;
        let label = prediction.class().context("the model has no classes")?.label.clone();
        Ok(Self { model: engine.name().to_owned(), picture, input, label })
    }

    /// The tensor.
    pub(super) fn input(&self) -> &ModelInput {
        &self.input
    }

    /// The request that asks for its prediction, or `None` where the server does not take such a body.
    ///
    /// # Errors
    /// Where the tensor cannot be written.
    pub(super) fn request(&self, who: ContenderKind, body: RequestBody) -> Result<Option<Vec<u8>>> {
        let model = &self.model;
        // Each number in as few digits as it needs, which a JSON value, being a double, would not have.
        let numbers = serde_json::to_string(self.input.values())?;
        let json = |path: &str, text: String| Some(connection::post(path, "application/json", text.as_bytes()));
        let jpeg = |path: &str| Some(connection::post(path, "image/jpeg", &self.picture));
        Ok(match (who, body) {
            (_, RequestBody::None)
            | (ContenderKind::Loop(_), _)
            | (ContenderKind::Peer(PeerKind::MlServer), RequestBody::Jpeg) => None,
            (ContenderKind::Service(_) | ContenderKind::Silent(_), RequestBody::Jpeg) => {
                jpeg(&format!("/predict?model={model}"))
            }
            (ContenderKind::Peer(PeerKind::FastApi), RequestBody::Jpeg) => jpeg("/predict/picture"),
            (
                ContenderKind::Service(_) | ContenderKind::Silent(_) | ContenderKind::Peer(PeerKind::FastApi),
                RequestBody::Json,
            ) => json("/predict", format!(r#"{{"model":"{model}","input":{numbers}}}"#)),
            (ContenderKind::Peer(PeerKind::MlServer), RequestBody::Json) => {
                let shape = serde_json::to_string(&self.input.shape())?;
                let tensor = format!(r#"{{"name":"input","shape":{shape},"datatype":"FP32","data":{numbers}}}"#);
                json(&format!("/v2/models/{model}/infer"), format!(r#"{{"inputs":[{tensor}]}}"#))
            }
        })
    }

    /// Asks once, so that no server is measured that computes something else.
    ///
    /// # Errors
    /// Where the answer is not what the engine says.
    pub(super) fn check_answer(&self, who: ContenderKind, address: SocketAddr, request: &[u8]) -> Result<()> {
        let answer: Value = serde_json::from_slice(&BlockingConnection::to(address)?.ask(request)?)?;
        let places = [&answer["predictions"][0]["label"], &answer["label"], &answer["outputs"][0]["data"][0]];
        let label = places.into_iter().find_map(Value::as_str);
        ensure!(label == Some(&self.label), "{who} does not see a {}: {answer}", self.label);
        Ok(())
    }
}

/// A picture that is such a file already stays as it is.
fn jpeg(bytes: Vec<u8>, width: u32, height: u32) -> Result<Vec<u8>> {
    let picture = image::load_from_memory(&bytes)?;
    let fits = (picture.width(), picture.height()) == (width, height);
    if fits && image::guess_format(&bytes)? == ImageFormat::Jpeg {
        return Ok(bytes);
    }
    let mut file = Cursor::new(Vec::new());
    picture.resize_exact(width, height, FilterType::Triangle).write_to(&mut file, ImageFormat::Jpeg)?;
    Ok(file.into_inner())
}
