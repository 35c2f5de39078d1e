//! What serving adds to a prediction when nothing else is going on.
//!
//! Rule of thumb: one picture at a time. What the engine takes for the same item, alone and in this program, is taken
//! away from what the client waits; the rest is the way there and back, the decoding, and all that is told of it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use inference_service::input::ModelInput;
use inference_service::model::{Engine, RuntimeKind, Session};

use super::contender::{ContenderKind, RequestBody};
use super::stage::ServingStage;
use crate::connection::BlockingConnection;
use crate::disturbance::MeasuredTurns;
use crate::table::median;

/// Of each, in turns.
const BLOCKS: usize = 20;
const REQUESTS: usize = 100;

/// Seconds at the median.
pub(super) struct IdleLatency {
    /// Of the service and of its measure.
    pub(super) engine: RuntimeKind,
    /// What a client waits.
    pub(super) served: f64,
    /// What the engine alone takes.
    pub(super) alone: f64,
}

/// One after the other, for each engine.
///
/// # Errors
/// Where a request is not answered or a run fails.
pub(super) fn measure(stage: &ServingStage, turns: &mut MeasuredTurns) -> Result<Vec<IdleLatency>> {
    let mut found = Vec::new();
    for engine in [RuntimeKind::Tract, RuntimeKind::OnnxRuntime] {
        let who = ContenderKind::Service(engine);
        let request = stage.item.request(who, RequestBody::Jpeg)?;
        let (Some(server), Some(alone), Some(request)) = (stage.server(who), stage.engine(engine), request) else {
            continue;
        };
        let mut connection = BlockingConnection::to(server.address())?;
        found.push(turns.take(|| side_by_side(&mut connection, &request, alone, stage.item.input()))?);
    }
    Ok(found)
}

/// Asks the service and its engine in turns for the same prediction.
fn side_by_side(
    connection: &mut BlockingConnection,
    request: &[u8],
    engine: &Arc<Engine>,
    input: &ModelInput,
) -> Result<IdleLatency> {
    let mut session = Session::warm(engine)?;
    let (mut served, mut alone) = (Vec::new(), Vec::new());
    for block in 0..=BLOCKS {
        for _ in 0..REQUESTS {
            let before = Instant::now();
            connection.send(request)?;
            served.push(before.elapsed().as_secs_f64());
        }
        for _ in 0..REQUESTS {
            let before = Instant::now();
            std::hint::black_box(session.run(input)?);
            alone.push(before.elapsed().as_secs_f64());
        }
        if block == 0 {
            // The first ones warmed up.
            served.clear();
            alone.clear();
        }
    }
    Ok(IdleLatency { engine: engine.runtime(), served: median(&served), alone: median(&alone) })
}
