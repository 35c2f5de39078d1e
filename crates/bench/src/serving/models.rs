//! Other models than the first: a smaller one that is shipped, and one of the size that people deploy.
//!
//! Rule of thumb: how fast a model is does not depend on what it has learnt, so the weights of the large one are random.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use inference_service::model::Engine;

use super::contender::{Contender, ContenderKind, RequestBody, TurnLoad};
use super::engines::LoadedRuntime;
use super::item::ServedItem;
use super::stage::shipped;
use crate::disturbance::MeasuredTurns;
use crate::disturbance::TurnExtent;
use crate::program::{ServiceProgram, peak_megabytes};
use crate::python_model;
use crate::scratch::ScratchFolder;

const SMALL: &str = "surface";
const LARGE: &str = "mobilenet";

/// A model and a picture to ask it about.
struct ModelFolder {
    name: &'static str,
    /// In the repository.
    picture: &'static str,
    /// A repository with this model alone, so that the peak of memory is its own.
    folder: PathBuf,
}

/// A model in an engine, served and alone.
pub(super) struct OtherModel {
    /// Its name.
    pub(super) name: &'static str,
    /// The service.
    pub(super) who: ContenderKind,
    /// Predictions a second: served, and of the bare loop.
    pub(super) per_second: [f64; 2],
    /// Seconds of a prediction at the median of the bare loop.
    pub(super) alone: f64,
    /// The most memory of the service.
    pub(super) peak_megabytes: f64,
}

/// Each model in each engine, in turns with its bare loop.
///
/// # Errors
/// Where something cannot be measured; a model that cannot be made is left out.
pub(super) fn measure(
    runtimes: &[LoadedRuntime],
    scratch: &ScratchFolder,
    turns: &mut MeasuredTurns,
    extent: TurnExtent,
) -> Result<Vec<OtherModel>> {
    let mut found = Vec::new();
    for model in [only_small(scratch)?].into_iter().chain(large(scratch)?) {
        for runtime in runtimes {
            let engine = runtime.load(&model.folder, model.name)?;
            let item = ServedItem::read(&engine, model.picture)?;
            let service = runtime.serve(&model.folder, scratch, &[])?;
            let mut pair = pair(&engine, &item, &service)?;
            for round in 0..=extent.rounds {
                for contender in &mut pair {
                    if round == 0 {
                        turns.warm_up(|| contender.load.turn(extent.connections, extent.duration))?;
                    } else {
                        let turn = turns.take(|| contender.load.turn(extent.connections, extent.duration))?;
                        contender.floods.push(turn);
                    }
                }
            }
            found.push(OtherModel {
                name: model.name,
                who: ContenderKind::Service(runtime.kind()),
                per_second: [0, 1].map(|index| pair[index].typical(crate::load_result::LoadResult::per_second)),
                alone: pair[1].typical(|flood| flood.quantile(0.5)),
                peak_megabytes: peak_megabytes(service.process())?,
            });
            drop(pair);
            service.stop()?;
        }
    }
    Ok(found)
}

/// The service, and the loop of its engine.
fn pair<'a>(engine: &'a Arc<Engine>, item: &'a ServedItem, service: &'a ServiceProgram) -> Result<[Contender<'a>; 2]> {
    let who = ContenderKind::Service(engine.runtime());
    let request = item.request(who, RequestBody::Jpeg)?.context("the service takes JPEG")?;
    item.check_answer(who, service.address, &request)?;
    let served = Contender::new(who, RequestBody::Jpeg, TurnLoad::requests(service.address, request, Some(service)));
    let alone = Contender::new(
        ContenderKind::Loop(engine.runtime()),
        RequestBody::None,
        TurnLoad::Loop { engine, input: item.input() },
    );
    Ok([served, alone])
}

/// The small model.
fn only_small(scratch: &ScratchFolder) -> Result<ModelFolder> {
    let folder = scratch.path("small");
    copy_shipped(SMALL, &folder)?;
    Ok(ModelFolder { name: SMALL, picture: "deploy/models/surface/examples/scratch.png", folder })
}

/// Copies what serves a shipped model into a repository.
///
/// # Errors
/// Where that fails.
pub(super) fn copy_shipped(model: &str, repository: &Path) -> Result<()> {
    let (from, to) = (shipped().join(model), repository.join(model));
    fs::create_dir_all(to.join("1"))?;
    for file in ["model.toml", "labels.txt", "1/model.onnx"] {
        fs::copy(from.join(file), to.join(file)).with_context(|| format!("{file} cannot be copied"))?;
    }
    Ok(())
}

/// A MobileNetV2; `None` where the packages that write it cannot be had.
fn large(scratch: &ScratchFolder) -> Result<Option<ModelFolder>> {
    let folder = scratch.path("large");
    let model = folder.join(LARGE);
    let what = "a model of MobileNet's size";
    if python_model::write_model(&model, include_str!("mobilenet.py"), what, scratch)?.is_none() {
        return Ok(None);
    }
    fs::write(model.join("model.toml"), include_str!("mobilenet.toml"))?;
    let labels: Vec<String> = (0..1000).map(|class| format!("class-{class}")).collect();
    fs::write(model.join("labels.txt"), labels.join("\n"))?;
    Ok(Some(ModelFolder { name: LARGE, picture: "deploy/models/cifar10/examples/cat.jpg", folder }))
}
