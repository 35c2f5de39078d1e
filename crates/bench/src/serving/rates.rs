//! Latencies at rates that both the service and FastAPI can bear.
//!
//! Rule of thumb: who is asked at the same rate can be compared; who is asked as fast as it answers has the latency that
//! its speed and the number of connections give it.

use std::time::Duration;

use anyhow::Result;
use inference_service::model::RuntimeKind::OnnxRuntime;

use super::contender::{Body, Load, Who};
use super::stage::Stage;
use crate::disturbance::Turns;
use crate::flood::Flood;
use crate::peers::PeerKind;

/// Of the most that FastAPI answers.
const PARTS: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 0.95];
/// Whose latencies are compared.
pub(super) const SIDES: [Who; 2] = [Who::Service(OnnxRuntime), Who::Peer(PeerKind::FastApi)];
/// Of the closed loop that finds FastAPI's peak.
const CONNECTIONS: usize = 16;
const PEAK_TURN: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);

/// One rate, and what it gave on both sides.
pub(super) struct Rate {
    /// Of every request.
    pub(super) body: Body,
    /// Of FastAPI's peak.
    pub(super) part: f64,
    /// Requests a second.
    pub(super) per_second: f64,
    /// In the order of [`SIDES`].
    pub(super) floods: [Flood; 2],
}

/// Every body at every rate, both sides one after the other; nothing where one of them is missing.
///
/// # Errors
/// Where a request is not answered.
pub(super) fn measure(stage: &Stage, turns: &mut Turns, duration: Duration) -> Result<Vec<Rate>> {
    let [Some(ours), Some(theirs)] = SIDES.map(|who| stage.server(who)) else { return Ok(Vec::new()) };
    let mut rates = Vec::new();
    for body in [Body::Json, Body::Jpeg] {
        let [ours_asked, theirs_asked] = SIDES.map(|who| stage.item.request(who, body));
        let (Some(ours_asked), Some(theirs_asked)) = (ours_asked?, theirs_asked?) else { continue };
        let closed = Load::requests(theirs.address(), theirs_asked.clone(), None);
        turns.warm_up(|| closed.turn(CONNECTIONS, WARM_UP))?;
        let peak = turns.take(|| closed.turn(CONNECTIONS, PEAK_TURN))?.per_second();
        for part in PARTS {
            let per_second = part * peak;
            let at_rate = |address, request: &[u8]| {
                Flood::steady(address, request, per_second, WARM_UP)?;
                Flood::steady(address, request, per_second, duration)
            };
            let floods = [
                turns.take(|| at_rate(ours.address(), &ours_asked))?,
                turns.take(|| at_rate(theirs.address(), &theirs_asked))?,
            ];
            rates.push(Rate { body, part, per_second, floods });
        }
    }
    Ok(rates)
}
