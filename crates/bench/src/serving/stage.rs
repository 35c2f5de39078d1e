//! All contenders that serve the first model, started and checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use inference_service::model::{Engine, RuntimeKind};

use super::contender::{Contender, ContenderKind, RequestBody, TurnLoad};
use super::engines::LoadedRuntime;
use super::item::ServedItem;
use crate::peers::{PeerKind, PeerServer};
use crate::program::{ServiceProgram, peak_megabytes};
use crate::scratch::ScratchFolder;
use testkit::root;

const MODEL: &str = "cifar10";
const PICTURE: &str = "deploy/models/cifar10/examples/cat.jpg";
/// Lets through what says where the service listens, and nothing that a request causes.
const NO_LOG: &str = "off,inference_service=info,inference_service::predict=off";

/// The engines, the services and the others.
pub(super) struct ServingStage {
    engines: Vec<Arc<Engine>>,
    servers: Vec<(ContenderKind, ContenderServer)>,
    /// What every contender predicts.
    pub(super) item: ServedItem,
}

/// A server of predictions over HTTP.
pub(super) enum ContenderServer {
    /// A service of ours.
    Ours(ServiceProgram),
    /// Another server.
    Theirs(PeerServer),
}

impl ContenderServer {
    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Ours(program) => program.address,
            Self::Theirs(peer) => peer.address,
        }
    }

    fn program(&self) -> Option<&ServiceProgram> {
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

impl ServingStage {
    /// Loads and starts all; peers that cannot be had are left out.
    ///
    /// # Errors
    /// Where a service or an engine does not work.
    pub(super) fn set(runtimes: &[LoadedRuntime], scratch: &ScratchFolder) -> Result<Self> {
        let folder = shipped();
        let engines = runtimes.iter().map(|runtime| runtime.load(&folder, MODEL)).collect::<Result<Vec<_>>>()?;
        let item = ServedItem::read(engines.first().context("there is no engine")?, PICTURE)?;
        let mut servers = Vec::new();
        for runtime in runtimes {
            let service = runtime.serve(&folder, scratch, &[])?;
            servers.push((ContenderKind::Service(runtime.kind()), ContenderServer::Ours(service)));
        }
        if let Some(fastest) = runtimes.last() {
            let service = fastest.serve(&folder, scratch, &[("RUST_LOG", NO_LOG)])?;
            servers.push((ContenderKind::Silent(fastest.kind()), ContenderServer::Ours(service)));
        }
        let peers = PeerKind::ALL.into_iter().filter_map(|kind| PeerServer::start(kind, scratch));
        servers.extend(peers.map(|peer| (ContenderKind::Peer(peer.kind), ContenderServer::Theirs(peer))));
        Ok(Self { engines, servers, item })
    }

    /// One of the servers, if it is there.
    pub(super) fn server(&self, who: ContenderKind) -> Option<&ContenderServer> {
        self.servers.iter().find(|(other, _)| *other == who).map(|(_, server)| server)
    }

    /// One of the engines.
    pub(super) fn engine(&self, kind: RuntimeKind) -> Option<&Arc<Engine>> {
        self.engines.iter().find(|engine| engine.runtime() == kind)
    }

    /// Every contender with each body that it takes, once it has given the right answer.
    ///
    /// # Errors
    /// Where an answer is wrong.
    pub(super) fn contenders(&self) -> Result<Vec<Contender<'_>>> {
        let loops = self.engines.iter().map(|engine| {
            Contender::new(
                ContenderKind::Loop(engine.runtime()),
                RequestBody::None,
                TurnLoad::Loop { engine, input: self.item.input() },
            )
        });
        let mut contenders: Vec<_> = loops.collect();
        for (who, server) in &self.servers {
            for body in [RequestBody::Json, RequestBody::Jpeg] {
                // What a line costs does not depend on the body.
                let Some(request) = self.item.request(*who, body)? else { continue };
                if matches!(who, ContenderKind::Silent(_)) && body == RequestBody::Json {
                    continue;
                }
                self.item.check_answer(*who, server.address(), &request)?;
                let load = TurnLoad::requests(server.address(), request, server.program());
                contenders.push(Contender::new(*who, body, load));
            }
        }
        Ok(contenders)
    }

    /// The peak memory of each server, in megabytes.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(super) fn peaks(&self) -> Result<Vec<(ContenderKind, f64)>> {
        let peak = |(who, server): &(ContenderKind, ContenderServer)| {
            let megabytes = match server {
                ContenderServer::Ours(program) => peak_megabytes(program.process()),
                ContenderServer::Theirs(peer) => peer.peak_megabytes(),
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
            ContenderServer::Ours(program) => program.stop(),
            ContenderServer::Theirs(peer) => {
                drop(peer);
                Ok(())
            }
        })
    }
}
