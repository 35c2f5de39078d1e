#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::time::Duration;

use super::super::{Batching, Colour, DefectRule, Layout, ResizeFilter};
use super::*;

const GOOD: &str = r#"
task = "classification"
labels = ["ok", "bad"]
[input]
width = 4
height = 2
colour = "grey"
layout = "nhwc"
mean = [0.5]
std = [0.25]
"#;

fn load(text: &str) -> Result<ModelConfig, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("model.toml");
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("labels.txt"), "ok\r\nbad \n\n").unwrap();
    ModelConfig::load(&path)
}

/// The message for a file in which `from` has become `to`.
fn message(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    let config = load(&GOOD.replacen(from, to, 1));
    let message = config.expect_err(to).to_string();
    assert!(message.contains("model.toml") || message.contains("labels.txt"), "names no file: {message}");
    message
}

#[test]
fn the_task_cannot_be_left_out() {
    for text in ["", "# nothing yet\n", "version = 1\n"] {
        let message = load(text).unwrap_err().to_string();
        assert!(
            message.contains("model.toml: `task` is missing: write task = \"classification\" for a class"),
            "{message}"
        );
        assert!(
            message.contains("task = \"regression\" for a number") && message.contains("task = \"raw\""),
            "{message}"
        );
    }
}

#[test]
fn all_fields_arrive() {
    let config = load(GOOD);
    let config = config.unwrap();
    assert_eq!(config.task, Task::Classification);
    assert_eq!(config.version, None);
    assert_eq!(config.labels.unwrap(), ["ok", "bad"]);
    assert_eq!(config.defect, DefectRule::Never);
    let input = config.input.unwrap();
    assert_eq!((input.width, input.height), (4, 2));
    assert_eq!((input.colour, input.layout), (Colour::Grey, Layout::Nhwc));
    assert_eq!((input.mean.as_slice(), input.std.as_slice()), (&[0.5][..], &[0.25][..]));
    assert_eq!(input.resize, ResizeFilter::Triangle);
    assert_eq!(input.tensor_shape(), [1, 2, 4, 1]);
    assert_eq!(input.count(), 8);
}

#[test]
fn every_filter_has_its_name() {
    for (name, filter) in [
        ("triangle", ResizeFilter::Triangle),
        ("nearest", ResizeFilter::Nearest),
        ("catmull-rom", ResizeFilter::CatmullRom),
        ("lanczos3", ResizeFilter::Lanczos3),
    ] {
        let config = load(&format!("{GOOD}resize = \"{name}\"\n"));
        assert_eq!(config.unwrap().input.unwrap().resize, filter);
    }
}

#[test]
fn labels_come_from_a_file_beside() {
    let config = load(&GOOD.replace(r#"["ok", "bad"]"#, r#""labels.txt""#));
    assert_eq!(config.unwrap().labels.unwrap(), ["ok", "bad"], "line ends and trailing blank lines are no labels");
}

#[test]
fn labels_from_elsewhere_are_refused() {
    for name in ["../labels.txt", "/etc/hostname", "a/b", "", ".", ".."] {
        let text = message(r#"["ok", "bad"]"#, &format!("{name:?}"));
        assert!(text.contains("without a folder"), "{text}");
    }
    assert!(message(r#"["ok", "bad"]"#, r#""no-labels.txt""#).contains("cannot read"));
}

#[test]
fn bad_labels_are_refused() {
    assert!(message(r#"["ok", "bad"]"#, "[]").contains("has 0 labels"));
    let many: Vec<String> = (0..=100_000).map(|class| class.to_string()).collect();
    assert!(message(r#"["ok", "bad"]"#, &format!("{many:?}")).contains("has 100001 labels"));
    let long: Vec<String> = (0..40_000).map(|class| format!("{class:0>250}")).collect();
    assert!(message(r#"["ok", "bad"]"#, &format!("{long:?}")).contains("8388608 bytes together"));
    assert!(message(r#"["ok", "bad"]"#, r#"["ok", "ok"]"#).contains("\"ok\" twice"));
    assert!(message(r#"["ok", "bad"]"#, r#"["ok", " "]"#).contains("class 1"));
    assert!(message(r#"["ok", "bad"]"#, r#"["ok\n", "bad"]"#).contains("class 0"));
    assert!(message(r#"["ok", "bad"]"#, &format!("[\"{}\"]", "é".repeat(257))).contains("class 0"));
    assert!(message(r#"["ok", "bad"]"#, "3").contains("array of strings"));
    let config = load(&GOOD.replace(r#""bad""#, &format!("\"{}\"", "é".repeat(256))));
    assert!(config.is_ok(), "256 characters are allowed, however many bytes they take");
}

#[test]
fn messages_name_the_field() {
    for (from, to, field) in [
        ("width = 4", "width = 0", "input.width"),
        ("height = 2", "height = 1025", "input.height"),
        ("mean = [0.5]", "mean = [0.5, 0.5, 0.5]", "input.mean"),
        ("mean = [0.5]", "mean = [nan]", "input.mean"),
        ("mean = [0.5]", "mean = [1e9]", "input.mean"),
        ("std = [0.25]", "std = []", "input.std"),
        ("std = [0.25]", "std = [0.0]", "input.std"),
        ("std = [0.25]", "std = [-1.0]", "input.std"),
        ("std = [0.25]", "std = [inf]", "input.std"),
        ("std = [0.25]", "std = [1e-30]", "input.std"),
        ("task =", "version = 0\ntask =", "version"),
        ("[input]", "[defect]\n[input]", "defect"),
        ("[input]", "[defect]\nlabels = []\n[input]", "defect.labels"),
        ("[input]", "[defect]\nlabels = [\"dent\"]\n[input]", "defect.labels"),
        ("[input]", "[defect]\nconfidence_floor = 0.0\n[input]", "defect.confidence_floor"),
        ("[input]", "[defect]\nconfidence_floor = 1.5\n[input]", "defect.confidence_floor"),
        ("[input]", "[defect]\nconfidence_floor = nan\n[input]", "defect.confidence_floor"),
        ("[input]", "[defect]\nlabels = [\"ok\"]\nconfidence_floor = 0.5\n[input]", "defect"),
    ] {
        let text = message(from, to);
        assert!(text.contains(&format!("`{field}`")), "{to}: {text}");
    }
}

#[test]
fn the_parser_names_what_it_does_not_know() {
    assert!(message("task =", "colour = 1\ntask =").contains("unknown field `colour`"));
    assert!(message("width = 4", "widht = 4").contains("widht"));
    assert!(message("width = 4", "width = -4").contains("width"));
    assert!(message(r#""classification""#, r#""detection""#).contains("detection"));
    assert!(message(r#""grey""#, r#""gray""#).contains("grey"), "the message offers the right word");
    assert!(message("std = [0.25]", "").contains("missing field `std`"));
    assert!(message("task =", "default = 1\ntask =").contains("default"));
    assert!(message("task =", "= task").contains("TOML parse error"));
}

#[test]
fn rules_for_defects() {
    let config = load(&GOOD.replace("[input]", "[defect]\nlabels = [\"bad\"]\n[input]"));
    let rule = config.unwrap().defect;
    assert_eq!((rule.is_defect(0, 1.0), rule.is_defect(1, 0.1), rule.is_defect(2, 1.0)), (false, true, false));
    let config = load(&GOOD.replace("[input]", "[defect]\nconfidence_floor = 0.5\n[input]"));
    let rule = config.unwrap().defect;
    assert_eq!((rule.is_defect(0, 0.5), rule.is_defect(0, 0.49)), (false, true));
    assert!(!DefectRule::Never.is_defect(0, 0.0));
}

#[test]
fn a_broken_file_may_still_say_that_it_is_the_default() {
    for (text, expected) in
        [("default = true\ntask = 3", true), ("default = false", false), ("", false), ("default = true\n???", false)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.toml");
        fs::write(&path, text).unwrap();
        assert_eq!(says_default(&path), expected, "{text}");
    }
}

#[test]
fn a_task_says_what_belongs_to_it() {
    let config = load("task = \"classification\"");
    let config = config.unwrap();
    assert_eq!((config.input, config.labels), (None, None), "a model without pictures, whose classes have no names");
    for task in ["regression", "raw"] {
        let config = load(&format!("task = {task:?}"));
        assert_eq!(config.unwrap().task.as_str(), task);
        for more in ["labels = [\"a\"]", "output = \"logits\"", "[defect]\nconfidence_floor = 0.5"] {
            let refused = load(&format!("task = {task:?}\n{more}"));
            let message = refused.unwrap_err().to_string();
            assert!(message.contains("does not belong to the task"), "{message}");
        }
    }
    let named = load("task = \"regression\"\noutput_name = \"y\"");
    assert_eq!(named.unwrap().output_name.unwrap(), "y");
    let named = load("task = \"raw\"\noutput_name = \"y\"");
    assert!(named.unwrap_err().to_string().contains("`output_name`"));
    let pictures = load(&GOOD.replace("classification", "raw").replace("labels = [\"ok\", \"bad\"]", ""));
    let message = pictures.unwrap_err().to_string();
    assert!(message.contains("`input`"), "{message}");
}

#[test]
fn what_the_numbers_are_is_one_of_three_words() {
    use ScoreScale::{Logits, Probabilities, Sigmoid};
    for (word, scale) in [("logits", Logits), ("probabilities", Probabilities), ("sigmoid", Sigmoid)] {
        assert_eq!(load(&format!("output = {word:?}\n{GOOD}")).unwrap().output, Some(scale));
    }
    assert_eq!(load(GOOD).unwrap().output, None);
    let unknown = load(&format!("output = \"softmax\"\n{GOOD}"));
    let message = unknown.unwrap_err().to_string();
    assert!(message.contains("softmax") && message.contains("probabilities"), "{message}");
}

#[test]
fn batching_has_bounds_and_a_default() {
    let with = |table: &str| load(&format!("{GOOD}\n[batching]\n{table}")).map(|config| config.batching);
    let of = |max_size, milliseconds| Batching { max_size, max_delay: Duration::from_millis(milliseconds) };
    assert_eq!(load(GOOD).unwrap().batching, of(8, 0));
    assert_eq!(with("").unwrap(), of(8, 0));
    assert_eq!(with("max_size = 1").unwrap(), of(1, 0));
    assert_eq!(with("max_size = 64\nmax_delay_ms = 1000").unwrap(), of(64, 1000));
    for (table, field) in [
        ("max_size = 0", "max_size"),
        ("max_size = 65", "max_size"),
        ("max_delay_ms = 1001", "max_delay_ms"),
        ("max_delay = 3", "max_delay"),
    ] {
        let message = with(table).unwrap_err().to_string();
        assert!(message.contains(field), "{table}: {message}");
    }
}

#[test]
fn what_is_declared_is_checked_by_field() {
    let table = |more: &str| load(&format!("task = \"classification\"\n{more}"));
    let whole = r#"
        owner = "risk"
        positive = "bad"
        labels = ["ok", "bad"]
        [tags]
        region = ["eu", "us"]
        [thresholds]
        psi_drift = 0.3
        [[features]]
        name = "age"
        kind = "number"
        range = [0, 120]
        keep = false
        missing_value = -1
        [[features]]
        name = "city"
        kind = "category"
        outside = "accept"
    "#;
    let config = table(whole).unwrap();
    assert_eq!((config.declared.owner.as_deref(), config.declared.thresholds.psi_drift), (Some("risk"), Some(0.3)));
    assert_eq!(config.declared.tags["region"], ["eu", "us"]);
    assert_eq!(config.features.len(), 2);
    assert!(!config.features[0].declaration.keep && config.features[1].declaration.keep);
    for (more, says) in [
        ("tolerance = 0.5\n", "`tolerance` belongs to the task \"regression\": remove it"),
        ("[tags]\n\"a b\" = [\"x\"]\n", "`tags` may contain letters, digits"),
        ("[thresholds]\naccuracy = 2.0\n", "`thresholds.accuracy` must be between 0 and 1"),
        ("[thresholds]\nacuracy = 0.5\n", "unknown field `acuracy`"),
        ("[[features]]\nname = \"a\"\n", "missing field `kind`"),
        ("[[features]]\nname = \"a\"\nkind = \"number\"\ncategories = [\"x\"]\n", "`features[0].categories` belong to"),
        (
            "[[features]]\nname = \"a\"\nkind = \"number\"\nmissing_value = []\n",
            "missing_value must be a number or a text",
        ),
        ("[[features]]\nname = \"a\"\nkind = \"number\"\nsize = 1\n", "unknown field `size`"),
    ] {
        let message = table(more).unwrap_err().to_string();
        assert!(message.contains("model.toml: ") && message.contains(says), "{more}: {message}");
    }
    let pictures = load(&format!("{GOOD}[[features]]\nname = \"a\"\nkind = \"number\"\n")).unwrap_err().to_string();
    assert!(pictures.contains("`features` stand beside [input]"), "{pictures}");
    let regression = load("task = \"regression\"\npositive = \"yes\"\n").unwrap_err().to_string();
    assert!(regression.contains("`positive` belongs to the task \"classification\""), "{regression}");
}
