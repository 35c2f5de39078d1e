//! In every runtime, the shipped models give the answers that ONNX Runtime gave, from tensors and from the bytes of
//! picture files.
//!
//! What is in the repository is always checked. The full test pictures are looked for in `$GLASSHOUSE_SHARED/data`, or
//! in `../shared/data` beside the workspace.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use inference_service::input::{ImageLimits, ModelInput, decode};
use inference_service::model::{ClassPrediction, Engine, InputSpec, Repository, Runtime, RuntimeKind, Session};
use serde::Deserialize;
use testkit::pypi;

const MODELS: [&str; 2] = ["cifar10", "surface"];
/// Largest difference between two engines' logits for the same tensor.
const TOLERANCE: f32 = 1e-3;

/// A shipped model, ready to run.
struct Model {
    engine: Arc<Engine>,
    session: Session,
}

impl Model {
    fn load(name: &str, runtime: &Runtime) -> Self {
        let repository = Repository::scan(&models_folder()).unwrap();
        let entry = repository.entries().iter().find(|entry| entry.name == name).unwrap();
        let engine = Engine::load(entry.source.as_ref().unwrap(), runtime).unwrap();
        let session = Session::warm(&engine).unwrap();
        Self { engine, session }
    }

    fn logits(&mut self, file: &Path) -> Vec<f32> {
        let input = self.input(file);
        self.run(&input)
    }

    fn input(&self, file: &Path) -> ModelInput {
        let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        decode(&bytes, self.spec(), &ImageLimits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    fn spec(&self) -> &InputSpec {
        self.engine.config().input.as_ref().unwrap()
    }

    fn run(&mut self, input: &ModelInput) -> Vec<f32> {
        self.session.run(input).unwrap()[0].values().fp32().unwrap().to_vec()
    }

    fn predict(&mut self, file: &Path) -> ClassPrediction {
        let input = self.input(file);
        let outputs = self.session.run(&input).unwrap();
        self.engine.prediction(outputs, NonZeroUsize::MIN).unwrap().class().unwrap().clone()
    }
}

/// Every model in every runtime that there is, which must give the same answers.
fn models() -> Vec<(&'static str, Model)> {
    static RUNTIMES: OnceLock<Vec<Runtime>> = OnceLock::new();
    let runtimes = RUNTIMES.get_or_init(|| {
        let library = pypi::onnxruntime("whether ONNX Runtime gives the same answers");
        let onnxruntime = library.map(|path| Runtime::start(RuntimeKind::OnnxRuntime, Some(&path)).unwrap());
        [Runtime::tract()].into_iter().chain(onnxruntime).collect()
    });
    let loaded = |name: &'static str| runtimes.iter().map(move |runtime| (name, Model::load(name, runtime)));
    MODELS.into_iter().flat_map(loaded).collect()
}

fn models_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/models")
}

/// The folder of a model's test pictures, or `None` with a loud line where they are absent.
fn test_pictures(model: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("GLASSHOUSE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("data").join(model);
    if folder.is_dir() {
        return Some(folder);
    }
    // Straight to stderr: the test harness swallows what passing tests print.
    let line = format!("SKIPPED: no test pictures of {model} at {}; set GLASSHOUSE_SHARED\n", folder.display());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Shape and numbers of a NumPy file of little-endian 32-bit floats in C order.
fn read_npy(file: &Path) -> (Vec<usize>, Vec<f32>) {
    let bytes = fs::read(file).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00", "{} is NumPy format 1.0", file.display());
    let data = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..data]).unwrap();
    assert!(header.contains("'descr': '<f4'") && header.contains("'fortran_order': False"), "{header}");
    let sizes = header.split(['(', ')']).nth(1).unwrap();
    let shape: Vec<usize> =
        sizes.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().unwrap()).collect();
    let values: Vec<f32> =
        bytes[data..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(shape.iter().product::<usize>(), values.len());
    (shape, values)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn likeliest(logits: &[f32]) -> usize {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap()
}

#[test]
fn the_same_tensor_gives_the_same_logits() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (name, mut model) in models() {
        let (shape, tensors) = read_npy(&data.join(format!("{name}_tensors.npy")));
        let (_, golden) = read_npy(&data.join(format!("{name}_tensors_logits.npy")));
        let spec = model.spec().clone();
        assert_eq!(shape[1..], spec.item_shape());
        let classes = model.engine.labels().len();
        assert_eq!(golden.len(), shape[0] * classes);
        for (item, golden) in tensors.chunks(spec.count()).zip(golden.chunks(classes)) {
            let logits = model.run(&ModelInput::new(&spec.item_shape(), item.to_vec()).unwrap());
            let difference = largest_difference(&logits, golden);
            assert!(difference < TOLERANCE, "{name}: {logits:?} instead of {golden:?}");
        }
    }
}

#[test]
fn an_answer_does_not_depend_on_what_runs_with_it() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (name, mut model) in models() {
        let (_, tensors) = read_npy(&data.join(format!("{name}_tensors.npy")));
        let spec = model.spec().clone();
        let item = |values: &[f32]| ModelInput::new(&spec.item_shape(), values.to_vec()).unwrap();
        let items: Vec<ModelInput> = tensors.chunks(spec.count()).map(item).collect();
        let alone: Vec<Vec<f32>> = items.iter().map(|item| model.run(item)).collect();
        for size in [2, 3, 8] {
            // Each item stands in each place, with others around it.
            for start in 0..items.len() {
                let chosen: Vec<usize> = (0..size).map(|place| (start + place * 5) % items.len()).collect();
                let inputs: Vec<&ModelInput> = chosen.iter().map(|item| &items[*item]).collect();
                if model.engine.takes_batches().is_ok() {
                    assert!(model.session.run_together(&inputs).is_ok(), "{name}: they do not run together");
                }
                for (item, answer) in chosen.iter().zip(model.session.run_each(&inputs)) {
                    let largest = alone[*item].iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                    let difference = largest_difference(answer.unwrap()[0].values().fp32().unwrap(), &alone[*item]);
                    assert!(difference <= 1e-5 * largest, "{name}: {difference} in a batch of {size}");
                }
            }
        }
    }
}

#[test]
fn the_shipped_models_are_the_ones_that_the_cards_describe() {
    let repository = Repository::scan(&models_folder()).unwrap();
    let names: Vec<&str> = repository.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["cifar10", "diabetes", "surface", "tumour"]);
    assert_eq!(repository.default_model().unwrap().name, "cifar10");
    for name in names {
        let card = fs::read_to_string(models_folder().join(name).join("CARD.md")).unwrap();
        assert!(
            card.contains(Model::load(name, &Runtime::tract()).engine.sha256()),
            "the card of {name} names another model.onnx"
        );
    }
}

/// Every example picture stands in its model's card as `| file | label | confidence |`, and is predicted as it says.
#[test]
fn example_pictures_are_predicted_as_the_cards_say() {
    for (name, mut model) in models() {
        let folder = models_folder().join(name);
        let card = fs::read_to_string(folder.join("CARD.md")).unwrap();
        let examples = files_below(&folder.join("examples"));
        assert!(examples.len() >= 5);
        for file in examples {
            let shown = format!("`examples/{}`", file.file_name().unwrap().to_str().unwrap());
            let row =
                card.lines().find(|line| line.contains(&shown)).unwrap_or_else(|| panic!("{name}: no row for {shown}"));
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let prediction = model.predict(&file);
            assert_eq!(prediction.label, cells[2], "{name}: {shown}");
            let stated: f64 = cells[3].parse().unwrap();
            let confidence = prediction.confidence;
            assert!(
                (confidence - stated).abs() < 0.02,
                "{name}: {shown} has the confidence {confidence:.3}, not {stated}"
            );
            assert_eq!(prediction.defect, name == "surface" && prediction.label != "ok");
        }
    }
}

#[derive(Deserialize)]
struct Golden {
    images: Vec<GoldenImage>,
}

#[derive(Deserialize)]
struct GoldenImage {
    file: String,
    logits: Vec<f32>,
}

#[test]
fn files_give_the_golden_classes() {
    for (name, mut model) in models() {
        let Some(folder) = test_pictures(name) else { continue };
        let golden: Golden = serde_json::from_slice(&fs::read(folder.join("golden.json")).unwrap()).unwrap();
        assert!(golden.images.len() >= 100);
        let mut differences = Vec::new();
        let mut agreed = 0;
        for image in &golden.images {
            let logits = model.logits(&folder.join(&image.file));
            differences.push(largest_difference(&logits, &image.logits));
            agreed += usize::from(likeliest(&logits) == likeliest(&image.logits));
        }
        differences.sort_by(f32::total_cmp);
        let runtime = model.engine.runtime().as_str();
        let (median, largest) = (differences[differences.len() / 2], differences[differences.len() - 1]);
        let agreement = agreed as f64 / golden.images.len() as f64;
        eprintln!(
            "{name} ({runtime}): {agreement:.4} of classes agree; logits differ by {median:.5} (median), {largest:.5} (largest)"
        );
        assert!(agreement >= 0.99, "{name}: only {agreement} of the classes are those of ONNX Runtime");
    }
}

#[test]
fn accuracy_is_that_of_the_cards() {
    // What the cards state for these very pictures. On 4,000 others, surface has 98.4 %.
    let stated = BTreeMap::from([("cifar10", 0.864), ("surface", 0.992)]);
    for (name, mut model) in models() {
        let (Some(folder), stated) = (test_pictures(name), stated[name]) else { continue };
        let (mut right, mut all) = (0_u32, 0_u32);
        for class in files_below(&folder.join("images")) {
            for file in files_below(&class) {
                all += 1;
                right += u32::from(model.predict(&file).label == class.file_name().unwrap().to_str().unwrap());
            }
        }
        let accuracy = f64::from(right) / f64::from(all);
        eprintln!("{name}: {right} of {all} pictures are right");
        assert!((accuracy - stated).abs() <= 0.005, "{name}: accuracy {accuracy}, the card says {stated}");
    }
}
