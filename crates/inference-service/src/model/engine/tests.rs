#![allow(clippy::unwrap_used, clippy::expect_used)]

mod onnx;

use std::fs;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::super::{
    Batching, Colour, Datatype, DefectRule, InputSpec, Layout, ReadOrientation, ResizeFilter, ScoreScale, Task,
};
use super::*;
use crate::input::ModelInput;
use crate::model::InstanceConfig;
use crate::model::{Session, hexadecimal};
use onnx::OnnxChain;

const FLOAT32: u64 = 1;
const INT64: u64 = 7;

/// A grey 3 x 1 model with three classes, so that Flatten alone is a model.
fn config() -> ModelConfig {
    ModelConfig {
        task: Task::Classification,
        version: None,
        latest_versions: 1,
        engine: None,
        instances: InstanceConfig::default(),
        accelerators: Vec::new(),
        input: Some(InputSpec {
            width: 3,
            height: 1,
            colour: Colour::Grey,
            layout: Layout::Nchw,
            mean: vec![0.0],
            std: vec![1.0],
            resize: ResizeFilter::Triangle,
            orientation: ReadOrientation::Ignore,
        }),
        output: Some(ScoreScale::Logits),
        output_name: None,
        labels: Some(["a", "b", "c"].map(str::to_owned).to_vec()),
        defect: DefectRule::Never,
        batching: Batching::default(),
        ..ModelConfig::raw()
    }
}

fn load_bytes(bytes: &[u8], config: ModelConfig) -> Result<Arc<Engine>, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    fs::write(&file, bytes).unwrap();
    Engine::load(&ModelSource { name: "m".to_owned(), version: 7, file, config }, &Runtime::tract())
}

fn load(input: &[Option<u64>], operators: &[&str]) -> Result<Arc<Engine>, ModelError> {
    load_bytes(&OnnxChain { element_type: FLOAT32, input, operators, outputs: 1 }.bytes(), config())
}

/// A model that says what it is asked.
pub(in crate::model) fn identity() -> Arc<Engine> {
    load(BATCH_OF_ANY, &["Flatten"]).unwrap()
}

const BATCH_OF_ANY: &[Option<u64>] = &[None, Some(1), Some(1), Some(3)];

fn item(values: [f32; 3]) -> ModelInput {
    ModelInput::new(&[1, 1, 3], values.to_vec()).unwrap()
}

/// The numbers of the first output.
fn run(session: &mut Session, input: &ModelInput) -> Vec<f32> {
    session.run(input).unwrap()[0].values().fp32().unwrap().to_vec()
}

#[test]
fn a_model_runs_and_tells_what_it_is() {
    for shape in [BATCH_OF_ANY, &[Some(1), Some(1), Some(1), Some(3)], &[None, None, None, None]] {
        let engine = load(shape, &["Neg", "Flatten"]).unwrap();
        assert_eq!((engine.name(), engine.version()), ("m", "7"));
        assert_eq!(engine.labels(), ["a", "b", "c"]);
        let mut session = Session::new(&engine).unwrap();
        session.warm_up().unwrap();
        assert_eq!(run(&mut session, &item([1.0, -2.0, 3.0])), [-1.0, 2.0, -3.0]);
        assert_eq!(run(&mut session, &item([4.0, 5.0, 6.0])), [-4.0, -5.0, -6.0], "nothing is left of the last");
    }
}

#[test]
fn the_checksum_is_that_of_the_file() {
    // The well-known digest of three letters.
    let digest = hexadecimal(&Sha256::digest(b"abc"));
    assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let bytes = OnnxChain { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
    assert_eq!(load_bytes(&bytes, config()).unwrap().sha256(), hexadecimal(&Sha256::digest(&bytes)));
}

#[test]
fn inputs_that_do_not_fit_are_found_while_loading() {
    for shape in [
        &[Some(8), Some(1), Some(1), Some(3)][..],
        &[None, Some(3), Some(1), Some(3)],
        &[None, Some(1), Some(3), Some(1)],
        &[None, Some(3)],
        &[None, Some(1), Some(1), Some(3), Some(1)],
    ] {
        let error = load(shape, &["Flatten"]).unwrap_err();
        assert!(matches!(error, ModelError::Mismatch { .. }), "{shape:?}: {error}");
        let message = error.to_string();
        assert!(message.contains("shape [1, 1, 1, 3]") && message.contains("model.onnx"), "{message}");
    }
    let integers = OnnxChain { element_type: INT64, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
    let message = load_bytes(&integers, config()).unwrap_err().to_string();
    assert!(message.contains("INT64"), "{message}");
}

#[test]
fn outputs_that_do_not_fit_are_found_while_loading() {
    let mut two_labels = config();
    two_labels.labels = Some(vec!["a".to_owned(), "b".to_owned()]);
    let flatten = OnnxChain { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
    let message = load_bytes(&flatten, two_labels).unwrap_err().to_string();
    assert!(
        message.contains("2 numbers") && message.contains("[1, 3]") && message.contains("correct `labels`"),
        "{message}"
    );

    let two =
        OnnxChain { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten", "Neg"], outputs: 2 }.bytes();
    let message = load_bytes(&two, config()).unwrap_err().to_string();
    assert!(message.contains("2 outputs") && message.contains("`output_name`"), "{message}");

    let integers = load(BATCH_OF_ANY, &["Flatten", "Shape"]).unwrap_err();
    assert!(matches!(integers, ModelError::Mismatch { .. }), "{integers}");
}

#[test]
fn files_that_are_no_models_are_refused() {
    let good = OnnxChain { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
    for bytes in [&b""[..], b"\0", b"not a model", &good[..good.len() / 2]] {
        let error = load_bytes(bytes, config()).unwrap_err();
        assert!(error.to_string().contains("model.onnx"), "{error}");
    }
    let unknown = load(BATCH_OF_ANY, &["Teleport", "Flatten"]).unwrap_err();
    assert!(matches!(unknown, ModelError::Unsupported { .. }), "{unknown}");
    assert!(unknown.to_string().contains("Teleport"), "{unknown}");
    let missing =
        ModelSource { name: "m".to_owned(), version: 1, file: PathBuf::from("no/such.onnx"), config: config() };
    assert!(matches!(Engine::load(&missing, &Runtime::tract()), Err(ModelError::Unreadable { .. })));
}

#[test]
fn answers_that_are_not_finite_are_errors() {
    let engine = load(BATCH_OF_ANY, &["Log", "Flatten"]).unwrap();
    let mut session = Session::new(&engine).unwrap();
    assert!(matches!(session.warm_up(), Err(ModelError::BadScores { .. })), "the logarithm of zero is infinite");
    assert!(matches!(session.run(&item([1.0, -1.0, 1.0])), Err(ModelError::BadScores { .. })));
    assert_eq!(run(&mut session, &item([1.0; 3])), [0.0; 3], "a refused answer leaves the session usable");
}

#[test]
fn an_item_that_fails_does_no_harm_to_the_others() {
    let mut session = Session::new(&load(BATCH_OF_ANY, &["Log", "Flatten"]).unwrap()).unwrap();
    let turned = ModelInput::zeros(&[1, 3, 1]);
    let answers = session.run_each(&[&item([1.0; 3]), &item([-1.0; 3]), &turned, &item([1.0; 3])]);
    let [Ok(first), Err(ModelError::BadScores { .. }), Err(ModelError::WrongInput { .. }), Ok(last)] = &answers[..]
    else {
        panic!("{answers:?}");
    };
    for answer in [first, last] {
        assert_eq!(answer[0].values().fp32(), Some(&[0.0; 3][..]));
    }
}

#[test]
fn another_models_input_is_refused() {
    let mut session = Session::new(&load(BATCH_OF_ANY, &["Flatten"]).unwrap()).unwrap();
    for wrong in [
        ModelInput::zeros(&[1, 3, 1]),
        ModelInput::of(vec![Tensor::zeros(Datatype::Int64, vec![1, 1, 1, 3])]),
        ModelInput::of(Vec::new()),
    ] {
        let refused = session.run(&wrong).unwrap_err();
        assert!(matches!(refused, ModelError::WrongInput { .. }), "{refused}");
    }
}

#[test]
fn engines_are_shared_and_sessions_move_to_their_thread() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Engine>();
    moved::<Session>();

    let engine = load(BATCH_OF_ANY, &["Neg", "Flatten"]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let mut session = Session::new(&engine).unwrap();
            scope.spawn(move || {
                for round in 0..50_u8 {
                    let value = f32::from(thread) * 100.0 + f32::from(round);
                    assert_eq!(run(&mut session, &item([value; 3])), [-value; 3]);
                }
            });
        }
    });
}

/// A model without pictures.
fn tensors(task: Task) -> ModelConfig {
    let output = (task == Task::Classification).then_some(ScoreScale::Logits);
    ModelConfig { task, output, input: None, labels: None, ..config() }
}

#[test]
fn rows_of_any_number_are_items() {
    let onnx = |input, operators| OnnxChain { element_type: FLOAT32, input, operators, outputs: 1 }.bytes();
    let engine = load_bytes(&onnx(&[None, Some(3)], &["Neg"]), tensors(Task::Classification)).unwrap();
    assert_eq!(engine.labels(), ["0", "1", "2"], "classes without names have their numbers");
    assert_eq!(engine.item_shape().unwrap().count(), Some(3));
    let mut session = Session::new(&engine).unwrap();
    session.warm_up().unwrap();
    let outputs = session.run(&ModelInput::new(&[3], vec![3.0, 1.0, 2.0]).unwrap()).unwrap();
    let prediction = engine.prediction(outputs, NonZeroUsize::MIN).unwrap();
    assert_eq!(prediction.class().unwrap().label, "1");

    let engine = load_bytes(&onnx(&[None, Some(1)], &["Exp"]), tensors(Task::Regression)).unwrap();
    let mut session = Session::new(&engine).unwrap();
    session.warm_up().unwrap();
    let outputs = session.run(&ModelInput::new(&[1], vec![0.0]).unwrap()).unwrap();
    assert_eq!(engine.prediction(outputs, NonZeroUsize::MIN).unwrap().number(), Some(1.0));
    let endless = session.run(&ModelInput::new(&[1], vec![1000.0]).unwrap()).unwrap_err();
    assert!(matches!(endless, ModelError::BadNumber { found: Some(found) } if found.is_infinite()), "{endless}");

    let several = load_bytes(&onnx(&[None, Some(3)], &["Neg"]), tensors(Task::Regression)).unwrap_err();
    assert!(several.to_string().contains("one output of a floating-point type"), "{several}");
}

#[test]
fn whole_tensors_have_the_sizes_that_come() {
    for (element_type, datatype) in [(FLOAT32, Datatype::Fp32), (INT64, Datatype::Int64)] {
        let bytes = OnnxChain { element_type, input: &[None, Some(2)], operators: &["Neg", "Abs"], outputs: 2 }.bytes();
        let engine = load_bytes(&bytes, tensors(Task::Raw)).unwrap();
        assert_eq!(engine.signature().inputs[0].datatype, Some(datatype));
        assert_eq!(engine.item_shape(), None);
        let mut session = Session::new(&engine).unwrap();
        session.warm_up().unwrap();
        for rows in [1, 5, 2] {
            let outputs = session.run(&ModelInput::of(vec![Tensor::zeros(datatype, vec![rows, 2])])).unwrap();
            assert_eq!(outputs.len(), 2);
            assert!(outputs.iter().all(|output| output.shape() == [rows, 2]), "{outputs:?}");
            assert!(outputs.iter().all(|output| output.values().datatype() == datatype));
        }
    }
}
