//! Programs and libraries that are published on PyPI, for tests and tasks; no service needs them.
//!
//! Rule of thumb: packages that are wanted together have an environment of their own below the target folder, made once
//! for each set of versions.

use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::target_folder;

/// A package and its version.
pub type Package = (&'static str, &'static str);

/// ONNX Runtime, whose library the wheel brings.
pub const ONNX_RUNTIME: Package = ("onnxruntime", "1.32.0");

/// The same with Intel's execution provider, an accelerator that needs no other machine than one with a processor of x86_64.
const ONNX_RUNTIME_OPENVINO: Package = ("onnxruntime-openvino", "1.24.1");

/// What makes models, and brings some: libraries that train and export them, and packages with models in their wheels.
/// What the latter depend on beyond this is not installed: their models are wanted, and not their programs.
const MODELS: &[Package] = &[
    ("onnx", "1.23.2"),
    ("numpy", "2.4.6"),
    ("protobuf", "7.36.2"),
    ("ml-dtypes", "0.6.0"),
    ("typing-extensions", "4.16.0"),
    ONNX_RUNTIME,
    ("flatbuffers", "25.12.19"),
    ("packaging", "26.4"),
    ("scikit-learn", "1.9.1"),
    ("scipy", "1.17.1"),
    ("joblib", "1.6.0"),
    ("cloudpickle", "3.1.3"),
    ("narwhals", "2.29.0"),
    ("threadpoolctl", "3.8.0"),
    ("skl2onnx", "1.20.0"),
    ("onnxmltools", "1.16.0"),
    ("onnxconverter-common", "1.16.0"),
    ("lightgbm", "4.7.0"),
    ("xgboost-cpu", "3.2.0"),
    ("rapidocr", "3.10.0"),
    ("magika", "1.0.3"),
    ("silero-vad", "6.2.3"),
    ("basic-pitch", "0.4.0"),
];

/// The folder of an environment that has these packages, installed if need be.
///
/// # Errors
/// What went wrong, in a sentence.
fn environment(packages: &[Package]) -> Result<PathBuf, String> {
    let name: Vec<String> = packages.iter().map(|(package, version)| format!("{package}-{version}")).collect();
    made(&name.join("-"), packages, &[])
}

/// The folder of an environment of this name that has these packages, installed if need be with these options.
///
/// # Errors
/// What went wrong, in a sentence.
fn made(name: &str, packages: &[Package], options: &[&str]) -> Result<PathBuf, String> {
    let environments = target_folder()?.join("python");
    let folder = environments.join(name);
    // Test programs run side by side, and may want the same one. Whoever comes second waits, and finds it.
    fs::create_dir_all(&environments).map_err(|error| error.to_string())?;
    let lock = File::create(environments.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    install(packages, options, &folder)?;
    Ok(folder)
}

/// The Python of such an environment, for a test; or a line on stderr that says that `what` is skipped and why.
///
/// # Panics
/// If it cannot be had on a build server, where the environment variable CI is set: nothing is skipped there.
pub fn python(packages: &[Package], what: &str) -> Option<PathBuf> {
    for_test(environment(packages), what).map(|folder| folder.join("bin/python"))
}

/// The Python that makes models, and finds those that packages bring, for a test.
///
/// # Panics
/// As [`python`].
pub fn python_with_models(what: &str) -> Option<PathBuf> {
    for_test(made("models", MODELS, &["--no-deps"]), what).map(|folder| folder.join("bin/python"))
}

/// A program that one of the packages brings, for a test.
///
/// # Panics
/// As [`python`].
pub fn program(packages: &[Package], program: &str, what: &str) -> Option<PathBuf> {
    for_test(environment(packages), what).map(|folder| folder.join("bin").join(program))
}

/// The library of ONNX Runtime.
///
/// # Errors
/// What went wrong, in a sentence.
pub fn onnxruntime_library() -> Result<PathBuf, String> {
    library_in(&environment(&[ONNX_RUNTIME])?)
}

/// The library of ONNX Runtime in an environment that has a wheel of it.
fn library_in(environment: &Path) -> Result<PathBuf, String> {
    let libraries = environment.join("lib");
    let python = entries(&libraries)?.into_iter().next().ok_or("the environment has no library folder")?;
    let is_it =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so"));
    let capi = python.join("site-packages/onnxruntime/capi");
    entries(&capi)?.into_iter().find(is_it).ok_or_else(|| "the wheel has no libonnxruntime.so".to_owned())
}

/// The library of ONNX Runtime, for a test.
///
/// # Panics
/// As [`python`].
pub fn onnxruntime(what: &str) -> Option<PathBuf> {
    for_test(onnxruntime_library(), what)
}

/// The library of ONNX Runtime that has the execution provider openvino, for a test. A process can load one library.
///
/// # Panics
/// As [`python`].
pub fn onnxruntime_with_openvino(what: &str) -> Option<PathBuf> {
    let environment = made("onnxruntime-openvino", &[ONNX_RUNTIME_OPENVINO], &["--no-deps"]);
    for_test(environment.and_then(|folder| library_in(&folder)), what)
}

fn for_test(found: Result<PathBuf, String>, what: &str) -> Option<PathBuf> {
    let problem = match found {
        Ok(found) => return Some(found),
        Err(problem) => problem,
    };
    let sentence = format!("packages cannot be installed from PyPI ({problem}), so {what} is not tested");
    assert!(env::var_os("CI").is_none(), "{sentence}");
    // Straight to stderr: the test harness swallows what passing tests print.
    let _ = std::io::stderr().write_all(format!("SKIPPED: {sentence}\n").as_bytes());
    None
}

fn install(packages: &[Package], options: &[&str], folder: &Path) -> Result<(), String> {
    // A folder that is there may be what an interrupted installation has left.
    let python = folder.join("bin/python");
    let versions = packages.iter().map(|(package, version)| format!("assert m.version('{package}') == '{version}'; "));
    let are_there = format!("import importlib.metadata as m; {}", versions.collect::<String>());
    // Scripts name the folder that they were made in, and do not start where that has been moved.
    let starts = || run(Command::new(folder.join("bin/pip")).arg("--version")).is_ok();
    if run(Command::new(&python).args(["-c", &are_there])).is_ok() && starts() {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let requirements = packages.iter().map(|(package, version)| format!("{package}=={version}"));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(options).args(requirements))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("{}: {error}", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    Ok(entries)
}
