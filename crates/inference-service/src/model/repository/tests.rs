#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

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
        ("unknown/1/model.onnx", ""),
        ("other/1/model.onnx", ""),
        (&format!("{long}/model.toml"), CONFIG),
    ]);
    let repository = Repository::scan(folder.path()).unwrap();
    let problem = |name: &str| {
        let entry = repository.entries().iter().find(|entry| entry.name == name).unwrap();
        entry.source.as_ref().err().map(ToString::to_string)
    };
    assert_eq!(repository.entries().len(), 8);
    assert_eq!(problem("good"), None);
    assert!(problem("bad-toml").unwrap().contains("model.toml"));
    assert!(problem("no-version").unwrap().contains("1/model.onnx"));
    assert!(problem("no-labels").unwrap().contains("labels.txt"));
    assert!(problem("sp ace").unwrap().contains("rename"));
    assert!(problem("unknown").unwrap().contains("reserved for requests that name no known model"));
    assert!(problem("other").unwrap().contains("reserved for models beyond `--max-metric-models`"));
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

/// The path, within the repository, and the reason of all that is passed over.
fn passed_over(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let folder = repository(files);
    let scanned = Repository::scan(folder.path()).unwrap();
    let within = |path: &Path| path.strip_prefix(folder.path()).unwrap().display().to_string();
    scanned.passed_over().iter().map(|passed| (within(&passed.path), passed.because.clone())).collect()
}

/// Name, version and path of each model that can be loaded.
fn served(files: &[(&str, &str)]) -> Vec<(String, u32, String)> {
    let folder = repository(files);
    let scanned = Repository::scan(folder.path()).unwrap();
    let within = |path: &Path| path.strip_prefix(folder.path()).unwrap().display().to_string();
    let sources = scanned.entries().iter().filter_map(|entry| entry.source.as_ref().ok());
    sources.map(|source| (source.name.clone(), source.version, within(&source.file))).collect()
}

#[test]
fn a_model_without_a_model_toml_is_raw() {
    let folder = repository(&[("m/2/model.onnx", ""), ("m/1/model.onnx", "")]);
    let scanned = Repository::scan(folder.path()).unwrap();
    let source = scanned.entries()[0].source.as_ref().unwrap();
    assert_eq!((source.version, &source.config), (2, &ModelConfig::raw()));
    assert!(scanned.passed_over().is_empty());
}

#[test]
fn models_lie_where_exporters_and_other_servers_put_them() {
    for (files, expected) in [
        (&[("m/1/resnet.onnx", "")][..], ("m", 1, "m/1/resnet.onnx")),
        (&[("m/3/MODEL.ONNX", "")], ("m", 3, "m/3/MODEL.ONNX")),
        (&[("m/1/model.onnx/model.onnx", ""), ("m/1/model.onnx/weights", "")], ("m", 1, "m/1/model.onnx/model.onnx")),
        (&[("m/model.onnx", "")], ("m", 1, "m/model.onnx")),
        (&[("m/model.toml", CONFIG), ("m/net.onnx", "")], ("m", 1, "m/net.onnx")),
        (&[("model.onnx", "")], ("model", 1, "model.onnx")),
        (&[("net-v2.onnx", ""), ("net-v2.onnx.data", "")], ("net-v2", 1, "net-v2.onnx")),
        (&[("model.toml", CONFIG), ("net.onnx", "")], ("net", 1, "net.onnx")),
    ] {
        let (name, version, file) = expected;
        assert_eq!(served(files), [(name.to_owned(), version, file.to_owned())], "{files:?}");
    }
}

#[test]
fn a_folder_can_be_one_models() {
    let folder = repository(&[("m/model.toml", CONFIG), ("m/1/model.onnx", ""), ("m/2/model.onnx", "")]);
    let own = Repository::scan(&folder.path().join("m")).unwrap();
    let named = Repository::scan_model(&folder.path().join("m"), "named").unwrap();
    let of = |scanned: &Repository| {
        scanned.entries()[0].source.as_ref().map(|source| (source.name.clone(), source.version)).unwrap()
    };
    assert_eq!((of(&own), of(&named)), (("m".to_owned(), 2), ("named".to_owned(), 2)));
    let without = repository(&[("1/model.onnx", ""), ("config.pbtxt", "")]);
    assert_eq!(of(&Repository::scan_model(without.path(), "n").unwrap()), ("n".to_owned(), 1));
    for reserved in ["unknown", "other"] {
        let refused = Repository::scan_model(without.path(), reserved);
        assert!(matches!(refused, Err(ModelError::ReservedName { .. })), "{reserved}");
    }
}

#[test]
fn nothing_says_which_of_two_files_is_the_model() {
    let files = [("m/1/model.onnx", ""), ("m/2/b.onnx", ""), ("m/2/a.onnx", "")];
    let problem = versions(&files).unwrap_err();
    assert!(problem.contains("a.onnx, b.onnx: keep one, or call the one to serve model.onnx"), "{problem}");
    assert_eq!(versions(&[&files[..], &[("m/2/model.onnx", "")]].concat()), Ok(2));
    let pinned = format!("version = 1\nlatest_versions = 2\n{CONFIG}");
    assert_eq!(versions(&[&files[..], &[("m/model.toml", &pinned)]].concat()), Ok(1), "the other one does no harm");
}

#[test]
fn nothing_is_passed_over_in_silence() {
    let good = ("good/1/model.onnx", "");
    for (path, because) in [
        ("empty/readme.md", "empty|neither model.toml nor a model"),
        ("good/01/model.onnx", "good/01|without zeros"),
        ("good/v2/model.onnx", "good/v2|without zeros"),
        ("good/0/model.onnx", "good/0|without zeros"),
        ("good/2/notes", "good/2|holds no .onnx file"),
        ("good/2/saved_model.pb", "good/2/saved_model.pb|TensorFlow"),
        ("good/1/pytorch_model.bin", "good/1/pytorch_model.bin|PyTorch"),
        ("good/1/other.onnx", "good/1/other.onnx|model.onnx beside it"),
        ("good/model.onnx", "good/model.onnx|a version folder beside it"),
        ("good/tokenizer.json", "good/tokenizer.json|nothing here reads it"),
        ("good/1/config.json", "good/1/config.json|nothing here reads it"),
        ("good/weights", "good/weights|nothing here reads it"),
        ("good/onnx/model.onnx", "good/onnx|rename the folder"),
        ("good/more/file", "good/more|no version folder"),
        ("model.toml", "model.toml|belongs into the folder of a model"),
        ("clf.joblib", "clf.joblib|skl2onnx"),
        ("good.onnx", "good.onnx|a folder of this name"),
    ] {
        let (expected, reason) = because.split_once('|').unwrap();
        let found = passed_over(&[good, (path, "")]);
        let [(found, because)] = &found[..] else { panic!("{path}: {found:?}") };
        assert!(found == expected && because.contains(reason), "{path}: {found} {because}");
    }
    let several = passed_over(&[good, ("a.onnx", ""), ("b.onnx", "")]);
    assert!(several.len() == 2 && several[0].1.contains("folder of its own"), "{several:?}");
}

#[test]
fn tritons_file_is_told_in_other_words() {
    let config = "name: \"m\" platform: \"onnxruntime_onnx\" max_batch_size: 8 dynamic_batching { }";
    let found = passed_over(&[("m/1/model.onnx", ""), ("m/config.pbtxt", config)]);
    let [(path, because)] = &found[..] else { panic!("{found:?}") };
    assert!(path == "m/config.pbtxt" && because.contains("[batching] max_size = 8"), "{because}");
}

#[test]
fn what_belongs_to_a_model_is_not_passed_over() {
    let labels = CONFIG.replace(r#"["a", "b"]"#, r#""classes.names""#);
    let found = passed_over(&[
        ("m/model.toml", &labels),
        ("m/classes.names", "a\nb"),
        ("m/README.md", ""),
        ("m/.git/config", ""),
        ("m/examples/cat.jpg", ""),
        ("m/1/model.onnx", ""),
        ("m/1/model.onnx.data", ""),
        ("m/1/weights", ""),
        ("m/1/profile.json", ""),
        ("m/.coming/model.onnx", ""),
        ("flat/model.onnx", ""),
        ("flat/model.onnx.data", ""),
        ("flat/onnx__MatMul_17", ""),
        ("loose.onnx", ""),
        ("loose.onnx.data", ""),
        (".cache/1/model.onnx", ""),
        ("README", ""),
    ]);
    assert_eq!(found, []);
}

#[test]
fn a_file_that_the_model_beside_it_does_not_read_is_told_once_the_model_is_read() {
    let labels = CONFIG.replace(r#"["a", "b"]"#, r#""classes.names""#);
    let folder = repository(&[
        ("m/1/model.onnx", ""),
        ("m/1/weights", ""),
        ("m/1/left.behind", ""),
        ("m/1/README", ""),
        ("m/1/profile.json", ""),
        ("nested/1/model.onnx/model.onnx", ""),
        ("nested/1/more", ""),
        ("flat/model.toml", &labels),
        ("flat/classes.names", ""),
        ("flat/model.onnx", ""),
        ("flat/old", ""),
    ]);
    let unread = |model: &str| -> Vec<PathBuf> {
        let weights = [folder.path().join("m/1/weights")];
        let unread = unread_beside(&folder.path().join(model), &weights);
        unread.iter().map(|unread| unread.path.strip_prefix(folder.path()).unwrap().to_owned()).collect()
    };
    assert_eq!(unread("m/1/model.onnx"), [Path::new("m/1/left.behind")]);
    assert_eq!(unread("nested/1/model.onnx/model.onnx"), [Path::new("nested/1/more")]);
    assert_eq!(unread("flat/model.onnx"), [Path::new("flat/old")]);
}

#[test]
fn what_lies_in_a_repository_without_a_model_is_told() {
    let folder = repository(&[("m/1/model.pt", "")]);
    let problem = Repository::scan(folder.path()).unwrap_err().to_string();
    assert!(problem.contains("holds no model: put one at") && problem.contains("torch.onnx.export"), "{problem}");
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
}

#[test]
fn any_number_of_models_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..300 {
        fs::create_dir(folder.path().join(number.to_string())).unwrap();
        fs::write(folder.path().join(number.to_string()).join("model.toml"), "").unwrap();
    }
    assert_eq!(Repository::scan(folder.path()).unwrap().entries().len(), 300);
}
