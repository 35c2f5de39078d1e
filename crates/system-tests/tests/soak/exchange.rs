//! A request, and what of its answer has to stay the same.

use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Answer, HttpConnection, HttpRequest, Picture, Service};

use super::grpc::{GrpcConnection, InferResponse, OutputTensor, UNAVAILABLE};

/// How far a number may be from another, relative to it where it is above 1: what runs together is summed in another order.
const TOLERANCE: f64 = 2e-6;
/// The statuses of HTTP, which stand for those of gRPC that mean the same.
const OK: u16 = 200;
const AWAY: u16 = 503;
/// As much of a request or an answer is shown.
const SHOWN: usize = 1500;

/// A request to a model.
pub(super) struct Asked {
    pub(super) model: String,
    way: Way,
}

/// How a request is sent.
enum Way {
    /// Over HTTP/1, these bytes.
    Http(Vec<u8>),
    /// Over gRPC, this message.
    Grpc(Vec<u8>),
}

impl Asked {
    /// A picture, as the body of a request.
    pub(super) fn picture(model: &str, picture: &Picture) -> Self {
        let request = HttpRequest::post(&format!("/predict?model={model}&top_k=10"), picture.bytes.clone());
        let way = Way::Http(request.header("content-type", picture.content_type).bytes());
        Self { model: model.to_owned(), way }
    }

    pub(super) fn is_grpc(&self) -> bool {
        matches!(self.way, Way::Grpc(_))
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Way::Http(bytes) | Way::Grpc(bytes)) = &self.way;
        let name = if self.is_grpc() { "gRPC" } else { "HTTP" };
        write!(f, "{} over {name}: {}", self.model, bytes[..bytes.len().min(SHOWN)].escape_ascii())
    }
}

/// The requests that a script has written.
///
/// # Panics
/// If they are written otherwise.
pub(super) fn read_requests(file: &Path) -> Vec<Asked> {
    let requests: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |request: Value| {
        let body = STANDARD.decode(text(&request["body"])).unwrap();
        let model = text(&request["model"]);
        if request["path"].is_null() {
            return Asked { model, way: Way::Grpc(body) };
        }
        let plain = HttpRequest::post(&text(&request["path"]), body);
        let headers = request["headers"].as_object().unwrap();
        let with = headers.iter().fold(plain, |request, (name, value)| request.header(name, &text(value)));
        Asked { model, way: Way::Http(with.bytes()) }
    };
    requests.into_iter().map(read).collect()
}

/// The connections of one client.
pub(super) struct Client {
    http: HttpConnection,
    grpc: GrpcConnection,
}

impl Client {
    /// One of this service.
    pub(super) fn of(service: &Service) -> Self {
        Self { http: HttpConnection::to(service.address), grpc: GrpcConnection::to(service.grpc_address()) }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// A connection that breaks.
    pub(super) async fn ask(&mut self, asked: &Asked) -> Result<Answered, String> {
        match &asked.way {
            Way::Http(bytes) => {
                let answer = self.http.send(bytes).await;
                Ok(Answered::of(&answer.map_err(|failure| format!("{failure:?} to {asked:?}"))?))
            }
            Way::Grpc(message) => {
                let answer = self.grpc.infer(message).await;
                Ok(Answered::of_grpc(answer.map_err(|failure| format!("{failure} to {asked:?}"))?))
            }
        }
    }
}

/// An answer without what differs each time.
pub(super) struct Answered {
    status: u16,
    said: Value,
    /// The tensors behind the JSON.
    tensors: Vec<RawTensor>,
}

/// A tensor as bytes.
#[derive(Debug)]
struct RawTensor {
    datatype: String,
    bytes: Vec<u8>,
}

impl Answered {
    pub(super) fn of(answer: &Answer) -> Self {
        let length = answer.header("inference-header-content-length");
        let length = length.map_or(answer.body.len(), |length| length.parse().unwrap());
        let (json, tensors) = answer.body.split_at(length);
        let mut said: Value = serde_json::from_slice(json).unwrap_or_else(|_| Value::String(answer.text()));
        for member in ["request_id", "timings_ms"] {
            let _ = said.as_object_mut().and_then(|object| object.remove(member));
        }
        let tensors = behind(&said, tensors);
        Self { status: answer.status, said, tensors }
    }

    fn of_grpc(answer: Result<InferResponse, (u16, String)>) -> Self {
        match answer {
            Ok(InferResponse { model, outputs, raw }) => {
                let described = |output: &OutputTensor| json!({ "name": output.name, "datatype": output.datatype, "shape": output.shape });
                let datatypes = outputs.iter().map(|output| output.datatype.clone());
                let tensors = datatypes.zip(raw).map(|(datatype, bytes)| RawTensor { datatype, bytes }).collect();
                let outputs: Vec<Value> = outputs.iter().map(described).collect();
                Self { status: OK, said: json!({ "model": model, "outputs": outputs }), tensors }
            }
            Err((code, said)) => {
                Self { status: if code == UNAVAILABLE { AWAY } else { code }, said: said.into(), tensors: Vec::new() }
            }
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.status == OK
    }

    /// Whether the model does not serve.
    pub(super) fn is_away(&self) -> bool {
        self.status == AWAY
    }

    /// Whether another says the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.status == other.status && are_alike(&self.said, &other.said) && self.has_tensors(other)
    }

    /// Numbers may differ a little, whatever stands beside them in the answer; texts and whole numbers may not.
    fn has_tensors(&self, other: &Self) -> bool {
        let are_alike = |(one, two): (&RawTensor, &RawTensor)| {
            one.bytes == two.bytes || one.datatype == "FP32" && are_close(&one.bytes, &two.bytes)
        };
        self.tensors.len() == other.tensors.len() && self.tensors.iter().zip(&other.tensors).all(are_alike)
    }
}

/// The tensors behind the JSON, whose outputs say how many bytes are theirs.
fn behind(said: &Value, mut bytes: &[u8]) -> Vec<RawTensor> {
    let mut tensors = Vec::new();
    for output in said["outputs"].as_array().into_iter().flatten() {
        let Some(size) = output["parameters"]["binary_data_size"].as_u64() else { continue };
        let (own, rest) = bytes.split_at(usize::try_from(size).unwrap());
        tensors.push(RawTensor { datatype: output["datatype"].as_str().unwrap().to_owned(), bytes: own.to_vec() });
        bytes = rest;
    }
    assert!(bytes.is_empty(), "{} bytes belong to no output of {said}", bytes.len());
    tensors
}

fn are_close(one: &[u8], two: &[u8]) -> bool {
    let numbers = |bytes: &[u8]| -> Vec<f64> {
        bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()).into()).collect()
    };
    let (ours, theirs) = (numbers(one), numbers(two));
    one.len() == two.len() && ours.iter().zip(&theirs).all(|(one, two)| is_close(*one, *two))
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.to_string();
        write!(f, "{} {}", self.status, said.chars().take(SHOWN).collect::<String>())?;
        write!(f, " {:02x?}", self.tensors)
    }
}

fn are_alike(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => is_close(one.as_f64().unwrap(), two.as_f64().unwrap()),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| are_alike(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len() && one.iter().all(|(name, one)| two.get(name).is_some_and(|two| are_alike(one, two)))
        }
        _ => one == two,
    }
}

fn is_close(one: f64, two: f64) -> bool {
    (one - two).abs() <= TOLERANCE * one.abs().max(1.0)
}
