//! Latencies at rates that both the service and FastAPI can bear.
//!
//! Rule of thumb: latencies at the same rate can be compared. In a closed loop, a latency follows from the speed and the
//! number of connections alone.

use std::time::Duration;

use anyhow::Result;
use inference_service::model::RuntimeKind::OnnxRuntime;

use super::contender::{ContenderKind, RequestBody, TurnLoad};
use super::stage::ServingStage;
use crate::disturbance::MeasuredTurns;
use crate::load_result::LoadResult;
use crate::peers::PeerKind;

/// Of the most that FastAPI answers.
const PARTS: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 0.95];
/// The two servers that are compared.
pub(super) const SIDES: [ContenderKind; 2] =
    [ContenderKind::Service(OnnxRuntime), ContenderKind::Peer(PeerKind::FastApi)];
/// Of the closed loop that finds FastAPI's peak.
const CONNECTIONS: usize = 16;
const PEAK_TURN: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);

/// One rate, and what it gave on both sides.
pub(super) struct RateLatencies {
    /// Of every request.
    pub(super) body: RequestBody,
    /// Of FastAPI's peak.
    pub(super) part: f64,
    /// Requests a second.
    pub(super) per_second: f64,
    /// In the order of [`SIDES`].
    pub(super) floods: [LoadResult; 2],
}

/// Every body at every rate, both sides one after the other; nothing where one of them is missing.
///
/// # Errors
/// Where a request is not answered.
pub(super) fn measure(
    stage: &ServingStage,
    turns: &mut MeasuredTurns,
    duration: Duration,
) -> Result<Vec<RateLatencies>> {
    let [Some(ours), Some(theirs)] = SIDES.map(|who| stage.server(who)) else { return Ok(Vec::new()) };
    let mut rates = Vec::new();
    for body in [RequestBody::Json, RequestBody::Jpeg] {
        let [ours_asked, theirs_asked] = SIDES.map(|who| stage.item.request(who, body));
        let (Some(ours_asked), Some(theirs_asked)) = (ours_asked?, theirs_asked?) else { continue };
        let closed = TurnLoad::requests(theirs.address(), theirs_asked.clone(), None);
        turns.warm_up(|| closed.turn(CONNECTIONS, WARM_UP))?;
        let peak = turns.take(|| closed.turn(CONNECTIONS, PEAK_TURN))?.per_second();
        for part in PARTS {
            let per_second = part * peak;
            let at_rate = |address, request: &[u8]| {
                LoadResult::steady(address, request, per_second, WARM_UP)?;
                LoadResult::steady(address, request, per_second, duration)
            };
            let floods = [
                turns.take(|| at_rate(ours.address(), &ours_asked))?,
                turns.take(|| at_rate(theirs.address(), &theirs_asked))?,
            ];
            rates.push(RateLatencies { body, part, per_second, floods });
        }
    }
    Ok(rates)
}
