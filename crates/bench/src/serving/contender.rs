//! Whose speed is measured.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use inference_service::input::ModelInput;
use inference_service::model::{Engine, RuntimeKind};

use super::engines;
use crate::flood::Flood;
use crate::peers::PeerKind;
use crate::program::Program;
use crate::table::median;

/// How their names begin.
const INFERENCE_THREADS: &str = "inference-";

/// Who predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The engine alone, on every core.
    Loop(RuntimeKind),
    /// The inference service with this engine.
    Service(RuntimeKind),
    /// The same without a line in its log, and without spans.
    Silent(RuntimeKind),
    /// Somebody else, all of whom use ONNX Runtime.
    Peer(PeerKind),
}

impl Who {
    /// The engine that does the work.
    pub(super) fn engine(self) -> RuntimeKind {
        match self {
            Self::Loop(kind) | Self::Service(kind) | Self::Silent(kind) => kind,
            Self::Peer(_) => RuntimeKind::OnnxRuntime,
        }
    }
}

impl fmt::Display for Who {
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
pub(super) enum Body {
    /// There is no request.
    None,
    /// The numbers of the tensor.
    Json,
    /// The picture's file.
    Jpeg,
}

impl fmt::Display for Body {
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
    /// Who predicts.
    pub(super) who: Who,
    /// From what.
    pub(super) body: Body,
    /// What is done in a turn.
    pub(super) load: Load<'a>,
    /// What came of each turn that counts.
    pub(super) floods: Vec<Flood>,
}

impl<'a> Contender<'a> {
    /// One that had no turn yet.
    pub(super) fn new(who: Who, body: Body, load: Load<'a>) -> Self {
        Self { who, body, load, floods: Vec::new() }
    }

    /// The median of the rounds.
    pub(super) fn typical(&self, value: impl Fn(&Flood) -> f64) -> f64 {
        median(&self.floods.iter().map(value).collect::<Vec<_>>())
    }

    /// The median of what each round says of this one beside another: the machine's moods last longer than a round.
    pub(super) fn beside(&self, other: &Contender, value: impl Fn(&Flood) -> f64) -> f64 {
        let ratios = self.floods.iter().zip(&other.floods).map(|(this, other)| value(this) / value(other));
        median(&ratios.collect::<Vec<_>>())
    }
}

/// What is done in a turn.
pub(super) enum Load<'a> {
    /// Runs the engine on an item.
    Loop(&'a Arc<Engine>, &'a ModelInput),
    /// Sends one request to a server again and again; where it is a program of ours, its processor time is known.
    Requests { address: SocketAddr, request: Rc<Vec<Vec<u8>>>, program: Option<&'a Program> },
}

impl<'a> Load<'a> {
    /// The same request again and again.
    pub(super) fn requests(address: SocketAddr, request: Vec<u8>, program: Option<&'a Program>) -> Self {
        Self::Requests { address, request: Rc::new(vec![request]), program }
    }

    /// Does it for a while.
    ///
    /// # Errors
    /// Where the engine fails, a connection breaks, or a prediction is refused.
    pub(super) fn turn(&self, connections: usize, duration: Duration) -> Result<Flood> {
        let (address, request, program) = match self {
            Self::Loop(engine, input) => return engines::run(engine, input, duration),
            Self::Requests { address, request, program } => (*address, request, program),
        };
        let used = || program.map_or(Ok((0.0, 0.0)), |program| program.processor_seconds(INFERENCE_THREADS));
        let before = used()?;
        let load = testkit::Load::closed(connections).lasting(duration);
        let mut flood = Flood::send(load, address, request)?;
        let after = used()?;
        ensure!(flood.refused == 0, "{} predictions were refused", flood.refused);
        (flood.engine, flood.rest) = (after.0 - before.0, after.1 - before.1);
        Ok(flood)
    }
}
