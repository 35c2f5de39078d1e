//! `inference-service check`: what the service would make of a model, before anything is deployed.
//!
//! Rule of thumb: it asks the same code that serves. It needs no network and no running service, and whatever is wrong is one
//! sentence and exit code 1.

mod arrays;
mod golden;
mod npy;
mod places;
mod report;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::model::{EngineChoice, Runtime, RuntimeKind};
use golden::GoldenArrays;
use places::CheckedPlace;
use report::{CheckedEngine, ModelReport};

/// Explains models, proposes a model.toml, and holds answers against known ones.
#[derive(Args, Clone, Debug)]
pub struct CheckOptions {
    /// A folder of models, the folder of one model, or an ONNX file.
    path: PathBuf,

    /// What runs the model; auto tells of both engines.
    #[arg(long, env = "INFERENCE_ENGINE", default_value = "auto")]
    engine: EngineChoice,

    /// ONNX Runtime's library; left out, it is looked for as by the service.
    #[arg(long, env = "ORT_DYLIB_PATH")]
    onnxruntime_library: Option<PathBuf>,

    /// NumPy files (.npz or .npy) of inputs and of the outputs that are right for them, by the names of the tensors.
    #[arg(long, num_args = 2, value_names = ["INPUTS", "OUTPUTS"])]
    golden: Option<Vec<PathBuf>>,

    /// How far a number may be from the right one, as a part of it, or of 1 where it is smaller.
    #[arg(long, default_value_t = 1e-3, value_parser = tolerance)]
    tolerance: f64,
}

impl CheckOptions {
    /// Writes what is found to `out`; true if every model would serve, and gives the answers that are right.
    ///
    /// # Errors
    /// Where nothing can be written.
    pub fn run(&self, out: &mut dyn Write) -> io::Result<bool> {
        // Where an engine panics, the report has its message.
        std::panic::set_hook(Box::new(|_| {}));
        let place = match CheckedPlace::find(&self.path) {
            Ok(place) => place,
            Err(problem) => {
                writeln!(out, "{problem}")?;
                return Ok(false);
            }
        };
        for passed_over in &place.passed_over {
            writeln!(out, "{passed_over}")?;
        }
        let golden = match self.golden.as_deref().map(GoldenArrays::read).transpose() {
            Ok(golden) => golden,
            Err(problem) => {
                writeln!(out, "{problem}")?;
                return Ok(false);
            }
        };
        if golden.is_some() && place.models.len() > 1 {
            let (path, models) = (self.path.display(), place.models.len());
            writeln!(out, "--golden is for one model, and {path} has {models}: name the folder of one")?;
            return Ok(false);
        }
        let engines = self.engines();
        for CheckedEngine { kind, runtime } in &engines {
            if let Err(problem) = runtime {
                writeln!(out, "{} is not here: {problem}", kind.as_str())?;
            }
        }
        let mut all_good = true;
        for model in place.models {
            match model {
                Ok(source) => {
                    let (golden, tolerance) = (golden.as_ref(), self.tolerance);
                    all_good &= ModelReport { source: &source, engines: &engines, golden, tolerance }.write(out)?;
                }
                Err(problem) => {
                    writeln!(out, "{problem}")?;
                    all_good = false;
                }
            }
        }
        Ok(all_good)
    }

    /// The engines that are to be told of, the one that would be taken first.
    fn engines(&self) -> Vec<CheckedEngine> {
        let kinds = match self.engine {
            EngineChoice::Auto => vec![RuntimeKind::OnnxRuntime, RuntimeKind::Tract],
            EngineChoice::Tract => vec![RuntimeKind::Tract],
            EngineChoice::OnnxRuntime => vec![RuntimeKind::OnnxRuntime],
        };
        let start =
            |kind| Runtime::start(kind, self.onnxruntime_library.as_deref()).map_err(|problem| problem.to_string());
        kinds.into_iter().map(|kind| CheckedEngine { kind, runtime: start(kind) }).collect()
    }
}

fn tolerance(text: &str) -> Result<f64, String> {
    let tolerance: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if (0.0..=1.0).contains(&tolerance) { Ok(tolerance) } else { Err("expected 0 to 1".to_owned()) }
}
