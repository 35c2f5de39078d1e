//! The one item that everybody predicts, and how it is asked of each.
//!
//! Rule of thumb: a request is made before the clock runs, and whoever answers it wrongly is not measured.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use inference_service::input::{ImageLimits, ModelInput, decode};
use serde_json::Value;

use super::contender::{Body, Who};
use super::engines::LoadedEngine;
use crate::bench::peers::PeerKind;
use crate::bench::wire::{self, Connection};
use crate::workspace;

/// The model that everybody has.
pub(super) const MODEL: &str = "cifar10";
const PICTURE: &str = "deploy/models/cifar10/examples/cat.jpg";
const LABEL: &str = "cat";

/// A picture, and the tensor that it is to the model.
pub(super) struct Item {
    picture: Vec<u8>,
    input: ModelInput,
}

impl Item {
    /// Reads and decodes the picture.
    ///
    /// # Errors
    /// Where that fails.
    pub(super) fn read(engines: &[LoadedEngine]) -> Result<Self> {
        let picture = fs::read(workspace::root().join(PICTURE)).context("the example picture cannot be read")?;
        let spec = &engines.first().context("there is no engine")?.engine.config().input;
        let spec = spec.as_ref().context("the model takes no pictures")?;
        let input = decode(&picture, spec, &ImageLimits::default())?;
        Ok(Self { picture, input })
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
        // Each number in as few digits as it needs, which a JSON value, being a double, would not have.
        let numbers = serde_json::to_string(self.input.values())?;
        let json = |path: &str, text: String| Some(wire::post(path, "application/json", text.as_bytes()));
        let jpeg = |path: &str| Some(wire::post(path, "image/jpeg", &self.picture));
        Ok(match (who, body) {
            (_, Body::None) | (Who::Loop(_), _) | (Who::Peer(PeerKind::MlServer), Body::Jpeg) => None,
            (Who::Service(_), Body::Jpeg) => jpeg(&format!("/predict?model={MODEL}")),
            (Who::Peer(PeerKind::FastApi), Body::Jpeg) => jpeg("/predict/picture"),
            (Who::Service(_) | Who::Peer(PeerKind::FastApi), Body::Json) => {
                json("/predict", format!(r#"{{"model":"{MODEL}","input":{numbers}}}"#))
            }
            (Who::Peer(PeerKind::MlServer), Body::Json) => {
                let shape = serde_json::to_string(&self.input.shape())?;
                let tensor = format!(r#"{{"name":"input","shape":{shape},"datatype":"FP32","data":{numbers}}}"#);
                json(&format!("/v2/models/{MODEL}/infer"), format!(r#"{{"inputs":[{tensor}]}}"#))
            }
        })
    }
}

/// Asks once, so that nobody is measured who computes something else.
///
/// # Errors
/// Where the answer is not the picture's label.
pub(super) fn check_answer(who: Who, address: SocketAddr, request: &[u8]) -> Result<()> {
    let answer: Value = serde_json::from_slice(&Connection::open(address)?.ask(request)?)?;
    let places = [&answer["predictions"][0]["label"], &answer["label"], &answer["outputs"][0]["data"][0]];
    let label = places.into_iter().find_map(Value::as_str);
    ensure!(label == Some(LABEL), "{who} does not see a {LABEL}: {answer}");
    Ok(())
}
