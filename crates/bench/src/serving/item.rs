//! The one item of a model that everybody predicts, and how it is asked of each.
//!
//! Rule of thumb: a request is made before the clock runs, and whoever answers it wrongly is not measured.

use std::fs;
use std::io::Cursor;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use image::ImageFormat;
use image::imageops::FilterType;
use inference_service::input::{ImageLimits, ModelInput, decode};
use inference_service::model::Engine;
use serde_json::Value;

use super::contender::{Body, Who};
use crate::connection::{self, BlockingConnection};
use crate::peers::PeerKind;
use testkit::root;

/// A picture, the tensor that it is to a model, and what the model sees in it.
pub(super) struct Item {
    model: String,
    picture: Vec<u8>,
    input: ModelInput,
    label: String,
}

impl Item {
    /// Reads a picture of the repository as a JPEG file of the model's size, and asks the engine itself.
    ///
    /// # Errors
    /// Where that fails.
    pub(super) fn read(engine: &Arc<Engine>, picture: &str) -> Result<Self> {
        let bytes = fs::read(root().join(picture)).context("the example picture cannot be read")?;
        let spec = engine.config().input.as_ref().context("the model takes no pictures")?;
        let picture = jpeg(bytes, spec.width, spec.height)?;
        let input = decode(&picture, spec, &ImageLimits::default())?;
        let prediction = engine.prediction(engine.session()?.run(&input)?, NonZeroUsize::MIN)?;
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
    pub(super) fn request(&self, who: Who, body: Body) -> Result<Option<Vec<u8>>> {
        let model = &self.model;
        // Each number in as few digits as it needs, which a JSON value, being a double, would not have.
        let numbers = serde_json::to_string(self.input.values())?;
        let json = |path: &str, text: String| Some(connection::post(path, "application/json", text.as_bytes()));
        let jpeg = |path: &str| Some(connection::post(path, "image/jpeg", &self.picture));
        Ok(match (who, body) {
            (_, Body::None) | (Who::Loop(_), _) | (Who::Peer(PeerKind::MlServer), Body::Jpeg) => None,
            (Who::Service(_) | Who::Silent(_), Body::Jpeg) => jpeg(&format!("/predict?model={model}")),
            (Who::Peer(PeerKind::FastApi), Body::Jpeg) => jpeg("/predict/picture"),
            (Who::Service(_) | Who::Silent(_) | Who::Peer(PeerKind::FastApi), Body::Json) => {
                json("/predict", format!(r#"{{"model":"{model}","input":{numbers}}}"#))
            }
            (Who::Peer(PeerKind::MlServer), Body::Json) => {
                let shape = serde_json::to_string(&self.input.shape())?;
                let tensor = format!(r#"{{"name":"input","shape":{shape},"datatype":"FP32","data":{numbers}}}"#);
                json(&format!("/v2/models/{model}/infer"), format!(r#"{{"inputs":[{tensor}]}}"#))
            }
        })
    }

    /// Asks once, so that nobody is measured who computes something else.
    ///
    /// # Errors
    /// Where the answer is not what the engine says.
    pub(super) fn check_answer(&self, who: Who, address: SocketAddr, request: &[u8]) -> Result<()> {
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
