#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use super::super::{Colour, DefectRule, InputSpec, Layout, ResizeFilter, Task};
use super::*;

const FLOAT32: u64 = 1;
const INT64: u64 = 7;

/// An ONNX file with one input and a chain of operators without parameters, in just enough of protobuf.
struct Onnx<'a> {
    element_type: u64,
    /// Dimensions of the input; `None` is symbolic.
    input: &'a [Option<u64>],
    operators: &'a [&'a str],
    /// How many of the last values are outputs.
    outputs: usize,
}

impl Onnx<'_> {
    fn bytes(&self) -> Vec<u8> {
        let dimensions: Vec<Vec<u8>> = self
            .input
            .iter()
            .map(|size| field(1, &size.map_or_else(|| field(2, b"N"), |size| varint_field(1, size))))
            .collect();
        let tensor = [varint_field(1, self.element_type), field(2, &dimensions.concat())].concat();
        let input = [field(1, b"v0"), field(2, &field(1, &tensor))].concat();
        let mut graph = [field(2, b"test"), field(11, &input)].concat();
        for (position, operator) in self.operators.iter().enumerate() {
            let (from, to) = (format!("v{position}"), format!("v{}", position + 1));
            let node = [field(1, from.as_bytes()), field(2, to.as_bytes()), field(4, operator.as_bytes())];
            graph.extend(field(1, &node.concat()));
        }
        for back in 0..self.outputs {
            graph.extend(field(12, &field(1, format!("v{}", self.operators.len() - back).as_bytes())));
        }
        [varint_field(1, 8), field(8, &varint_field(2, 17)), field(7, &graph)].concat()
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn varint_field(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A grey 3 x 1 model with three classes, so that Flatten alone is a model.
fn config() -> ModelConfig {
    ModelConfig {
        task: Task::Classification,
        version: None,
        latest_versions: 1,
        input: InputSpec {
            width: 3,
            height: 1,
            colour: Colour::Grey,
            layout: Layout::Nchw,
            mean: vec![0.0],
            std: vec![1.0],
            resize: ResizeFilter::Triangle,
        },
        labels: ["a", "b", "c"].map(str::to_owned).to_vec(),
        defect: DefectRule::Never,
    }
}

fn load_bytes(bytes: &[u8], config: ModelConfig) -> Result<Engine, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    fs::write(&file, bytes).unwrap();
    Engine::load(&ModelSource { name: "m".to_owned(), version: 7, file, config }, &Runtime::tract())
}

fn load(input: &[Option<u64>], operators: &[&str]) -> Result<Engine, ModelError> {
    load_bytes(&Onnx { element_type: FLOAT32, input, operators, outputs: 1 }.bytes(), config())
}

const BATCH_OF_ANY: &[Option<u64>] = &[None, Some(1), Some(1), Some(3)];

fn item(values: [f32; 3]) -> ModelInput {
    ModelInput::new(&config().input, values.to_vec()).unwrap()
}

#[test]
fn a_model_runs_and_tells_what_it_is() {
    for shape in [BATCH_OF_ANY, &[Some(1), Some(1), Some(1), Some(3)], &[None, None, None, None]] {
        let engine = load(shape, &["Neg", "Flatten"]).unwrap();
        assert_eq!((engine.name(), engine.version()), ("m", "7"));
        assert_eq!(engine.labels(), ["a", "b", "c"]);
        let mut session = engine.session().unwrap();
        session.warm_up().unwrap();
        assert_eq!(session.run(&item([1.0, -2.0, 3.0])).unwrap(), [-1.0, 2.0, -3.0]);
        assert_eq!(session.run(&item([4.0, 5.0, 6.0])).unwrap(), [-4.0, -5.0, -6.0], "nothing is left of the last");
    }
}

#[test]
fn the_checksum_is_that_of_the_file() {
    // The well-known digest of three letters.
    let digest = hexadecimal(&Sha256::digest(b"abc"));
    assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let bytes = Onnx { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
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
    let integers = Onnx { element_type: INT64, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
    let message = load_bytes(&integers, config()).unwrap_err().to_string();
    assert!(message.contains("INT64"), "{message}");
}

#[test]
fn outputs_that_do_not_fit_are_found_while_loading() {
    let mut two_labels = config();
    two_labels.labels.pop();
    let flatten = Onnx { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
    let message = load_bytes(&flatten, two_labels).unwrap_err().to_string();
    assert!(message.contains("shape [1, 2]") && message.contains("[1, 3]"), "{message}");

    let two = Onnx { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten", "Neg"], outputs: 2 }.bytes();
    let message = load_bytes(&two, config()).unwrap_err().to_string();
    assert!(message.contains("2 outputs"), "{message}");

    let integers = load(BATCH_OF_ANY, &["Flatten", "Shape"]).unwrap_err();
    assert!(matches!(integers, ModelError::Mismatch { .. }), "{integers}");
}

#[test]
fn files_that_are_no_models_are_refused() {
    let good = Onnx { element_type: FLOAT32, input: BATCH_OF_ANY, operators: &["Flatten"], outputs: 1 }.bytes();
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
    let mut session = engine.session().unwrap();
    assert!(matches!(session.warm_up(), Err(ModelError::BadLogits { .. })), "the logarithm of zero is infinite");
    assert!(matches!(session.run(&item([1.0, -1.0, 1.0])), Err(ModelError::BadLogits { .. })));
    assert_eq!(session.run(&item([1.0; 3])).unwrap(), [0.0; 3], "a refused answer leaves the session usable");
}

#[test]
fn another_models_input_is_refused() {
    let mut session = load(BATCH_OF_ANY, &["Flatten"]).unwrap().session().unwrap();
    let turned = InputSpec { width: 1, height: 3, ..config().input };
    let refused = session.run(&ModelInput::zeros(&turned)).unwrap_err();
    assert!(matches!(refused, ModelError::WrongInput { expected: [1, 1, 1, 3], found: [1, 1, 3, 1] }));
}

#[test]
fn a_session_is_renewed_after_a_failure() {
    let mut session = load(BATCH_OF_ANY, &["Flatten"]).unwrap().session().unwrap();
    let error = session.renew_after(ModelError::Run { reason: "first".to_owned() });
    assert_eq!(error.to_string(), "the engine failed: first");
    assert_eq!(session.run(&item([1.0, 2.0, 3.0])).unwrap(), [1.0, 2.0, 3.0]);
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
            let mut session = engine.session().unwrap();
            scope.spawn(move || {
                for round in 0..50_u8 {
                    let value = f32::from(thread) * 100.0 + f32::from(round);
                    assert_eq!(session.run(&item([value; 3])).unwrap(), [-value; 3]);
                }
            });
        }
    });
}
