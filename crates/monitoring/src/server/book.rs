//! The book of a port: who is in, who may come in, and who goes first when it is full.
//!
//! Rule of thumb: an idle connection gives way to one that comes, a busy one never does; probes have places of their own.
//! Whoever has given way is counted until it is gone, so that there is a bound for all connections together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::address::{AddressRange, ClientNetwork};
use super::crowd::RequestCrowd;
use super::deadlines::ConnectionDeadlines;
use super::metrics::{ClosedReason, ConnectionState, PortMetrics, RefusedReason};
use super::visit::{Arrival, Place, Visit};
use crate::metrics::LabelEnum as _;
use crate::tls::Protocol;

/// When room is made, this part of the places is freed at once, so that the search is not made anew for each newcomer.
const PART_THAT_GIVES_WAY: usize = 64;

/// How many connections a port has room for.
#[derive(Clone, Debug)]
pub(super) struct ConnectionPlaces {
    /// Most connections at a time.
    pub(super) all: usize,
    /// Most of those of one address.
    pub(super) of_one_address: usize,
    /// Places for probes, on top of the others.
    pub(super) reserved: usize,
    /// Connections that may have yet to end, after they gave their places to others.
    pub(super) leaving: usize,
    /// Requests that may be under way over HTTP/2 before each connection has its share.
    pub(super) requests: usize,
    /// Addresses that stand for many clients, and may have all places.
    pub(super) proxies: Vec<AddressRange>,
}

/// Everybody who is connected to a port.
pub(super) struct ConnectionBook {
    places: ConnectionPlaces,
    deadlines: ConnectionDeadlines,
    metrics: PortMetrics,
    crowd: Arc<RequestCrowd>,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    next_id: u64,
    ordinary: HashMap<u64, Arc<Visit>>,
    reserved: HashMap<u64, Arc<Visit>>,
    /// Connections that gave their places up, until they are closed.
    leaving: HashMap<u64, Arc<Visit>>,
    of_address: HashMap<ClientNetwork, usize>,
}

impl ConnectionBook {
    pub(super) fn new(places: ConnectionPlaces, deadlines: ConnectionDeadlines, metrics: PortMetrics) -> Self {
        let crowd = Arc::new(RequestCrowd::new(places.requests));
        Self { places, deadlines, metrics, crowd, present: Mutex::default() }
    }

    /// Lets a client in: to an ordinary place if there is one or an idle connection can give its up, else to one that is
    /// kept for probes. `None` where there is none of these, because too many have yet to end.
    pub(super) fn admit(&self, client: IpAddr, protocol: Protocol) -> Option<Arc<Visit>> {
        let mut present = self.present();
        let refused = self.make_room(&mut present, client).err();
        if refused.is_some() && present.reserved.len() >= self.places.reserved {
            if present.leaving.len() >= self.places.leaving {
                self.metrics.refused(RefusedReason::Leaving);
                return None;
            }
            self.take_back_reserved(&mut present);
        }
        let place = if refused.is_none() { Place::Ordinary } else { Place::Reserved };
        present.next_id += 1;
        let arrival = Arrival { id: present.next_id, client, protocol, place, crowd: self.crowd.clone() };
        let visit = Arc::new(Visit::new(arrival));
        match refused {
            None => {
                present.ordinary.insert(visit.id, visit.clone());
                *present.of_address.entry(visit.network).or_default() += 1;
            }
            Some(reason) => {
                self.metrics.refused(reason);
                present.reserved.insert(visit.id, visit.clone());
            }
        }
        self.crowd.set_connections(present.count());
        Some(visit)
    }

    /// A connection is closed.
    pub(super) fn leave(&self, visit: &Visit) {
        let mut present = self.present();
        present.forget(visit);
        present.leaving.remove(&visit.id);
        self.crowd.set_connections(present.count());
    }

    /// Whether many connections have yet to end that gave their places to others.
    pub(super) fn is_crowded_at_the_door(&self) -> bool {
        self.present().leaving.len() >= self.places.leaving.div_ceil(2)
    }

    /// Closes some idle connections, because the system has no more files for others.
    pub(super) fn give_back_files(&self) {
        self.evict(&mut self.present(), |_| true);
    }

    /// Ends the connections whose time is over, and counts the others.
    pub(super) fn look_after(&self) {
        let mut states = [0; ConnectionState::ALL.len()];
        let mut overdue = Vec::new();
        {
            let present = self.present();
            for visit in present.ordinary.values().chain(present.reserved.values()) {
                states[visit.state().index()] += 1;
            }
            states[ConnectionState::Leaving.index()] = present.leaving.len();
            for visit in present.all() {
                if visit.is_past_last_words(&self.deadlines) {
                    visit.end().cut();
                } else if let Some(reason) = visit.overdue(&self.deadlines) {
                    overdue.push((visit.clone(), reason));
                }
            }
        }
        for (visit, reason) in overdue {
            self.end(&visit, reason);
        }
        for (&state, connections) in ConnectionState::ALL.iter().zip(states) {
            self.metrics.open(state, connections);
        }
    }

    /// A request was refused, because its connection has its share of those under way.
    pub(super) fn request_refused(&self) {
        self.metrics.request_refused();
    }

    /// Tells all connections to finish what they have under way.
    pub(super) fn stop(&self) {
        self.present().all().for_each(|visit| self.end(visit, ClosedReason::Stop));
    }

    /// Tells one connection to end.
    pub(super) fn end(&self, visit: &Visit, reason: ClosedReason) {
        if visit.end().give(reason) {
            self.metrics.closed(reason);
        }
    }

    /// Sees to it that there is a place for the client.
    fn make_room(&self, present: &mut Present, client: IpAddr) -> Result<(), RefusedReason> {
        let network = ClientNetwork::from(client);
        let is_proxy = self.places.proxies.iter().any(|range| range.contains(client));
        let has_its_share = |present: &Present| {
            !is_proxy && present.of_address.get(&network).is_some_and(|&count| count >= self.places.of_one_address)
        };
        if has_its_share(present) {
            self.evict(present, |visit| visit.network == network);
            if has_its_share(present) {
                return Err(RefusedReason::Address);
            }
        }
        if present.ordinary.len() >= self.places.all {
            self.evict(present, |_| true);
            if present.ordinary.len() >= self.places.all {
                return Err(RefusedReason::Full);
            }
        }
        Ok(())
    }

    /// Ends those of these connections that are idle longest; where none is, those whose bodies come too slowly.
    fn evict(&self, present: &mut Present, is_meant: impl Fn(&Visit) -> bool) {
        let meant = |since: fn(&Visit) -> Option<Instant>| -> Vec<(Instant, u64)> {
            let meant = present.ordinary.values().filter(|visit| is_meant(visit));
            meant.filter_map(|visit| Some((since(visit)?, visit.id))).collect()
        };
        let (mut found, mut reason) = (meant(Visit::idle_since), ClosedReason::MadeRoom);
        if found.is_empty() {
            (found, reason) = (meant(Visit::slow_since), ClosedReason::SlowBody);
        }
        let may_leave = self.places.leaving.saturating_sub(present.leaving.len());
        let how_many = (self.places.all / PART_THAT_GIVES_WAY).max(1).min(found.len()).min(may_leave);
        if how_many < found.len() {
            found.select_nth_unstable(how_many);
        }
        for (_, id) in found.into_iter().take(how_many) {
            if let Some(visit) = present.ordinary.get(&id).cloned() {
                self.dismiss(present, &visit, reason);
            }
        }
        self.cut_short(present);
    }

    /// Ends the oldest reserved connection of the address that has most of them, so that nobody who takes them all keeps
    /// the probes of others out; one that has asked nothing yet goes before one that is being answered.
    fn take_back_reserved(&self, present: &mut Present) {
        let mut of_address: HashMap<ClientNetwork, usize> = HashMap::new();
        present.reserved.values().for_each(|visit| *of_address.entry(visit.network).or_default() += 1);
        let most = of_address.values().max().copied();
        let candidates = present.reserved.values().filter(|visit| of_address.get(&visit.network).copied() == most);
        if let Some(visit) = candidates.min_by_key(|visit| (!visit.is_idle(), visit.arrived())).cloned() {
            self.dismiss(present, &visit, ClosedReason::Reserved);
        }
    }

    /// Takes the place of a connection, which is counted among the others until it is closed.
    fn dismiss(&self, present: &mut Present, visit: &Arc<Visit>, reason: ClosedReason) {
        present.forget(visit);
        self.end(visit, reason);
        present.leaving.insert(visit.id, visit.clone());
    }

    /// Ends at once whoever has less to finish, and was told first, until half of those that may leave at a time still
    /// say their last words.
    fn cut_short(&self, present: &Present) {
        let speaking = present.leaving.values().filter(|visit| !visit.end().is_cut());
        let mut speaking: Vec<&Arc<Visit>> = speaking.collect();
        let surplus = speaking.len().saturating_sub(self.places.leaving.div_ceil(2));
        if surplus > 0 {
            let told = |visit: &Visit| visit.end().given().map(|(_, told)| told);
            speaking.sort_by_key(|visit| (!visit.is_idle(), visit.slow_since().is_none(), told(visit)));
            speaking[..surplus].iter().for_each(|visit| visit.end().cut());
        }
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    fn all(&self) -> impl Iterator<Item = &Arc<Visit>> {
        self.ordinary.values().chain(self.reserved.values()).chain(self.leaving.values())
    }

    fn count(&self) -> usize {
        self.ordinary.len() + self.reserved.len() + self.leaving.len()
    }

    fn forget(&mut self, visit: &Visit) {
        if self.reserved.remove(&visit.id).is_some() || self.ordinary.remove(&visit.id).is_none() {
            return;
        }
        if let Some(count) = self.of_address.get_mut(&visit.network) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&visit.network);
            }
        }
    }
}
