//! The contenders: what predicts, from which body, and how fast it was.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use inference_service::input::ModelInput;
use inference_service::model::{Engine, RuntimeKind};

use super::engines;
use crate::load_result::LoadResult;
use crate::peers::PeerKind;
use crate::program::{ServiceProgram, ThreadSeconds};
use crate::table::median;

/// How their names begin.
const INFERENCE_THREADS: &str = "inference-";

/// What predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContenderKind {
    /// The engine alone, on every core.
    Loop(RuntimeKind),
    /// The inference service with this engine.
    Service(RuntimeKind),
    /// The same without a line in its log, and without spans.
    Silent(RuntimeKind),
    /// A server that is not ours. All of them use ONNX Runtime.
    Peer(PeerKind),
}

impl ContenderKind {
    /// The engine that does the work.
    pub(super) fn engine(self) -> RuntimeKind {
        match self {
            Self::Loop(kind) | Self::Service(kind) | Self::Silent(kind) => kind,
            Self::Peer(_) => RuntimeKind::OnnxRuntime,
        }
    }
}

impl fmt::Display for ContenderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loop(kind) => write!(formatter, "bare loop, {}", kind.as_str()),
            Self::Service(kind) => write!(formatter, "service, {}", kind.as_str()),
            Self::Silent(kind) => write!(formatter, "service, {}, no log", kind.as_str()),
            Self::Peer(kind) => write!(formatter, "{}", kind.title()),
        }
    }
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestBody {
    /// There is no request.
    None,
    /// The numbers of the tensor.
    Json,
    /// The picture's file.
    Jpeg,
}

impl fmt::Display for RequestBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "",
            Self::Json => "JSON tensor",
            Self::Jpeg => "JPEG",
        })
    }
}

/// One line of the table.
pub(super) struct Contender<'a> {
    /// What predicts.
    pub(super) who: ContenderKind,
    /// From what.
    pub(super) body: RequestBody,
    /// What is done in a turn.
    pub(super) load: TurnLoad<'a>,
    /// What came of each turn that counts.
    pub(super) floods: Vec<LoadResult>,
}

impl<'a> Contender<'a> {
    /// One that had no turn yet.
    pub(super) fn new(who: ContenderKind, body: RequestBody, load: TurnLoad<'a>) -> Self {
        Self { who, body, load, floods: Vec::new() }
    }

    /// The median of the rounds.
    pub(super) fn typical(&self, value: impl Fn(&LoadResult) -> f64) -> f64 {
        median(&self.floods.iter().map(value).collect::<Vec<_>>())
    }

    /// The median of what each round says of this one beside another: the machine's moods last longer than a round.
    pub(super) fn beside(&self, other: &Contender, value: impl Fn(&LoadResult) -> f64) -> f64 {
        let ratios = self.floods.iter().zip(&other.floods).map(|(this, other)| value(this) / value(other));
        median(&ratios.collect::<Vec<_>>())
    }
}

/// What is done in a turn.
pub(super) enum TurnLoad<'a> {
    /// Runs the engine on an item.
    Loop { engine: &'a Arc<Engine>, input: &'a ModelInput },
    /// Sends one request to a server again and again; where it is a program of ours, its processor time is known.
    Requests { address: SocketAddr, request: Rc<Vec<Vec<u8>>>, program: Option<&'a ServiceProgram> },
}

impl<'a> TurnLoad<'a> {
    /// The same request again and again.
    pub(super) fn requests(address: SocketAddr, request: Vec<u8>, program: Option<&'a ServiceProgram>) -> Self {
        Self::Requests { address, request: Rc::new(vec![request]), program }
    }

    /// Does it for a while.
    ///
    /// # Errors
    /// Where the engine fails, a connection breaks, or a prediction is refused.
    pub(super) fn turn(&self, connections: usize, duration: Duration) -> Result<LoadResult> {
        let (address, request, program) = match self {
            Self::Loop { engine, input } => return engines::run(engine, input, duration),
            Self::Requests { address, request, program } => (*address, request, program),
        };
        let used =
            || program.map_or(Ok(ThreadSeconds::default()), |program| program.processor_seconds(INFERENCE_THREADS));
        let before = used()?;
        let load = testkit::Load::closed(connections).lasting(duration);
        let mut flood = LoadResult::send(load, address, request)?;
        let used = used()?.since(before);
        ensure!(flood.refused == 0, "{} predictions were refused", flood.refused);
        (flood.engine, flood.rest) = (used.named, used.others);
        Ok(flood)
    }
}
