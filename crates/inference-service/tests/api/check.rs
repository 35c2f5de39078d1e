//! `inference-service check`, as somebody runs it before a model is deployed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use testkit::pypi;

use crate::onnx::{Element, graph};
use crate::repository::{add, shipped};

/// The exit code and what was printed.
fn check(arguments: &[&Path]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_inference-service"))
        .env_clear()
        .arg("check")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// A file of known answers of a shipped model.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The known answers of a shipped model.
fn held_against(model: &Path, inputs: &Path, outputs: &Path) -> (i32, String) {
    check(&[model, Path::new("--engine"), Path::new("tract"), Path::new("--golden"), inputs, outputs])
}

/// An archive of .npy files by name.
fn npz(folder: &TempDir, name: &str, arrays: &[(&str, Vec<u8>)]) -> PathBuf {
    let path = folder.path().join(name);
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, array) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(array).unwrap();
    }
    archive.finish().unwrap();
    path
}

#[test]
fn shipped_models_are_explained() {
    let (code, printed) = check(&[&shipped()]);
    assert_eq!(code, 0, "{printed}");
    for line in [
        "cifar10, version 1:",
        "tract takes it",
        "input \"input\": type FP32 and shape [?, 3, 32, 32]",
        "10 classes: airplane, automobile, bird, cat, deer, …",
        "surface, version 1:",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
}

#[test]
fn known_answers_are_right_or_wrong() {
    let model = shipped().join("cifar10");
    let (inputs, outputs) = (golden("cifar10_tensors.npy"), golden("cifar10_tensors_logits.npy"));
    let (code, printed) = held_against(&model, &inputs, &outputs);
    assert!(code == 0 && printed.contains("output \"logits\": the same"), "{printed}");

    let folder = tempfile::tempdir().unwrap();
    let mut wrong = fs::read(&outputs).unwrap();
    // The last number, far away.
    let last = wrong.len() - 4;
    wrong[last..].copy_from_slice(&1e3_f32.to_le_bytes());
    let by_name = |name: &str, outputs: &[u8]| {
        let inputs = npz(&folder, "inputs.npz", &[("input", fs::read(&inputs).unwrap())]);
        held_against(&model, &inputs, &npz(&folder, "outputs.npz", &[(name, outputs.to_vec())]))
    };
    let (code, printed) = by_name("logits", &fs::read(&outputs).unwrap());
    assert!(code == 0 && printed.contains("output \"logits\": the same"), "{printed}");
    let (code, printed) = by_name("logits", &wrong);
    assert!(code == 1 && printed.contains("output \"logits\": WRONG, largest difference 1.0e3"), "{printed}");
    let (code, printed) = by_name("scores", &wrong);
    assert!(code == 1 && printed.contains("no output \"scores\"; it has: logits"), "{printed}");
    let nothing = npz(&folder, "nothing.npz", &[]);
    let (code, printed) = held_against(&model, &inputs, &nothing);
    assert!(code == 1 && printed.contains("nothing.npz: it has no arrays"), "{printed}");
    let header = |text: &str| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat()
    };
    let no_items = npz(&folder, "none.npz", &[("input", header("(0, 3, 32, 32)"))]);
    let (code, printed) = held_against(&model, &no_items, &outputs);
    assert!(code == 1 && printed.contains("the golden inputs have no items"), "{printed}");
    let (code, printed) = held_against(&model, &outputs, &outputs);
    assert!(code == 1 && printed.contains("the model takes type FP32 and shape [?, 3, 32, 32]"), "{printed}");
    let (code, printed) = held_against(&model, &model.join("model.toml"), &outputs);
    assert!(code == 1 && printed.contains("it is no .npz file"), "{printed}");
}

#[test]
fn a_model_toml_is_proposed_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.onnx");
    fs::copy(shipped().join("cifar10/1/model.onnx"), &file).unwrap();
    for path in [&file, folder.path()] {
        let (code, printed) = check(&[path]);
        assert_eq!(code, 0, "{printed}");
        for line in
            ["net, version 1", "task = \"classification\"", "[input]", "width = 32", "layout = \"nchw\"", "10 names"]
        {
            assert!(printed.contains(line), "{line}: {printed}");
        }
    }
}

#[test]
fn broken_models_are_told_of_and_fail() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(shipped().join("cifar10/1/model.onnx")).unwrap();
    let file = folder.path().join("model.onnx");
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (code, printed) = check(&[&file]);
    assert!(code == 1 && printed.contains("not ONNX"), "{printed}");
    let (code, printed) = check(&[&folder.path().join("missing")]);
    assert!(code == 1 && printed.contains("cannot read"), "{printed}");

    // The file is fine, and its model.toml asks for something else.
    let pairs = |name| (name, Element::Float32, &[None, Some(2)][..]);
    fs::write(&file, graph(&[pairs("x")], &[("Neg", &["x"], "y")], &[pairs("y")])).unwrap();
    fs::write(folder.path().join("model.toml"), "task = \"regression\"\n").unwrap();
    let (code, printed) = check(&[folder.path()]);
    assert!(
        code == 1 && printed.contains("tract refuses it") && printed.contains("As \"raw\" it would serve"),
        "{printed}"
    );
    assert!(printed.contains("output \"y\": type FP32 and shape [?, 2]"), "{printed}");
}

#[test]
fn one_number_for_two_classes_is_proposed_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("net.onnx");
    let one = |name| (name, Element::Float32, &[None, Some(1)][..]);
    let proposed = |operator| {
        fs::write(&file, graph(&[one("x")], &[(operator, &["x"], "y")], &[one("y")])).unwrap();
        let (code, printed) = check(&[&file]);
        assert_eq!(code, 0, "{printed}");
        printed
    };
    let printed = proposed("Sigmoid");
    for line in
        ["task = \"classification\"", "the second of two classes", "# output = \"sigmoid\"", "[\"no\", \"yes\"]"]
    {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    // Its graph does not say what the number is.
    let printed = proposed("Abs");
    assert!(printed.contains("task = \"regression\"") && printed.contains("the second of two classes"), "{printed}");
}

#[test]
fn both_engines_are_told_of() {
    let Some(library) = pypi::onnxruntime("whether `check` tells of ONNX Runtime") else { return };
    let (inputs, outputs) = (golden("surface_tensors.npy"), golden("surface_tensors_logits.npy"));
    let flag = |text| Path::new(text);
    let model = shipped().join("surface");
    let (code, printed) =
        check(&[&model, flag("--onnxruntime-library"), &library, flag("--golden"), &inputs, &outputs]);
    assert!(code == 0 && printed.matches("takes it").count() == 2, "{printed}");
    assert_eq!(printed.matches("output \"logits\": the same").count(), 2, "{printed}");
    assert_eq!(printed.matches(", on cpu\n").count(), 2, "{printed}");
}

#[test]
fn an_accelerator_that_is_missing_is_told_of_and_fails_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = |name| (name, Element::Float32, &[None, Some(2)][..]);
    let file = graph(&[pairs("x")], &[("Neg", &["x"], "y")], &[pairs("y")]);
    add(folder.path(), "fast", "task = \"raw\"\nproviders = [\"cuda\", \"cpu\"]\n", &file);
    let (code, printed) = check(&[folder.path(), Path::new("--engine"), Path::new("tract")]);
    assert!(code == 0 && printed.contains(", on cpu\n  cuda does not run it: tract runs the model"), "{printed}");
}
