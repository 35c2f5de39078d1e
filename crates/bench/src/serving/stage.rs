//! Everybody who is measured with the first model, started and checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use inference_service::model::{Engine, RuntimeKind};

use super::contender::{Body, Contender, Load, Who};
use super::engines::LoadedRuntime;
use super::item::Item;
use crate::Scratch;
use crate::peers::{Peer, PeerKind};
use crate::program::{Program, peak_megabytes};
use testkit::root;

const MODEL: &str = "cifar10";
const PICTURE: &str = "deploy/models/cifar10/examples/cat.jpg";
/// Lets through what says where the service listens, and nothing that a request causes.
const NO_LOG: &str = "off,inference_service=info,inference_service::predict=off";

/// The engines, the services and the others.
pub(super) struct Stage {
    engines: Vec<Arc<Engine>>,
    servers: Vec<(Who, Server)>,
    /// What everybody predicts.
    pub(super) item: Item,
}

/// Who answers over HTTP.
pub(super) enum Server {
    /// A service of ours.
    Ours(Program),
    /// Somebody else.
    Theirs(Peer),
}

impl Server {
    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(program) => program.address,
            Self::Theirs(peer) => peer.address,
        }
    }

    fn program(&self) -> Option<&Program> {
        match self {
            Self::Ours(program) => Some(program),
            Self::Theirs(_) => None,
        }
    }
}

/// The models that are shipped.
pub(super) fn shipped() -> PathBuf {
    root().join("deploy/models")
}

impl Stage {
    /// Loads and starts all; peers that cannot be had are left out.
    ///
    /// # Errors
    /// Where a service or an engine does not work.
    pub(super) fn set(runtimes: &[LoadedRuntime], scratch: &Scratch) -> Result<Self> {
        let folder = shipped();
        let engines = runtimes.iter().map(|runtime| runtime.load(&folder, MODEL)).collect::<Result<Vec<_>>>()?;
        let item = Item::read(engines.first().context("there is no engine")?, PICTURE)?;
        let mut servers = Vec::new();
        for runtime in runtimes {
            let service = runtime.serve(&folder, scratch, &[])?;
            servers.push((Who::Service(runtime.kind()), Server::Ours(service)));
        }
        if let Some(fastest) = runtimes.last() {
            let service = fastest.serve(&folder, scratch, &[("RUST_LOG", NO_LOG)])?;
            servers.push((Who::Silent(fastest.kind()), Server::Ours(service)));
        }
        let peers = PeerKind::ALL.into_iter().filter_map(|kind| Peer::start(kind, scratch));
        servers.extend(peers.map(|peer| (Who::Peer(peer.kind), Server::Theirs(peer))));
        Ok(Self { engines, servers, item })
    }

    /// One of those who answer, if it is there.
    pub(super) fn server(&self, who: Who) -> Option<&Server> {
        self.servers.iter().find(|(other, _)| *other == who).map(|(_, server)| server)
    }

    /// One of the engines.
    pub(super) fn engine(&self, kind: RuntimeKind) -> Option<&Arc<Engine>> {
        self.engines.iter().find(|engine| engine.runtime() == kind)
    }

    /// Everybody with every body that there is for it, once it has given the right answer.
    ///
    /// # Errors
    /// Where an answer is wrong.
    pub(super) fn contenders(&self) -> Result<Vec<Contender<'_>>> {
        let loops = self.engines.iter().map(|engine| {
            Contender::new(Who::Loop(engine.runtime()), Body::None, Load::Loop(engine, self.item.input()))
        });
        let mut contenders: Vec<_> = loops.collect();
        for (who, server) in &self.servers {
            for body in [Body::Json, Body::Jpeg] {
                // What a line costs does not depend on the body.
                let Some(request) = self.item.request(*who, body)? else { continue };
                if matches!(who, Who::Silent(_)) && body == Body::Json {
                    continue;
                }
                self.item.check_answer(*who, server.address(), &request)?;
                let load = Load::requests(server.address(), request, server.program());
                contenders.push(Contender::new(*who, body, load));
            }
        }
        Ok(contenders)
    }

    /// The most memory that each of those who answer has had.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(super) fn peaks(&self) -> Result<Vec<(Who, f64)>> {
        let peak = |(who, server): &(Who, Server)| {
            let megabytes = match server {
                Server::Ours(program) => peak_megabytes(program.process()),
                Server::Theirs(peer) => peer.peak_megabytes(),
            };
            Ok((*who, megabytes?))
        };
        self.servers.iter().map(peak).collect()
    }

    /// Ends all.
    ///
    /// # Errors
    /// Where a service does not end.
    pub(super) fn clear(self) -> Result<()> {
        self.servers.into_iter().try_for_each(|(_, server)| match server {
            Server::Ours(program) => program.stop(),
            Server::Theirs(peer) => {
                drop(peer);
                Ok(())
            }
        })
    }
}
