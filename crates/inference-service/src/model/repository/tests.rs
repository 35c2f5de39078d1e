#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const CONFIG: &str = r#"
task = "classification"
labels = ["a", "b"]
[input]
width = 2
height = 2
colour = "rgb"
layout = "nchw"
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
"#;

/// A repository with these files, given as paths and contents.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn versions(files: &[(&str, &str)]) -> Result<u32, String> {
    let folder = repository(files);
    let repository = Repository::scan(folder.path()).unwrap();
    repository.entries()[0].source.as_ref().map(|source| source.version).map_err(ToString::to_string)
}

#[test]
fn models_are_found_and_sorted_and_the_rest_is_not() {
    let folder = repository(&[
        ("zebra/model.toml", CONFIG),
        ("zebra/1/model.onnx", ""),
        ("Ant-1.0_x/model.toml", CONFIG),
        ("Ant-1.0_x/2/model.onnx", ""),
        (".hidden/model.toml", CONFIG),
        ("no-model/readme.md", ""),
        ("model.toml", CONFIG),
        ("unknown/readme.md", ""),
    ]);
    let repository = Repository::scan(folder.path()).unwrap();
    let names: Vec<&str> = repository.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["Ant-1.0_x", "zebra"]);
    let source = repository.entries()[0].source.as_ref().unwrap();
    assert_eq!((source.name.as_str(), source.version), ("Ant-1.0_x", 2));
    assert_eq!(source.file, folder.path().join("Ant-1.0_x/2/model.onnx"));
    assert!(repository.default_model().is_none(), "two models, and neither says that it is the default");
}

#[test]
fn broken_models_stand_beside_the_others() {
    let long = "n".repeat(65);
    let folder = repository(&[
        ("good/model.toml", CONFIG),
        ("good/1/model.onnx", ""),
        ("bad-toml/model.toml", "default = true\ntask = 3"),
        ("no-version/model.toml", CONFIG),
        ("no-labels/model.toml", &CONFIG.replace(r#"["a", "b"]"#, r#""labels.txt""#)),
        ("sp ace/model.toml", CONFIG),
        (&format!("{long}/model.toml"), CONFIG),
    ]);
    let repository = Repository::scan(folder.path()).unwrap();
    let problem = |name: &str| {
        let entry = repository.entries().iter().find(|entry| entry.name == name).unwrap();
        entry.source.as_ref().err().map(ToString::to_string)
    };
    assert_eq!(repository.entries().len(), 6);
    assert_eq!(problem("good"), None);
    assert!(problem("bad-toml").unwrap().contains("model.toml"));
    assert!(problem("no-version").unwrap().contains("1/model.onnx"));
    assert!(problem("no-labels").unwrap().contains("labels.txt"));
    assert!(problem("sp ace").unwrap().contains("rename"));
    assert!(problem(&long).unwrap().contains("rename"));
    assert_eq!(repository.default_model().unwrap().name, "bad-toml", "a broken default is still the default");
}

#[test]
fn the_highest_version_serves_unless_pinned() {
    let files = [
        ("m/model.toml", CONFIG),
        ("m/2/model.onnx", ""),
        ("m/10/model.onnx", ""),
        ("m/11/weights.bin", ""),
        ("m/012/model.onnx", ""),
        ("m/+13/model.onnx", ""),
        ("m/99999999999/model.onnx", ""),
        ("m/0/model.onnx", ""),
    ];
    assert_eq!(versions(&files), Ok(10));
    let pinned = format!("version = 2\n{CONFIG}");
    assert_eq!(versions(&[&[("m/model.toml", pinned.as_str())], &files[1..]].concat()), Ok(2));
    let missing = format!("version = 3\n{CONFIG}");
    let problem = versions(&[&[("m/model.toml", missing.as_str())], &files[1..]].concat()).unwrap_err();
    assert!(problem.contains("`version` is 3"), "{problem}");
}

#[test]
fn the_only_model_is_the_default() {
    let folder = repository(&[("m/model.toml", CONFIG)]);
    assert_eq!(Repository::scan(folder.path()).unwrap().default_model().unwrap().name, "m");
}

#[test]
fn what_fails_the_scan() {
    let missing = Repository::scan(Path::new("no/such/folder")).unwrap_err();
    assert!(matches!(missing, ModelError::Unreadable { .. }));
    let folder = repository(&[("a/readme.md", "")]);
    assert!(matches!(Repository::scan(folder.path()), Err(ModelError::NoModels { .. })));
    let default = format!("default = true\n{CONFIG}");
    let folder = repository(&[("b/model.toml", &default), ("a/model.toml", &default)]);
    let two = Repository::scan(folder.path()).unwrap_err();
    assert!(two.to_string().starts_with("models a and b both"), "{two}");
    let folder = repository(&[("unknown/model.toml", CONFIG), ("fine/model.toml", CONFIG)]);
    assert!(matches!(Repository::scan(folder.path()), Err(ModelError::ReservedName { .. })));
}

#[test]
fn at_most_a_hundred_models() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..MAX_MODELS {
        fs::create_dir(folder.path().join(number.to_string())).unwrap();
        fs::write(folder.path().join(number.to_string()).join("model.toml"), "").unwrap();
    }
    assert_eq!(Repository::scan(folder.path()).unwrap().entries().len(), MAX_MODELS);
    fs::create_dir(folder.path().join("one-more")).unwrap();
    fs::write(folder.path().join("one-more/model.toml"), "").unwrap();
    assert!(matches!(Repository::scan(folder.path()), Err(ModelError::TooManyModels { found: 101, .. })));
}
